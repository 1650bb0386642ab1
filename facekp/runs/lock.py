"""Locks of run folders, so that one process at a time trains in each."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from facekp.runs.distributed import is_main_process
from facekp.utils.errors import ConfigError
from facekp.utils.terminal import display_path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
"""Name of the file in a run folder that names the process that trains there."""

_held: dict[Path, tuple[IO[str], bool]] = {}  # the open file, and whether the folder was created for it


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder within the block; see :func:`lock`."""
    if folder.resolve() in _held:  # by LockFolder
        yield
        return
    lock(folder)
    try:
        yield
    finally:
        _unlock(folder.resolve())


def lock(folder: Path) -> None:
    """Lock a folder against other processes until :func:`unlock_all` or the end of this process.

    It is a lock of the system on a file; a file left by a killed process has no effect. In distributed training the
    first process locks. Without support by the system or the disk (Windows, some network drives) there is no lock.

    Args:
        folder: created if it does not exist.

    Raises:
        ConfigError: if another process has locked it.
        OSError: if the folder cannot be created or written to.
    """
    if fcntl is None or not is_main_process():
        return
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # unlike that of flock, not shared with forked processes
        if not path.exists() or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            raise BlockingIOError  # its holder has removed it since it was opened here
    except (BlockingIOError, PermissionError) as error:
        file.seek(0)
        with file:
            holder = file.read(100)
        raise ConfigError(
            f"another process ({holder}) trains in {display_path(folder)}; wait until it has ended, or choose another "
            "folder"
        ) from error
    except OSError as error:
        print(
            f"{display_path(folder)} cannot be locked here ({error.strerror}): start nothing else in it",
            file=sys.stderr,
        )
    else:
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}")
        file.flush()
    _held[folder.resolve()] = file, made


def unlock_all() -> None:
    """Release all locks of this process."""
    for folder in list(_held):
        _unlock(folder)


def _unlock(folder: Path) -> None:
    file, made = _held.pop(folder, (None, False))
    if file is None:
        return
    with suppress(OSError), file:
        (folder / LOCK).unlink()
        if made:
            folder.rmdir()  # if it is empty


class LockFolder(Callback):
    """Locks the folder of a run or sweep before Hydra writes the settings into it."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        if config.hydra.output_subdir is not None:
            _lock_or_exit(Path(config.hydra.run.dir))

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        _lock_or_exit(Path(config.hydra.sweep.dir))


def _lock_or_exit(folder: Path) -> None:
    try:
        lock(folder)
    except ConfigError as error:  # Hydra ignores exceptions of callbacks
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError:
        return  # Hydra cannot write there either
