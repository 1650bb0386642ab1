"""Ctrl-C and SIGTERM: the first is an orderly end, the second ends at once.

Commands import this before all else, so nothing but the standard library is imported here.
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
    """Raised where this process was asked to end.

    It is no KeyboardInterrupt, upon which Lightning would exit by itself.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)  # with which it is made again where a launcher passes it on
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
    """From now on SIGINT or SIGTERM ends the process at once with a word: for imports, when nothing is begun."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _exit)


def _exit(number: int, frame: FrameType | None) -> None:
    with suppress(OSError):  # no stderr is no reason to go on
        os.write(2, b"\nInterrupted\n")
    os._exit(128 + number)


def install_handlers() -> None:
    """From now on the first SIGINT or SIGTERM raises :class:`Interrupted`, and the second ends the process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _listener)


def reinstall_handlers() -> None:
    """Take the signals back from a library that has taken them since :func:`install_handlers`, if that was called."""
    if signal.getsignal(signal.SIGINT) is _listener:
        install_handlers()


@contextmanager
def defer_signals() -> Iterator[None]:
    """Within the block, raise :class:`Interrupted` only in :func:`stop_if_requested` and at its end."""
    _listener.deferring = True
    try:
        yield
        stop_if_requested()
    finally:
        _listener.deferring = False


def requested_signal() -> int:
    """The number of the signal that was deferred, or 0."""
    return _listener.requested[0] if _listener.requested is not None and _listener.deferring else 0


def stop_if_requested(number: int | None = None) -> None:
    """Act on a signal that was deferred, here or in another process of the run; called where nothing is half done.

    Args:
        number: what :func:`requested_signal` said there.

    Raises:
        Interrupted: if there was a signal.
    """
    if number := requested_signal() if number is None else number:
        raise Interrupted(number)
