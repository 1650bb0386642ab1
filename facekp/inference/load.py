"""Loading of predictors, from the weights that come with the package or from others."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch

from facekp.inference.predictor import Predictor
from facekp.inference.torch_network import TorchNetwork
from facekp.models.checkpoint import read_checkpoint
from facekp.models.module import KeypointModule
from facekp.runs.find import find_checkpoint
from facekp.utils.errors import CheckpointError, ConfigError
from facekp.utils.files import read_bytes

SHIPPED = Path(__file__).parent / "weights" / "heatmap.ckpt"
"""The published heatmap network; ``docs/model-card.md`` tells what it learnt from, and where it fails."""
_MAX_BYTES = 10_000_000


def load(weights: str | Path | None = None, device: str = "cpu") -> Predictor:
    """A predictor of faces and their points in photographs.

    Args:
        weights: a run folder, a checkpoint, or a file that ``python -m facekp.inference.ship`` wrote; by default the
            network that comes with the package.
        device: where the network runs, as torch names it, such as ``cuda``.

    Raises:
        CheckpointError: if the weights cannot be read, or those of the package were changed.
        ConfigError: if there is no such device.
    """
    network = _load(_shipped() if weights is None else find_checkpoint(weights), device)
    return Predictor(network, None if network.shrink else Predictor(_load(_shipped(), device)))


def _load(path: Path, device: str) -> TorchNetwork:
    module = KeypointModule.restore(read_checkpoint(path))
    try:
        module.to(device)
        torch.zeros(1, device=device).add(1)
    except (RuntimeError, AssertionError, ValueError, NotImplementedError) as error:  # torch has several kinds
        reason = " ".join(str(error).split())[:120]
        raise ConfigError(f"device={device} cannot be used here ({reason}); try cpu") from error
    return TorchNetwork(module)


def _shipped() -> Path:
    """The file of the package, if it is what its hash says."""
    try:
        content = read_bytes(SHIPPED, _MAX_BYTES)
        told = read_bytes(SHIPPED.with_suffix(".sha256"), 1000).split()[0].decode()
    except (OSError, IndexError, UnicodeError) as error:
        raise CheckpointError(f"{SHIPPED} or its .sha256 cannot be read ({error}); install facekp again") from error
    if hashlib.sha256(content).hexdigest() != told:
        raise CheckpointError(f"{SHIPPED} is not the file that was published; install facekp again")
    return SHIPPED
