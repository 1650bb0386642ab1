"""A network that trains in no time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from lightning.pytorch import Callback, Trainer

from facekp.landmarks.scheme import DANES
from facekp.models.base import KeypointNetwork
from facekp.models.module import KeypointModule
from facekp.models.nose import NoseNet


def bare_trainer(epochs: int, callback: Callback) -> Trainer:
    """A trainer that does nothing but train, on the CPU."""
    return Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        callbacks=[callback],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


def tiny_module(input_size: Sequence[int], point_indices: Sequence[int] = tuple(range(58))) -> KeypointModule:
    network = NoseNet(len(point_indices), (input_size[0], input_size[1]), channels=(2, 2, 2), hidden=4)
    return module_of(network, point_indices)


def module_of(network: KeypointNetwork, point_indices: Sequence[int]) -> KeypointModule:
    return KeypointModule(network, DANES, point_indices, torch.full((len(point_indices), 2), 0.5))
