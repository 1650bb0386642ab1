"""run.json, the record of a run, written when training starts and completed when it ends."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig

import facekp
from facekp.config import Config, Specs
from facekp.runs.folder import RunFolder
from facekp.runs.resume import sweeping
from facekp.utils.files import write_text

FOLDER_SETTINGS = ("run_dir=", "hydra.run.dir=")
"""How the settings begin that name the folder of a new run."""
_PACKAGES = ("torch", "lightning", "albumentations", "numpy")


@contextmanager
def recorded(config: Config, images: Mapping[str, int], trainer: Any) -> Iterator[None]:
    """Record the training in the block in ``run.json`` of the run folder.

    The file has a list ``parts``: one entry, and one more for each time that the run was resumed. Values that are only
    known at the end are null until then. In distributed training only the first process writes.

    Args:
        images: number of images in the sets ``train`` and ``val``.
        trainer: Lightning's Trainer, which is not imported here.
    """
    if not trainer.is_global_zero:
        yield
        return
    path = Path(config.run_dir) / "run.json"
    before = RunFolder(path.parent).parts if config.resume else []
    part = _start_of(config, images, trainer)
    _write(path, [*before, part])
    start = time.monotonic()
    try:
        yield
        part |= {"finished": _now(), "steps": trainer.global_step}
    finally:
        part |= {"training_seconds": time.monotonic() - start, "epochs": trainer.current_epoch}
        _write(path, [*before, part])


def command_line() -> str | None:
    """The command that repeats what this process does, or this one job of a sweep.

    It is the one that was typed, but for ``resume=last``, which is replaced by the folder of that run, and for the name
    of a new run's folder, which would be refused because the run lies there now.

    Returns:
        A line for a shell, or None if there was no command line, as in a notebook.
    """
    if not HydraConfig.initialized():
        return None
    hydra = HydraConfig.get()
    if sweeping():
        return shlex.join(["python", sys.argv[0], *RunFolder(hydra.runtime.output_dir).overrides])
    named = {"resume=last": f"resume={hydra.run.dir}"}
    typed = [word for word in sys.orig_argv[1:] if not word.startswith(FOLDER_SETTINGS)]
    return shlex.join(["python", *(named.get(word, word) for word in typed)])


def _start_of(config: Config, images: Mapping[str, int], trainer: Any) -> dict[str, Any]:
    commit = _git("rev-parse", "HEAD") if _git("ls-files", "--error-unmatch", "__init__.py") else None
    return {
        "command": command_line(),
        "started": _now(),
        "finished": None,
        "training_seconds": None,
        "epochs": None,  # over the whole run, like the steps
        "steps": None,
        "seed": config.seed,
        "model": config.model.name,
        **{f"{name}_images": number for name, number in images.items()},
        "samples_per_image": config.data.samples_per_image,
        "limit_train_batches": config.trainer.limit_train_batches,  # fraction of each epoch
        "batch_size": config.data.batch_size,
        "augment": config.augment.name,
        "optimizer": _name_of(config.optimizer),
        "lr": config.optimizer.get("lr"),
        "schedule": _name_of(config.schedule),
        "commit": commit,
        "dirty": bool(_git("status", "--porcelain")) if commit else None,
        "versions": {
            "facekp": facekp.__version__,
            "python": platform.python_version(),
            **{package: version(package) for package in _PACKAGES},
        },
        "system": platform.platform(),
        "cpus": os.cpu_count(),
        "processes": trainer.world_size,
        "device": device_name(trainer),
    }


def device_name(trainer: Any) -> str:
    """What Lightning's trainer computes on: a graphics card by its name."""
    device = trainer.strategy.root_device
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device.type)


def _name_of(spec: Specs) -> str | None:
    """The name of the class in settings, or of the function that is its argument."""
    names = [_name_of(value) for value in spec.values() if isinstance(value, dict) and "_target_" in value]
    return next(iter(names), spec.get("_target_", "").rpartition(".")[2] or None)


def _now() -> str:
    return datetime.now(UTC).astimezone().isoformat(timespec="seconds")


def _git(*arguments: str) -> str | None:
    """The output of git for the folder of this package; None if git or a repository is missing."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, env=clean, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _write(path: Path, parts: list[dict[str, Any]]) -> None:
    write_text(path, json.dumps({"parts": parts}, indent=1) + "\n")
