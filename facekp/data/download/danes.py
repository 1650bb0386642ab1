"""Download of the Danes set, verified by SHA-256."""

from __future__ import annotations

import gzip
import hashlib
import io
import logging
import tarfile
import time
import zipfile
from collections.abc import Container, Iterator, Sequence, Set
from pathlib import Path, PureWindowsPath

import requests
from rich.progress import Progress

from facekp.utils.errors import DataError
from facekp.utils.files import make_folder, user_path
from facekp.utils.terminal import console

MANIFEST = Path(__file__).with_name("danes.sha256")
"""The names and SHA-256 of the 480 files, as ``sha256sum`` writes them."""

TIMEOUTS_S = (3.0, 15.0)  # until a server is connected, and until it sends more
MIN_BYTES_PER_S = 2000  # below which an address is given up after the second time
MAX_BYTES = 100 * 10**6  # of an archive, packed and unpacked; the published ones have 28 MB
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may expand without bound within one read

_log = logging.getLogger(__name__)


class DownloadError(Exception):
    """Why an address does not give the set; the message follows the address, as in "has the status 404"."""


def download_danes(folder: Path, urls: Sequence[str], manifest: Path = MANIFEST) -> Path:
    """Download the Danes set into a folder, from the first address with the genuine files.

    Nothing is downloaded if the folder has the set already. The folder is never half filled, even if the process is
    killed or two processes download at the same time, see :func:`facekp.utils.files.make_folder`.

    Args:
        folder: absent, empty, or holding the complete set.
        urls: of .zip or .tar.gz archives, tried in turn.
        manifest: lines of a SHA-256 and a name, as ``sha256sum`` writes them.

    Returns:
        The folder's full path.

    Raises:
        DataError: if no address has the set, it cannot be written, or the folder has other content, which is left
            unchanged.
    """
    folder = user_path(folder).resolve()
    digests = dict(line.split()[::-1] for line in manifest.read_text().splitlines())

    def fill(new: Path) -> None:
        for name, content in _search(urls, digests).items():
            (new / name).write_bytes(content)

    try:
        make_folder(folder, fill, lambda: _holds_set(folder, digests))
    except OSError as error:
        raise DataError(f"the Danes set cannot be put into {folder}: {error}; mend that or choose another") from error
    return folder


def _holds_set(folder: Path, digests: dict[str, str]) -> bool:
    """Whether a folder has all files of the set, and maybe others."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    paths = [folder / name for name in digests]
    genuine = {path.name for path in paths if path.is_file() and _digest(path.read_bytes()) == digests[path.name]}
    if lacking := _lacking(genuine, digests):
        raise DataError(
            f"{folder} is not the Danes set as it was published: {lacking}; nothing in it was touched. Move it away to "
            "download the set afresh, or set FACEKP_DANES or data.root to it to use it as it is"
        )
    return True


def _search(urls: Sequence[str], digests: dict[str, str]) -> dict[str, bytes]:
    """The files from the first address that has them."""
    failures: list[str] = []
    for url in urls:
        _log.info("downloading the Danes set from %s", url)
        try:
            return _genuine(_download(url), digests)
        except DownloadError as error:
            _log.warning("%s %s; it is given up", url, error)
            failures.append(f"{url} ({error})")
    raise DataError(
        f"the Danes set could not be downloaded; tried: {'; '.join(failures) or 'no address'}. Download "
        "imm_face_db.zip or imm_face_db.tar.gz in a browser, unpack it, and set FACEKP_DANES or data.root to the "
        "folder that holds its .jpg and .asf files; or use data=standin, which needs no download"
    )


def _download(url: str) -> bytes:
    """Download a file into memory, with a progress bar on a terminal."""
    content, out, start = bytearray(), console(stderr=True), time.monotonic()
    headers = {"Accept-Encoding": "identity"}
    try:
        with (
            requests.get(url, stream=True, timeout=TIMEOUTS_S, headers=headers) as response,
            Progress(console=out, transient=True, disable=not out.is_terminal) as bar,
        ):
            response.raise_for_status()
            task = bar.add_task("downloading", total=int(response.headers.get("Content-Length", 0)) or None)
            while piece := response.raw.read1(64 * 1024):  # what has come, where iter_content would wait for more
                content += piece
                if len(content) < MIN_BYTES_PER_S * (time.monotonic() - start - TIMEOUTS_S[1]):
                    raise DownloadError("is too slow")
                bar.update(task, completed=len(content))
                if len(content) > MAX_BYTES:
                    raise DownloadError(f"sends more than {MAX_BYTES} bytes")
    except requests.HTTPError as error:
        raise DownloadError(f"has the status {error.response.status_code}") from error
    except DownloadError:
        raise
    except Exception as error:  # an odd response makes the libraries raise almost anything
        fault = "broke off" if content else "could not be reached"
        raise DownloadError(f"{fault} ({type(error).__name__})") from error
    return bytes(content)


def _genuine(archive: bytes, digests: dict[str, str]) -> dict[str, bytes]:
    """The files of a manifest, from anywhere in an untrusted archive.

    Only genuine content is returned, so that links, devices and paths in the archive have no effect.
    """
    try:
        found = {name: content for name, content in _members(archive, digests) if digests[name] == _digest(content)}
    except DownloadError:
        raise
    except Exception as error:  # damaged bytes make the standard library raise almost anything
        raise DownloadError(f"is no sound .zip or .tar.gz archive ({type(error).__name__})") from error
    if lacking := _lacking(found.keys(), digests):
        raise DownloadError(f"does not hold the genuine set: {lacking}")
    return found


def _members(archive: bytes, names: Container[str]) -> Iterator[tuple[str, bytes]]:
    """The files of some names in an archive, wherever they lie, and their contents, which are bounded in their sum."""
    if archive.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(archive)) as packed:
            readable = (member for member in packed.infolist() if member.compress_type in _ZIP_METHODS)
            members = [member for member in readable if _name(member.filename) in names]
            if sum(member.file_size for member in members) > MAX_BYTES:
                raise DownloadError(f"unpacks to more than {MAX_BYTES} bytes")
            for member in members:  # packed.read() would expand more than the member declares
                yield _name(member.filename), packed.open(member).read(member.file_size)
        return
    if archive.startswith(b"\x1f\x8b"):  # otherwise requests has already decompressed it
        archive = gzip.GzipFile(fileobj=io.BytesIO(archive)).read(MAX_BYTES + 1)
    if len(archive) > MAX_BYTES:  # including the headers and unwanted files of a tar
        raise DownloadError(f"unpacks to more than {MAX_BYTES} bytes")
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
        for entry in tar:
            if _name(entry.name) in names and entry.isreg() and (file := tar.extractfile(entry)):
                yield _name(entry.name), file.read()


def _name(path: str) -> str:
    return PureWindowsPath(path).name  # knows both slashes


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _lacking(found: Set[str], digests: dict[str, str]) -> str:
    """What a message tells of the files that were not found; nothing if all were."""
    absent = sorted(digests.keys() - found)
    names = ", ".join(absent[:3]) + (", ..." if len(absent) > 3 else "")
    return f"{len(absent)} missing or changed ({names})" if absent else ""
