"""Handling of SIGINT (Ctrl-C) and SIGTERM: the first ends gracefully, the second at once.

Commands import this first, so it imports only the standard library.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

_ONE_REQUEST_S = 0.5  # some senders, such as timeout(1), signal a process and its group


class Interrupted(BaseException):
    """Raised when this process receives SIGINT or SIGTERM.

    It is not a KeyboardInterrupt, for which Lightning would exit by itself.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)  # for pickling by a launcher
        self.status = 128 + number
        """The exit status that a shell expects."""
        self.run_dir: Path | None = None
        """The folder of the run that it ended, if one had begun."""


class _Listener:
    def __init__(self) -> None:
        self.requested: tuple[int, float] | None = None
        self.deferring = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.requested is None:
            self.requested = number, time.monotonic()
            if not self.deferring:
                raise Interrupted(number)
        elif time.monotonic() - self.requested[1] > _ONE_REQUEST_S:
            os._exit(128 + number)


_listener = _Listener()


def exit_on_signals() -> None:
    """End the process at once with a message on SIGINT or SIGTERM; used during imports, before anything has started."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit)


def _exit(number: int, frame: FrameType | None) -> None:
    with suppress(OSError):  # ends without stderr, too
        os.write(2, b"\nInterrupted\n")
    os._exit(128 + number)


def install_handlers() -> None:
    """Raise :class:`Interrupted` on the first SIGINT or SIGTERM, and end the process on the second."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _listener)


def reinstall_handlers() -> None:
    """Replace handlers that a library has installed since :func:`install_handlers`, if that was called."""
    if signal.getsignal(signal.SIGINT) is _listener:
        install_handlers()


@contextmanager
def defer_signals() -> Iterator[None]:
    """Within the block, raise :class:`Interrupted` only in :func:`stop_if_requested` and at the end."""
    _listener.deferring = True
    try:
        yield
        stop_if_requested()
    finally:
        _listener.deferring = False


def requested_signal() -> int:
    """The number of the deferred signal, or 0."""
    return _listener.requested[0] if _listener.requested is not None and _listener.deferring else 0


def stop_if_requested(number: int | None = None) -> None:
    """Raise for a deferred signal of this or another process of the run; called between two steps.

    Args:
        number: the result of :func:`requested_signal` in that process; by default in this one.

    Raises:
        Interrupted: if there was a signal.
    """
    if number := requested_signal() if number is None else number:
        raise Interrupted(number)
