"""Creation of the optimizer and the learning rate schedule from settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from facekp.config import Specs
from facekp.utils.instantiate import create_nested


def create_optimizer(spec: Specs | None, parameters: Iterator[nn.Parameter]) -> Optimizer:
    """The optimizer of the ``optimizer`` settings; AdamW by default."""
    return create_nested(spec, Optimizer, "optimizer", parameters) if spec else AdamW(parameters)


def create_schedule(spec: Specs, optimizer: Optimizer, total_steps: int) -> LRScheduler:
    """The schedule of the ``schedule`` settings, where the value ``total_steps`` is replaced by the number."""
    return create_nested(_with_steps(spec, total_steps), LRScheduler, "schedule", optimizer)


def _with_steps(value: Any, total_steps: int) -> Any:
    if isinstance(value, dict):
        return {name: _with_steps(inner, total_steps) for name, inner in value.items()}
    return total_steps if value == "total_steps" else value
