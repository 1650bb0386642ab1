"""What the machine gives to this process: cores and memory."""

from __future__ import annotations

import ctypes
import os
import platform

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt, as in glibc's malloc.h


def usable_cores() -> int:
    """How many cores this process may use, which on a shared machine can be fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keep_freed_memory() -> None:
    """Keep memory that is freed for what is needed next, rather than give it back to the system.

    Each step of training frees what the next one needs. glibc returns some of it, depending on how the heap began, and
    the page faults by which it comes back can take a third of the time of a small network on a CPU. Other C libraries
    are left as they are.
    """
    if platform.libc_ver()[0] == "glibc":
        glibc = ctypes.CDLL(None)
        glibc.mallopt(_TRIM_THRESHOLD, 2**30)
        glibc.mallopt(_MMAP_THRESHOLD, 2**25)  # the most that it accepts
