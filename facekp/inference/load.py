"""Loading of predictors, from the weights that come with the package or from others."""

from __future__ import annotations

import hashlib
from pathlib import Path

from facekp.inference.exported import SUFFIX, Exported
from facekp.inference.network import Network
from facekp.inference.predictor import Predictor
from facekp.utils.errors import CheckpointError, ConfigError
from facekp.utils.files import user_path

SHIPPED = Path(__file__).parent / "weights" / "heatmap.ckpt"
"""The published heatmap network; ``docs/model-card.md`` tells what it learnt from, and where it fails."""


def load(weights: str | Path | None = None, device: str = "cpu") -> Predictor:
    """A predictor of faces and their points in photographs.

    Args:
        weights: a run folder, a checkpoint, a file that ``python -m facekp.inference.ship`` wrote, or a .onnx file of
            ``python -m facekp export``; by default the network that comes with the package.
        device: where the network runs, as torch names it, such as ``cuda``; a .onnx file runs on the ``cpu``.

    Raises:
        CheckpointError: if the weights cannot be read, or those of the package were changed.
        ConfigError: if there is no such device, or torch is needed and not installed.
    """
    network = _network(weights, device)
    return Predictor(network, None if network.shrink else Predictor(_network(None, device)))


def _network(weights: str | Path | None, device: str) -> Network:
    if weights is not None and user_path(weights).suffix == SUFFIX:
        if device != "cpu":
            raise ConfigError(f"device={device} is not possible for a {SUFFIX} file; leave it out")
        return Exported(user_path(weights))
    try:
        from facekp.inference.torch_network import load_checkpoint
        from facekp.runs.find import find_checkpoint
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{error.name} is not installed, which all networks but exported {SUFFIX} files of heatmap networks need; "
            "install it, or give such a file"
        ) from error
    return load_checkpoint(shipped() if weights is None else find_checkpoint(weights), device)


def shipped() -> Path:
    """The file of the package, if it is what its hash says."""
    try:
        content, told = SHIPPED.read_bytes(), SHIPPED.with_suffix(".sha256").read_bytes()
    except OSError as error:
        raise CheckpointError(f"{SHIPPED} or its .sha256 cannot be read ({error}); install facekp again") from error
    if told.split()[:1] != [hashlib.sha256(content).hexdigest().encode()]:
        raise CheckpointError(f"{SHIPPED} is not the file that was published; install facekp again")
    return SHIPPED
