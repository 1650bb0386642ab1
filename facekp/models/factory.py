"""From the ``model`` settings to the LightningModule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from facekp.config import ModelConfig
from facekp.landmarks.scheme import Scheme
from facekp.models.base import KeypointNetwork
from facekp.models.module import KeypointModule
from facekp.utils.errors import ConfigError
from facekp.utils.instantiate import create


def build_module(model: ModelConfig, scheme: Scheme, shapes: np.ndarray | None) -> KeypointModule:
    """The LightningModule of a model's settings, not trained yet; its network starts from what shapes it will learn.

    Args:
        model: the settings.
        scheme: the landmarks of the data.
        shapes: float32 [N, P, 2], all points of the training set, relative to the canvas; None if the state of a
            trained module will be loaded.

    Raises:
        ConfigError: if there is no such network or selection of points, the network refuses its settings, or mirror
            images are to be answered whose points are not known.
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
    mean_shape = torch.zeros(len(points), 2)
    if shapes is not None:
        asked = torch.from_numpy(shapes[:, list(points)])
        network.init_from_shapes(asked)
        mean_shape = asked.mean(0)
    mirror = _mirrored_places(scheme, points) if model.flip_test else None
    return KeypointModule(network, scheme, points, mean_shape, model.optimizer, mirror)


def _mirrored_places(scheme: Scheme, points: Sequence[int]) -> list[int]:
    """For each of some points its place among them in a mirrored face."""
    swapped = [scheme.mirror[point] for point in points] if scheme.mirror else []
    if set(swapped) != set(points):
        raise ConfigError(
            f"model.flip_test=true is not possible: scheme {scheme.name} does not tell which of the points "
            "change places in a mirror; set model.flip_test=false"
        )
    return [list(points).index(point) for point in swapped]
