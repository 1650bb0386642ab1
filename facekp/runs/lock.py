"""One process at a time trains in a run folder."""

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
"""Within a run folder, while a process trains there: names the process."""

_held: dict[Path, tuple[IO[str], bool]] = {}  # the open file, and whether the folder was made for it


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Within the block, no other process can lock a folder; see :func:`lock`."""
    if folder.resolve() in _held:  # by LockFolder
        yield
        return
    lock(folder)
    try:
        yield
    finally:
        _unlock(folder.resolve())


def lock(folder: Path) -> None:
    """Keep other processes out of a folder until :func:`unlock_all`, or the end of this process, however it ends.

    The lock is the system's, on a file. Where the file is left by a process that was killed, it locks nothing. Of
    several processes that train together, the first one locks. Where the system or the disk has no such locks (Windows,
    some network drives), nobody is kept out.

    Args:
        folder: made where there is none.

    Raises:
        ConfigError: if another process has locked it.
        OSError: if the folder cannot be made or written to.
    """
    if fcntl is None or not is_main_process():
        return
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # unlike flock's, not shared with processes that are forked
        if not path.exists() or not os.path.samestat(os.fstat(file.fileno()), path.stat()):
            raise BlockingIOError  # who held it has removed it since it was opened here
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
    """Open all folders that this process has locked."""
    for folder in list(_held):
        _unlock(folder)


def _unlock(folder: Path) -> None:
    file, made = _held.pop(folder, (None, False))
    if file is None:
        return
    with suppress(OSError), file:
        (folder / LOCK).unlink()
        if made:
            folder.rmdir()  # if nothing else has come into it


class LockFolder(Callback):
    """Lock the folder of a run or sweep before Hydra writes the settings into it."""

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        if config.hydra.output_subdir is not None:
            _lock_or_exit(Path(config.hydra.run.dir))

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        _lock_or_exit(Path(config.hydra.sweep.dir))


def _lock_or_exit(folder: Path) -> None:
    try:
        lock(folder)
    except ConfigError as error:  # Hydra goes on after any exception of a callback
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError:
        return  # Hydra cannot write there either
