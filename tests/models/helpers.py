"""A network that trains in no time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer

from facekp.config import ModelConfig
from facekp.landmarks.scheme import DANES, Scheme
from facekp.models import heatmap_codec as codec
from facekp.models.module import KeypointModule


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


def heatmap_logits(points: torch.Tensor, size: tuple[int, int], sigma: float = 1.0) -> torch.Tensor:
    """Logits [1, K, h, w] of Gaussians about relative points, float32 [K, 2], in heatmaps of size (w, h)."""
    columns, rows = codec.encode(points, size, sigma)
    return (rows[:, :, None] * columns[:, None]).clamp_min(1e-30).log()[None]


TINY = {"_target_": "facekp.models.nose.NoseNet", "channels": [2, 2, 2], "hidden": 4}


def tiny_module(
    input_size: Sequence[int], selection: str = "all", scheme: Scheme = DANES, flip_test: bool = False, **network: Any
) -> KeypointModule:
    """A module that was not trained; ``network`` replaces settings of the tiny one, ``_target_`` all of them."""
    settings = network if "_target_" in network else TINY | network
    module = KeypointModule(ModelConfig("tiny", settings, list(input_size), selection, flip_test), scheme)
    module.mean_shape.fill_(0.5)
    return module
