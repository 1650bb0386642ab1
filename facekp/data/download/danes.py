"""Get the Danes set from where it is published, and make sure that it is the genuine one."""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from glob import escape
from pathlib import Path

from facekp.data.download.archive import ArchiveError, unpack
from facekp.data.download.http import DownloadError, Limits, NoAnswerError, download
from facekp.utils.errors import DataError

MANIFEST = Path(__file__).with_name("danes.sha256")
"""The names and SHA-256 of the 480 files, as ``sha256sum`` writes them."""

SEARCH_LIMIT_S = 14.0  # with all that comes around it, no more than 15
STALL_LIMIT_S = 15.0
MAX_ARCHIVE_BYTES = 100 * 10**6  # the published archives are under 30 MB
_STALE_S = 3600.0  # a living download writes every STALL_LIMIT_S

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Differences:
    """How a folder differs from a manifest; each is a sorted tuple of names."""

    missing: tuple[str, ...]
    changed: tuple[str, ...]
    extra: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every file is there and genuine; others may lie beside them."""
        return not (self.missing or self.changed)

    def __str__(self) -> str:
        kinds = {"missing": self.missing, "changed": self.changed, "extra": self.extra}
        return ", ".join(f"{len(names)} {kind} ({_some(names)})" for kind, names in kinds.items() if names)


def verify(folder: Path, manifest: Path = MANIFEST) -> Differences:
    """Compare the files in a folder, by their content, with a manifest.

    Args:
        folder: need not exist.
        manifest: lines of a SHA-256 and a name, as ``sha256sum`` writes them.

    Raises:
        OSError: if a file cannot be read.
    """
    digests = _digests(manifest)
    present = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    changed = (name for name in digests.keys() & present if _sha256(folder / name) != digests[name])
    return Differences(
        missing=tuple(sorted(digests.keys() - present)),
        changed=tuple(sorted(changed)),
        extra=tuple(sorted(present - digests.keys())),
    )


def download_danes(
    folder: Path,
    urls: Sequence[str],
    *,
    manifest: Path = MANIFEST,
    search_limit_s: float = SEARCH_LIMIT_S,
    stall_limit_s: float = STALL_LIMIT_S,
    progress: bool = True,
) -> Path:
    """Download the Danes set into a folder, from the first address that gives the genuine files.

    Nothing is downloaded if the folder holds the set already. Until all files are there and verified, everything is
    kept in a hidden folder beside it; then the files move in all at once. So the folder is never seen half filled, even
    if the process is killed or two processes fetch at the same time.

    Args:
        folder: absent, empty, or holding the complete set.
        urls: of .zip or .tar.gz archives, tried in turn.
        manifest: what the set consists of, see :func:`verify`.
        search_limit_s: seconds that may be spent, over all addresses, on waiting for answers.
        stall_limit_s: seconds that a download that has begun may pause.
        progress: draw a progress bar on stderr if that is a terminal.

    Returns:
        The folder's full path.

    Raises:
        DataError: if no address gave the set, if it cannot be written, or if the folder holds something else, which is
            left as it is.
    """
    folder = folder.expanduser().resolve()
    try:
        _clear_stale(folder)
        if not _holds_set(folder, manifest):
            folder.parent.mkdir(parents=True, exist_ok=True)
            get = partial(_get, folder=folder, manifest=manifest, stall_limit_s=stall_limit_s, progress=progress)
            _search(urls, get, search_limit_s)
            _log.info("the Danes set is in %s", folder)
    except OSError as error:
        raise DataError(f"the Danes set cannot be put into {folder}: {error}; mend that or choose another") from error
    return folder


def _holds_set(folder: Path, manifest: Path) -> bool:
    if not folder.exists() or _is_empty(folder):
        return False
    differences = verify(folder, manifest)
    if not differences.complete:
        raise DataError(
            f"{folder} is not the Danes set as it was published: {differences}; nothing in it was touched. Move it "
            "away to download the set afresh, or set FACEKP_DANES or data.root to it to use it as it is"
        )
    return True


def _search(urls: Sequence[str], get: Callable[[str, float], None], limit_s: float) -> None:
    """Get the set from the first address that has it, waiting no longer than ``limit_s`` for answers altogether.

    What is left of that time is shared evenly by the hosts that are left; one that did not answer is not asked again.
    """
    failures: list[str] = []
    silent: set[str] = set()
    for place, url in enumerate(urls):
        if _host(url) in silent:
            failures.append(f"{url} (not tried: on the same host)")
            continue
        hosts = {_host(later) for later in urls[place:]} - silent
        _log.info("downloading the Danes set from %s", url)
        try:
            return get(url, limit_s / len(hosts))
        except (DownloadError, ArchiveError) as error:
            _log.warning("%s %s; it is given up", url, error)
            failures.append(f"{url} ({error})")
            if isinstance(error, DownloadError):
                limit_s -= error.waited_s
            if isinstance(error, NoAnswerError):
                silent.add(_host(url))
    raise DataError(
        f"the Danes set could not be downloaded; tried: {'; '.join(failures) or 'no address'}. Download "
        "imm_face_db.zip or imm_face_db.tar.gz in a browser, unpack it, and set FACEKP_DANES or data.root to the "
        "folder that holds its .jpg and .asf files; or use data=standin, which needs no download"
    )


def _get(
    url: str, answer_limit_s: float, *, folder: Path, manifest: Path, stall_limit_s: float, progress: bool
) -> None:
    with _temporary_folder(folder) as temporary:
        archive, files = temporary / "archive", temporary / "files"
        limits = Limits(MAX_ARCHIVE_BYTES, answer_limit_s, stall_limit_s)
        download(url, archive, limits, progress)
        files.mkdir()
        unpack(archive, _digests(manifest), files)
        differences = verify(files, manifest)
        if not differences.complete:
            raise ArchiveError(f"does not hold the genuine set: {differences}")
        _put_in_place(files, folder, manifest)


def _put_in_place(files: Path, folder: Path, manifest: Path) -> None:
    try:
        with suppress(FileNotFoundError):
            folder.rmdir()  # an empty folder makes way; any other stays
        files.rename(folder)
    except OSError:
        if not verify(folder, manifest).complete:  # else another process was here first
            raise


def _clear_stale(folder: Path) -> None:
    """Remove what killed processes have left beside the folder."""
    for left in folder.parent.glob(escape(_temporary_prefix(folder)) + "*"):
        with suppress(OSError):  # it may vanish meanwhile
            last_written = max(path.stat().st_mtime for path in (left, *left.rglob("*")))
            if last_written < time.time() - _STALE_S:
                shutil.rmtree(left)


@contextmanager
def _temporary_folder(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(
        prefix=_temporary_prefix(folder), dir=folder.parent, ignore_cleanup_errors=True
    ) as name:
        yield Path(name)


def _temporary_prefix(folder: Path) -> str:
    return f".{folder.name}.facekp-"


def _digests(manifest: Path) -> dict[str, str]:
    lines = (line.split() for line in manifest.read_text().splitlines())
    return {name: digest for digest, name in lines}


def _sha256(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]


def _some(names: Sequence[str], at_most: int = 3) -> str:
    return ", ".join(names[:at_most]) + (", ..." if len(names) > at_most else "")
