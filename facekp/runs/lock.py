"""Locks of run folders, so that one process at a time trains in each, and removal of those that were opened in vain."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from facekp.runs.distributed import is_main_process
from facekp.utils.errors import ConfigError
from facekp.utils.files import is_folder
from facekp.utils.terminal import display_path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
"""Name of the file in a run folder that names the process that trains there."""

_held: dict[Path, IO[str]] = {}
_new: list[Path] = []  # folders that this command creates, the innermost first


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a folder within the block, unless this process has locked it before; see :func:`lock`."""
    ours = folder.resolve() not in _held
    if ours:
        lock(folder)
    try:
        yield
    finally:
        if ours:
            _unlock(folder.resolve())


def lock(folder: Path) -> None:
    """Lock a folder against other processes until :func:`unlock_all` or the end of this process.

    It is a lock of the system on a file; a file left by a killed process has no effect. In distributed training the
    first process locks. Without support by the system or the disk (Windows, some network drives) there is no lock.

    Raises:
        ConfigError: if another process has locked it.
        OSError: if the folder cannot be created or written to.
    """
    if fcntl is None or not is_main_process():
        return
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # unlike that of flock, not shared with forked processes
        if not path.exists() or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            raise BlockingIOError  # its holder has removed it since it was opened here
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}")
        file.flush()
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
    _held[folder.resolve()] = file


def unlock_all() -> None:
    """Release all locks of this process."""
    for folder in list(_held):
        _unlock(folder)


def _unlock(folder: Path) -> None:
    if folder in _held:
        with suppress(OSError), _held.pop(folder):
            (folder / LOCK).unlink()


class OpenFolder(Callback):
    """Locks the folder of a run or sweep before Hydra writes the settings into it."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        if config.hydra.output_subdir is not None:
            _open(Path(config.hydra.run.dir).absolute())

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        _open(Path(config.hydra.sweep.dir).absolute())


def _open(folder: Path) -> None:
    _new[:] = [each for each in (folder, *folder.parents) if not is_folder(each)]
    try:
        folder.mkdir(parents=True, exist_ok=True)  # also for what a sweeper stores there
        lock(folder)
    except ConfigError as error:  # Hydra ignores exceptions of callbacks
        sys.exit(f"Error: {error}")
    except OSError:
        return  # Hydra cannot write there either


def remove_new_folders() -> None:
    """Remove the folders that this command has created, unless a network has been trained there."""
    unlock_all()
    for number, folder in enumerate(_new):
        with suppress(OSError):  # a folder with other content stays
            content = {path.name for path in folder.iterdir()}
            if number == 0 and ".hydra" in content and "checkpoints" not in content:
                shutil.rmtree(folder)
                continue
            if number == 0 and content == {"multirun.yaml"}:
                (folder / "multirun.yaml").unlink()
            folder.rmdir()
