"""Archives of any content, well formed and not."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

Files = list[tuple[str, bytes]]
Pack = Callable[[Files], bytes]


def zipped(files: Files) -> bytes:
    """A .zip of (path, content)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files:
            archive.writestr(zipfile.ZipInfo(path), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def tarred(files: Files, mode: str = "w:gz") -> bytes:
    """A .tar.gz of (path, content), or a .tar with mode ``w``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for path, content in files:
            _add(archive, path, content)
    return buffer.getvalue()


def tarred_with(files: Files, path: str, **attributes: Any) -> bytes:
    """A .tar.gz of the files and one member more, with odd attributes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files:
            _add(archive, name, content)
        info = tarfile.TarInfo(path)
        for name, value in attributes.items():
            setattr(info, name, value)
        archive.addfile(info)
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, path: str, content: bytes) -> None:
    info = tarfile.TarInfo(path)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))
