"""What tests of whole runs share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir

from facekp.config import CONF, checked, register
from facekp.runs.folder import RunFolder


def config(name: str, *overrides: str) -> Any:
    """The checked config that a command line amounts to."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return checked(compose(name, overrides=list(overrides)))


@contextmanager
def blank_figures() -> Iterator[None]:
    """Figures are made and written, but left white: drawing them takes longer than a short run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("matplotlib.figure.Figure.draw", lambda *_: None)
        yield


def assert_same_results(one: Path, other: Path) -> None:
    """Weights, optimizer, schedule, metrics, predictions and curves of two run folders are the same to the last bit."""
    contents = [torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True) for folder in (one, other)]
    for key in ("epoch", "global_step", "state_dict", "optimizer_states", "lr_schedulers"):
        assert _same(*(content[key] for content in contents)), key
    for name in ("metrics.json", "predictions.csv"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    assert RunFolder(one).scalars == RunFolder(other).scalars


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other
