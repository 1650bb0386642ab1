"""What a run was: run.json, written when training starts and completed when it ends."""

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

_PACKAGES = ("torch", "lightning", "albumentations", "numpy")


@contextmanager
def recorded(config: Config, images: Mapping[str, int], trainer: Any) -> Iterator[None]:
    """Keep ``run.json`` in the run folder about the training that happens inside the block.

    The file holds a list ``parts``: one entry, and one more for each time that the run was gone on with. What is only
    known at the end is null until then.

    Of several processes, the first one does.

    Args:
        config: of the run.
        images: how many there are of each set, by ``train`` and ``val``.
        trainer: Lightning's, which is not imported here.
    """
    if not trainer.is_global_zero:
        yield
        return
    path = Path(config.run_dir) / "run.json"
    before = RunFolder(path.parent).parts if config.resume else []
    part = _beginning(config, images, trainer)
    _write(path, [*before, part])
    start = time.monotonic()
    try:
        yield
        part |= {"finished": _now(), "steps": trainer.global_step}
    finally:
        part |= {"training_seconds": time.monotonic() - start, "epochs": trainer.current_epoch}
        _write(path, [*before, part])


def command_line() -> str | None:
    """The command that started this process, or that would start this one job of a sweep.

    It is as it was typed, but for ``resume=last``: that will be another run tomorrow, so its folder is named.

    Returns:
        A line for a shell, or None where no command line was given, as in a notebook.
    """
    if not HydraConfig.initialized():
        return None
    hydra = HydraConfig.get()
    if sweeping():
        return shlex.join(["python", sys.argv[0], *RunFolder(hydra.runtime.output_dir).overrides])
    named = {"resume=last": f"resume={hydra.run.dir}"}
    return shlex.join(["python", *(named.get(typed, typed) for typed in sys.orig_argv[1:])])


def _beginning(config: Config, images: Mapping[str, int], trainer: Any) -> dict[str, Any]:
    commit = _git("rev-parse", "HEAD") if _git("ls-files", "--error-unmatch", "__init__.py") else None
    return {
        "command": command_line(),
        "started": _now(),
        "finished": None,
        "training_seconds": None,
        "epochs": None,  # counted from the beginning of the run, as are the steps
        "steps": None,
        "seed": config.seed,
        "model": config.model.name,
        **{f"{name}_images": number for name, number in images.items()},
        "samples_per_image": config.data.samples_per_image,
        "limit_train_batches": config.trainer.limit_train_batches,  # the share of an epoch that is gone through
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
    """What a class of the settings is called; where it only calls a function that is given beside it, that one."""
    names = [_name_of(value) for value in spec.values() if isinstance(value, dict) and "_target_" in value]
    return next(iter(names), spec.get("_target_", "").rpartition(".")[2] or None)


def _now() -> str:
    return datetime.now(UTC).astimezone().isoformat(timespec="seconds")


def _git(*arguments: str) -> str | None:
    """What git says of the folder of this package; None where there is no git, or the package is not in its care."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, env=clean, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _write(path: Path, parts: list[dict[str, Any]]) -> None:
    write_text(path, json.dumps({"parts": parts}, indent=1) + "\n")
