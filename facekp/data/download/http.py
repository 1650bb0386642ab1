"""Download of one file into memory, with time limits."""

from __future__ import annotations

from contextlib import suppress
from queue import Empty, Full, Queue
from threading import Thread

import requests
from rich.progress import Progress

from facekp.utils.terminal import console


class DownloadError(Exception):
    """A failed download; the message follows the address, as in "responded with status 404"."""


class NoResponseError(DownloadError):
    """There was no response from the address."""


def download(url: str, max_bytes: int, response_limit_s: float, stall_limit_s: float) -> bytes:
    """Download a file over HTTP, with a progress bar on a terminal. There is no limit to the total time.

    Args:
        url: redirects are followed.
        max_bytes: limit for the size of the file.
        response_limit_s: seconds until the first bytes, including name resolution, connection and redirects.
        stall_limit_s: seconds without further bytes.

    Raises:
        DownloadError: or :class:`NoResponseError`, if the file was not downloaded completely.
    """
    # A timeout of requests limits one read, and nothing limits a name resolution. So the transfer runs in a thread that
    # may be abandoned; it ends by its own timeout, or when its pieces are not taken.
    pieces: Queue[tuple[bytes, int | None] | DownloadError | None] = Queue(maxsize=64)
    Thread(target=_transfer, args=(url, pieces, response_limit_s + stall_limit_s), daemon=True).start()
    content = bytearray()
    out = console(stderr=True)
    with Progress(console=out, transient=True, disable=not out.is_terminal) as bar:
        task = bar.add_task("downloading")
        try:
            while piece := pieces.get(timeout=stall_limit_s if content else response_limit_s):
                if isinstance(piece, DownloadError):
                    raise piece
                content += piece[0]
                if len(content) > max_bytes:
                    raise DownloadError(f"sent more than {max_bytes} bytes")
                bar.update(task, completed=len(content), total=piece[1])
        except Empty:
            if content:
                raise DownloadError(f"stalled after {len(content)} bytes") from None
            raise NoResponseError(f"did not respond within {response_limit_s:.2g} s") from None
    return bytes(content)


def _transfer(url: str, pieces: Queue[tuple[bytes, int | None] | DownloadError | None], timeout_s: float) -> None:
    """Put the pieces of a file, each with the announced total size, and then None or the error."""
    end: DownloadError | None = None
    try:
        with requests.get(url, stream=True, timeout=timeout_s, headers={"Accept-Encoding": "identity"}) as response:
            response.raise_for_status()
            size = int(response.headers.get("Content-Length", 0)) or None
            for piece in response.iter_content(16 * 1024):
                pieces.put((piece, size), timeout=timeout_s)
    except requests.HTTPError as error:
        end = DownloadError(f"responded with status {error.response.status_code}")
    except requests.exceptions.ChunkedEncodingError:
        end = DownloadError("broke off")
    except Exception as error:  # an odd response makes the libraries raise almost anything
        cause: BaseException = error
        while cause.__context__ is not None:
            cause = cause.__context__
        end = NoResponseError(f"could not be reached ({getattr(cause, 'strerror', None) or type(cause).__name__})")
    with suppress(Full):
        pieces.put(end, timeout=timeout_s)
