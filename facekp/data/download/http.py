"""Download one file, and never wait for it without end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pooch
from requests import HTTPError, RequestException
from requests.exceptions import ChunkedEncodingError
from tqdm import tqdm

CHUNK_BYTES = 16 * 1024
_LOOK_EVERY_S = 0.05

_log = logging.getLogger(__name__)


class DownloadError(Exception):
    """A download that failed; the message goes on from the address, such as "answered with status 404".

    Args:
        reason: the message.
        waited_s: seconds spent before a single byte of the file came; 0 if one came.
    """

    def __init__(self, reason: str, waited_s: float = 0.0) -> None:
        super().__init__(reason)
        self.waited_s = waited_s


class NoAnswerError(DownloadError):
    """Nobody answers at the address."""


class _BrokenOffError(DownloadError):
    """The connection was lost in the middle of the file, so that another attempt may succeed."""


@dataclass(frozen=True)
class Limits:
    """What a download may take; its whole time has no limit."""

    total_bytes: int
    answer_s: float  # until the first bytes must be here: name look-up, connection and redirects together
    stall_s: float  # without further bytes


def download(url: str, target: Path, limits: Limits, progress: bool = True) -> None:
    """Download a file over HTTP, however long it takes as long as bytes keep coming; if it breaks off, try once more.

    Args:
        url: redirects are followed.
        target: the file to write, over an old one if there is.
        limits: of its size and of every wait.
        progress: draw a progress bar on stderr if that is a terminal.

    Raises:
        DownloadError: or one of its kinds, if the address did not give the whole file.
        OSError: if the file cannot be written.
    """
    try:
        _transfer(url, target, limits, progress)
    except _BrokenOffError as error:
        _log.info("%s %s; once more", url, error)
        _transfer(url, target, limits, progress)


def _transfer(url: str, target: Path, limits: Limits, progress: bool) -> None:
    started = time.monotonic()
    with target.open("wb") as file, _bar(progress) as bar:
        sink = _Sink(file, limits.total_bytes)
        # A time-out of requests holds for one read, and none holds for a name look-up. So the transfer runs beside this
        # thread, which watches it; the time-out is only to end a transfer that was given up here long before.
        lost_s = 2 * (limits.answer_s + limits.stall_s)
        get = pooch.HTTPDownloader(
            progressbar=bar, chunk_size=CHUNK_BYTES, timeout=lost_s, headers={"Accept-Encoding": "identity"}
        )
        running = _in_background(lambda: get(url, sink, None))
        while not wait([running], _LOOK_EVERY_S).done:
            idle_s = time.monotonic() - sink.last_time
            if not sink.received and idle_s > limits.answer_s:
                raise NoAnswerError(f"did not answer within {limits.answer_s:.2g} s", idle_s)
            if sink.received and idle_s > limits.stall_s:
                raise DownloadError(f"stalled after {_megabytes(sink.received)}")
    try:
        running.result()
    except DownloadError:
        raise
    except Exception as error:  # a server's odd answer makes the libraries raise nearly anything
        if isinstance(error, OSError) and not isinstance(error, RequestException):
            raise  # this machine's disk, not the address
        raise _explained(error, sink.received, time.monotonic() - started) from error


def _bar(progress: bool) -> tqdm:
    only_on_terminal = None
    # pooch puts in the true total, but takes a bar without any total for no bar at all.
    return tqdm(total=1, unit="B", unit_scale=True, leave=False, disable=only_on_terminal if progress else True)


def _in_background(work: Callable[[], None]) -> Future[None]:
    """Run in a thread that may be left behind: unlike an executor's, it does not keep the process from ending."""
    future: Future[None] = Future()

    def run() -> None:
        try:
            work()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(None)

    threading.Thread(target=run, daemon=True).start()
    return future


class _Sink:
    """Counts and times what is written to a file, and refuses more than ``limit`` bytes.

    A transfer that was left behind ends here, when it writes to the file that is closed by then.
    """

    def __init__(self, file: IO[bytes], limit: int) -> None:
        self._file = file
        self._limit = limit
        self.received = 0
        self.last_time = time.monotonic()

    def write(self, chunk: bytes) -> None:
        if self.received + len(chunk) > self._limit:
            raise DownloadError(f"sent more than {_megabytes(self._limit)}")
        self._file.write(chunk)
        self.received += len(chunk)
        self.last_time = time.monotonic()

    def flush(self) -> None:
        self._file.flush()


def _explained(error: Exception, received: int, elapsed_s: float) -> DownloadError:
    if isinstance(error, HTTPError) and error.response is not None:
        return DownloadError(f"answered with status {error.response.status_code}", elapsed_s)
    if received or isinstance(error, ChunkedEncodingError):
        return _BrokenOffError(f"broke off after {_megabytes(received)}")
    return NoAnswerError(f"could not be reached ({_root_cause(error)})", elapsed_s)


def _root_cause(error: BaseException) -> str:
    while error.__context__ is not None:
        error = error.__context__
    return getattr(error, "strerror", None) or type(error).__name__


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
