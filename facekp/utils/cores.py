"""The processor's cores."""

from __future__ import annotations

import os


def usable_cores() -> int:
    """How many cores this process may use, which on a shared machine can be fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
