"""Builds the LightningModule that the ``model``, ``optimizer`` and ``schedule`` settings describe."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from facekp.config import ModelConfig, Specs
from facekp.landmarks.scheme import Scheme
from facekp.models.base import KeypointNetwork
from facekp.models.module import KeypointModule
from facekp.utils.errors import ConfigError
from facekp.utils.instantiate import create


def build_module(
    model: ModelConfig,
    scheme: Scheme,
    shapes: np.ndarray | None,
    optimizer: Specs | None = None,
    schedule: Specs | None = None,
) -> KeypointModule:
    """The untrained LightningModule that the ``model`` settings describe.

    Args:
        model: the settings.
        scheme: the landmarks of the data.
        shapes: float32 [N, P, 2], all points of the training set, relative to the canvas, from which the network is
            initialised; None if the state of a trained module will be loaded.
        optimizer, schedule: their settings; without them training is that of :class:`KeypointModule`.

    Raises:
        ConfigError: if there is no such network or selection, the network refuses its settings, or ``flip_test`` is
            set and the scheme does not tell which points change places in a mirror.
    """
    point_indices = scheme.select(model.selection)
    network = create(
        model.network,
        KeypointNetwork,
        "model.network",
        _recursive_=False,
        num_points=len(point_indices),
        input_size=tuple(model.input_size),
    )
    mean_shape = torch.zeros(len(point_indices), 2)
    if shapes is not None:
        selected = torch.from_numpy(shapes[:, list(point_indices)])
        network.init_from_shapes(selected)
        mean_shape = selected.mean(0)
    mirror = _mirror_columns(scheme, point_indices) if model.flip_test else None
    training: dict[str, Any] = {}
    if optimizer:
        training["optimizer"] = partial(create, optimizer, Optimizer, "optimizer")
    if schedule:
        training["schedule"] = partial(_create_schedule, schedule)
    return KeypointModule(network, scheme, point_indices, mean_shape, mirror, **training)


def _create_schedule(spec: Specs, optimizer: Optimizer, total_steps: int) -> LRScheduler:
    return create(_with_steps(spec, total_steps), LRScheduler, "schedule", optimizer)


def _with_steps(value: Any, total_steps: int) -> Any:
    """The settings of a schedule with the number of steps wherever ``total_steps`` stands for it."""
    if isinstance(value, dict):
        return {name: _with_steps(inner, total_steps) for name, inner in value.items()}
    return total_steps if value == "total_steps" else value


def _mirror_columns(scheme: Scheme, point_indices: Sequence[int]) -> list[int]:
    """For each of the selected points the column of the one that it becomes in a mirrored face."""
    mirrored = [scheme.mirror[point] for point in point_indices] if scheme.mirror else []
    if set(mirrored) != set(point_indices):
        raise ConfigError(
            f"model.flip_test=true is not possible: scheme {scheme.name} does not tell which of the points "
            "change places in a mirror; set model.flip_test=false"
        )
    return [list(point_indices).index(point) for point in mirrored]
