"""A network that trains in no time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Callback, Trainer

from facekp.config import ModelConfig
from facekp.landmarks.scheme import DANES, Scheme
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


TINY = {"_target_": "facekp.models.nose.NoseNet", "channels": [2, 2, 2], "hidden": 4}


def tiny_module(
    input_size: Sequence[int], selection: str = "all", scheme: Scheme = DANES, flip_test: bool = False, **network: Any
) -> KeypointModule:
    """A module that was not trained; ``network`` replaces settings of the tiny one, ``_target_`` all of them."""
    settings = network if "_target_" in network else TINY | network
    module = KeypointModule(ModelConfig("tiny", settings, list(input_size), selection, flip_test), scheme)
    module.mean_shape.fill_(0.5)
    return module
