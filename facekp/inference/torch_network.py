"""A network that is run by torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from facekp.inference.network import Prediction
from facekp.models.checkpoint import read_checkpoint
from facekp.models.module import KeypointModule
from facekp.utils.errors import ConfigError


class TorchNetwork:
    """A :class:`facekp.inference.network.Network` of a checkpoint.

    Args:
        module: trained, in evaluation mode.
    """

    def __init__(self, module: KeypointModule) -> None:
        self.module = module
        self.scheme, self.point_indices = module.scheme, tuple(module.point_indices)
        self.input_size: tuple[int, int] = tuple(module.hparams["model"]["input_size"])
        self.mean_shape = module.mean_shape.cpu().numpy()
        self.score = None if module.score is None else module.score.cpu().numpy()
        scanner = module.network.scanner()
        self._stage = scanner and scanner[0]
        self.shrink = scanner and scanner[1]

    @torch.inference_mode()
    def predict(self, windows: np.ndarray, flip_test: bool = True) -> Prediction:
        images = torch.from_numpy(windows)[:, None].to(self.module.device)
        keypoints, confidence, covariance = self.module.predict(images, flip_test)
        size = keypoints.new_tensor(self.input_size)
        return Prediction(
            (keypoints * size).cpu().numpy(),
            None if confidence is None else confidence.float().cpu().numpy(),
            None if covariance is None else (covariance * size * size[:, None]).cpu().numpy(),
        )

    @torch.inference_mode()
    def scan(self, image: np.ndarray) -> np.ndarray:
        assert self._stage is not None, "shrink tells whether a network can find faces"
        scaled = torch.from_numpy(image).to(self.module.device)[None, None].float().div_(255).sub_(0.5)
        return self._stage(scaled.contiguous(memory_format=torch.channels_last))[0].float().cpu().numpy()


def load_checkpoint(path: Path, device: str) -> TorchNetwork:
    """The network of a checkpoint file.

    Raises:
        CheckpointError: if it is none that can be read.
        ConfigError: if there is no such device.
    """
    module = KeypointModule.restore(read_checkpoint(path))
    try:
        module.to(device)
        torch.zeros(1, device=device).add(1).item()  # which meta cannot
    except (RuntimeError, AssertionError, ValueError, NotImplementedError) as error:  # torch has several kinds
        reason = " ".join(str(error).split())[:120]
        raise ConfigError(f"device={device} cannot be used here ({reason}); try cpu") from error
    return TorchNetwork(module)
