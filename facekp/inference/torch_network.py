"""A network that is run by torch."""

from __future__ import annotations

import numpy as np
import torch

from facekp.inference.network import Prediction
from facekp.models.module import KeypointModule


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
