"""Download one file into memory, and never wait for it without end."""

from __future__ import annotations

from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Thread

import requests
from rich.progress import Progress

from facekp.utils.terminal import console


class DownloadError(Exception):
    """An address that did not give what was wanted; the message goes on from it, such as "answered with status 404"."""


class NoAnswerError(DownloadError):
    """Nobody answers at the address."""


def download(url: str, max_bytes: int, answer_limit_s: float, stall_limit_s: float) -> bytes:
    """Download a file over HTTP, however long it takes as long as bytes keep coming; a terminal shows a progress bar.

    Args:
        url: redirects are followed.
        max_bytes: a larger file is given up.
        answer_limit_s: seconds until the first bytes must be here: name look-up, connection and redirects together.
        stall_limit_s: seconds that a download that has begun may pause.

    Raises:
        DownloadError: or :class:`NoAnswerError`, if the address did not give the whole file.
    """
    # A time-out of requests holds for one read, and none holds for a name look-up. So the transfer runs in a thread
    # that may be left behind; it ends at its own time-out, or when nobody takes its pieces.
    pieces: Queue[tuple[bytes, int | None] | DownloadError | None] = Queue(maxsize=64)
    Thread(target=_transfer, args=(url, pieces, answer_limit_s + stall_limit_s), daemon=True).start()
    content = bytearray()
    out = console(stderr=True)
    with Progress(console=out, transient=True, disable=not out.is_terminal) as bar:
        task = bar.add_task("downloading")
        try:
            while piece := pieces.get(timeout=stall_limit_s if content else answer_limit_s):
                if isinstance(piece, DownloadError):
                    raise piece
                content += piece[0]
                if len(content) > max_bytes:
                    raise DownloadError(f"sent more than {max_bytes} bytes")
                bar.update(task, completed=len(content), total=piece[1])
        except Empty:
            if content:
                raise DownloadError(f"stalled after {len(content)} bytes") from None
            raise NoAnswerError(f"did not answer within {answer_limit_s:.2g} s") from None
    return bytes(content)


def _transfer(url: str, pieces: Queue[tuple[bytes, int | None] | DownloadError | None], timeout_s: float) -> None:
    """Put the pieces of a file, each with the size announced for the whole, and then None or what went wrong."""
    end: DownloadError | None = None
    try:
        with requests.get(url, stream=True, timeout=timeout_s, headers={"Accept-Encoding": "identity"}) as response:
            response.raise_for_status()
            size = int(response.headers.get("Content-Length", 0)) or None
            for piece in response.iter_content(16 * 1024):
                pieces.put((piece, size), timeout=timeout_s)
    except requests.HTTPError as error:
        end = DownloadError(f"answered with status {error.response.status_code}")
    except requests.exceptions.ChunkedEncodingError:
        end = DownloadError("broke off")
    except Exception as error:  # a server's odd answer makes the libraries raise nearly anything
        cause: BaseException = error
        while cause.__context__ is not None:
            cause = cause.__context__
        end = NoAnswerError(f"could not be reached ({getattr(cause, 'strerror', None) or type(cause).__name__})")
    with suppress(Full):
        pieces.put(end, timeout=timeout_s)
