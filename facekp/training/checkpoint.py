"""Checkpoints: what they say of themselves, and how they are opened.

A checkpoint holds plain data only and is read with ``weights_only=True``, so that opening one runs no code of its
author.
"""

from __future__ import annotations

import zipfile
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import facekp
from facekp.config import AugmentConfig, Config, DataConfig, ModelConfig
from facekp.landmarks.scheme import Scheme
from facekp.models.factory import build_module
from facekp.models.module import KeypointModule
from facekp.runs.folder import RunFolder
from facekp.utils.errors import CheckpointError, ConfigError

ABOUT = "facekp"
"""The key under which a checkpoint tells how it was made."""


@dataclass(frozen=True)
class Checkpoint:
    """An opened checkpoint.

    Args:
        path: where it lies.
        model, data, augment: the settings of the run that made it.
        scheme: what the landmarks of that run are called; None if the checkpoint does not tell.
        seed: of that run.
        epoch, step: how many epochs and iterations it was trained.
        state: the module's state_dict.
    """

    path: Path
    model: ModelConfig
    data: DataConfig
    augment: AugmentConfig
    scheme: str | None
    seed: int
    epoch: int
    step: int
    state: dict[str, Tensor]


def describe(config: Config, scheme: Scheme) -> dict[str, Any]:
    """What a checkpoint of this run tells of itself, with the scheme of its landmarks; plain data."""
    return {
        "model": asdict(config.model),
        "data": asdict(config.data),
        "augment": asdict(config.augment),
        "scheme": asdict(scheme),
        "seed": config.seed,
        "versions": {"facekp": facekp.__version__} | {name: version(name) for name in ("torch", "lightning")},
    }


def read_checkpoint(path: Path) -> Checkpoint:
    """Open a checkpoint file.

    Raises:
        CheckpointError: if it is no checkpoint, is damaged, or was not made by this project.
    """
    try:
        _refuse_bomb(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a file can hold that is no checkpoint has no end
        raise CheckpointError(f"{path} is not a checkpoint, or is damaged; give one that train.py wrote") from error
    about = content.get(ABOUT) if isinstance(content, dict) else None
    if not isinstance(about, dict) or not isinstance(content.get("state_dict"), dict):
        raise CheckpointError(f"{path} is not a checkpoint of facekp; give one that train.py wrote")
    try:
        _refuse_nested([about["model"]["network"], about["data"]["reader"]], path)
        return Checkpoint(
            path=path,
            model=ModelConfig(**about["model"]),
            data=DataConfig(**about["data"]),
            augment=AugmentConfig(**about["augment"]),
            scheme=about.get("scheme", {}).get("name"),
            seed=about["seed"],
            epoch=content["epoch"] + 1,
            step=content["global_step"],
            state=content["state_dict"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} was made by another version of facekp ({error}); train again") from error


def _refuse_bomb(path: Path) -> None:
    """Stop before a file is read that would unpack to more than it holds; what torch writes is not compressed."""
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > path.stat().st_size:
            raise ValueError("it claims more than it holds")


def _refuse_nested(specs: list[dict[str, Any]], path: Path) -> None:
    """Stop before settings from a checkpoint make more than a network and a reader, whose kind is checked."""
    inside: list[Any] = [value for spec in specs for value in spec.values()]
    while inside:
        node = inside.pop()
        if isinstance(node, dict) and "_target_" in node:
            raise CheckpointError(
                f"{path} asks to create {node['_target_']}, which no network or data reader of facekp needs; "
                "give a checkpoint that train.py wrote"
            )
        inside += node.values() if isinstance(node, dict) else node if isinstance(node, (list, tuple)) else []


def restore_module(checkpoint: Checkpoint, scheme: Scheme) -> KeypointModule:
    """The trained LightningModule that a checkpoint holds, ready to answer.

    Raises:
        CheckpointError: if the landmarks are others, or the weights do not fit the network that the checkpoint names.
    """
    _check_scheme(checkpoint, scheme)
    try:
        module = build_module(checkpoint.model, scheme, None)
        module.load_state_dict(checkpoint.state)
    except (ConfigError, RuntimeError) as error:
        raise CheckpointError(
            f"{checkpoint.path} does not hold the weights of {checkpoint.model.name}: {error}"
        ) from error
    return module.eval()


def checkpoint_to_resume(config: Config, scheme: Scheme) -> Checkpoint | None:
    """The checkpoint that a run is asked to go on from, or None; which of the two is printed.

    Raises:
        CheckpointError: if it is damaged, was made with another network, other points or another input size, or is
            trained longer than this run.
    """
    if config.resume is None:
        return None
    path = RunFolder(config.resume).last_checkpoint
    if not path.is_file():
        print(f"{config.resume} has no checkpoint yet, so its run starts anew there")
        return None
    checkpoint = read_checkpoint(path)
    _check_scheme(checkpoint, scheme)
    for name in ("network", "selection", "input_size"):
        there, here = getattr(checkpoint.model, name), getattr(config.model, name)
        if there != here:
            raise CheckpointError(
                f"{path} was made with model.{name}={there}, this run has {here}; "
                f"go on with model={checkpoint.model.name} or start anew without resume"
            )
    if checkpoint.epoch > config.trainer.max_epochs:
        raise CheckpointError(
            f"{path} has had {checkpoint.epoch} epochs, this run has {config.trainer.max_epochs}; "
            "give trainer.max_epochs=<how many in all>"
        )
    print(f"{config.resume} goes on after epoch {checkpoint.epoch} of {config.trainer.max_epochs}")
    return checkpoint


def _check_scheme(checkpoint: Checkpoint, scheme: Scheme) -> None:
    if checkpoint.scheme not in (None, scheme.name):
        raise CheckpointError(
            f"{checkpoint.path} was trained on the landmarks {checkpoint.scheme}, the data have {scheme.name}; "
            "set data.root to data with those landmarks"
        )


def device_of(accelerator: str) -> torch.device:
    """The device that a name of Lightning's means here: ``auto``, ``cpu``, ``gpu`` or ``mps``."""
    found = torch.accelerator.current_accelerator(check_available=True)
    return torch.device("cpu") if accelerator == "cpu" or found is None else found
