"""Checkpoints: what they say of themselves, and how they are opened.

A checkpoint holds plain data only and is read with ``weights_only=True``, so that opening one runs no code of its
author.
"""

from __future__ import annotations

import pickle
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from facekp.config import AugmentConfig, Config, DataConfig, ModelConfig, OptimizerConfig
from facekp.create import create
from facekp.errors import CheckpointError, ConfigError
from facekp.landmarks import Scheme
from facekp.models.module import KeypointModule
from facekp.models.network import KeypointNetwork

ABOUT = "facekp"
"""The key under which a checkpoint tells how it was made."""


@dataclass(frozen=True)
class Checkpoint:
    """An opened checkpoint.

    Args:
        path: where it lies.
        model, data, augment: the settings of the run that made it.
        seed: of that run.
        epoch: how many epochs it was trained.
        state: the module's state_dict.
    """

    path: Path
    model: ModelConfig
    data: DataConfig
    augment: AugmentConfig
    seed: int
    epoch: int
    state: dict[str, Tensor]


def describe(config: Config) -> dict[str, Any]:
    """What a checkpoint of this run tells of itself; plain data."""
    return {
        "model": asdict(config.model),
        "data": asdict(config.data),
        "augment": asdict(config.augment),
        "seed": config.seed,
    }


def find_checkpoint(path: str | Path, weights: str = "last") -> Path:
    """The checkpoint file that a path means: the file itself, or the ``last`` or ``best`` of a run folder.

    Raises:
        CheckpointError: if there is none.
    """
    given = Path(path).expanduser()
    if given.is_file():
        return given
    if not given.exists():
        raise CheckpointError(f"{given} does not exist; give a checkpoint file or a run folder as ckpt_path")
    inside = given / "checkpoints" / f"{weights}.ckpt"
    if not inside.is_file():
        raise CheckpointError(f"{given} has no checkpoints/{weights}.ckpt; give a run folder that finished an epoch")
    return inside


def read_checkpoint(path: Path) -> Checkpoint:
    """Open a checkpoint file.

    Raises:
        CheckpointError: if it is no checkpoint, is damaged, or was not made by this project.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, KeyError, IndexError, pickle.UnpicklingError) as error:
        raise CheckpointError(f"{path} is not a checkpoint, or is damaged; give one that train.py wrote") from error
    about = content.get(ABOUT) if isinstance(content, dict) else None
    if not isinstance(about, dict) or "state_dict" not in content:
        raise CheckpointError(f"{path} is not a checkpoint of facekp; give one that train.py wrote")
    try:
        model = {**about["model"], "optimizer": OptimizerConfig(**about["model"]["optimizer"])}
        return Checkpoint(
            path=path,
            model=ModelConfig(**model),
            data=DataConfig(**about["data"]),
            augment=AugmentConfig(**about["augment"]),
            seed=about["seed"],
            epoch=content["epoch"] + 1,
            state=content["state_dict"],
        )
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{path} was made by another version of facekp ({error}); train again") from error


def build_module(model: ModelConfig, scheme: Scheme, mean_shape: np.ndarray) -> KeypointModule:
    """The LightningModule of a model's settings, not trained yet; its network starts from the mean shape.

    Args:
        model: the settings.
        scheme: the landmarks of the data.
        mean_shape: float32 [P, 2], the mean of all points over the training set.

    Raises:
        ConfigError: if there is no such network or selection of points, or the network refuses its settings.
    """
    points = scheme.select(model.points)
    network = create(
        model.network,
        KeypointNetwork,
        "model.network",
        _recursive_=False,
        points=len(points),
        input_size=tuple(model.input_size),
    )
    shape = torch.from_numpy(mean_shape[list(points)])
    network.start_from(shape)
    return KeypointModule(network, scheme, points, shape, model.optimizer)


def restore_module(checkpoint: Checkpoint, scheme: Scheme) -> KeypointModule:
    """The trained LightningModule that a checkpoint holds, ready to answer.

    Raises:
        CheckpointError: if the weights do not fit the network that the checkpoint names.
    """
    try:
        module = build_module(checkpoint.model, scheme, np.zeros((len(scheme), 2), np.float32))
        module.load_state_dict(checkpoint.state)
    except (ConfigError, RuntimeError) as error:
        raise CheckpointError(
            f"{checkpoint.path} does not hold the weights of {checkpoint.model.name}: {error}"
        ) from error
    return module.eval()


def checkpoint_to_resume(config: Config) -> Path | None:
    """The checkpoint that a run is asked to go on from, or None.

    Raises:
        CheckpointError: if there is none, or it was made with another network, other points or another input size.
    """
    if config.ckpt_path is None:
        return None
    checkpoint = read_checkpoint(find_checkpoint(config.ckpt_path))
    for name in ("network", "points", "input_size"):
        there, here = getattr(checkpoint.model, name), getattr(config.model, name)
        if there != here:
            raise CheckpointError(
                f"{checkpoint.path} was made with model.{name}={there}, this run has {here}; "
                f"go on with model={checkpoint.model.name} or start anew without ckpt_path"
            )
    return checkpoint.path


def run_folder_of(checkpoint: Path) -> Path | None:
    """The run folder that a checkpoint file lies in, or None for a file on its own."""
    return checkpoint.parent.parent if checkpoint.parent.name == "checkpoints" else None


def device_of(accelerator: str) -> torch.device:
    """The device that a name of Lightning's means here: ``auto``, ``cpu``, ``gpu`` or ``mps``."""
    found = torch.accelerator.current_accelerator(check_available=True)
    return torch.device("cpu") if accelerator == "cpu" or found is None else found
