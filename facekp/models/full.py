"""The full-face network of the write-up that this project re-creates."""

from __future__ import annotations

from torch import nn

from facekp.models.base import RegressionNetwork

_LAYERS = ((1, 6, 5, True), (6, 12, 5, True), (12, 12, 3, True), (12, 24, 3, False), (24, 24, 3, True))
_HIDDEN = 256


class FullNet(RegressionNetwork):
    """Five convolutions without padding and two linear layers, from a grey 160x120 image to all points.

    ReLU and 2x2 max-pooling follow every convolution but the fourth, which has ReLU alone; an image of 160x120 gives
    576 features. For 58 points it has 188,624 weights.

    Args:
        num_points: number of keypoints.
        input_size: (width, height) of the images.
    """

    def __init__(self, num_points: int, input_size: tuple[int, int]) -> None:
        layers: list[nn.Module] = []
        for before, after, kernel, pooled in _LAYERS:
            layers += [nn.Conv2d(before, after, kernel), nn.ReLU()]
            layers += [nn.MaxPool2d(2)] if pooled else []
        super().__init__(nn.Sequential(*layers), _HIDDEN, num_points, input_size)
