"""The nose-tip network."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from facekp.models.base import RegressionNetwork


class NoseNet(RegressionNetwork):
    """Three convolutions, each with ReLU and 2x2 max-pooling, and two linear layers.

    The course work that this follows prescribes the kinds of layers and leaves their sizes open.

    Args:
        num_points: number of keypoints.
        input_size: (width, height) of the images.
        channels: output channels of each convolution.
        kernels: kernel size of each convolution.
        hidden: width of the first linear layer.
    """

    def __init__(
        self,
        num_points: int,
        input_size: tuple[int, int],
        channels: Sequence[int] = (12, 24, 32),
        kernels: Sequence[int] = (7, 5, 3),
        hidden: int = 128,
    ) -> None:
        layers: list[nn.Module] = []
        for before, after, kernel in zip((1, *channels), channels, kernels, strict=False):
            layers += [nn.Conv2d(before, after, kernel), nn.ReLU(), nn.MaxPool2d(2)]
        super().__init__(nn.Sequential(*layers), hidden, num_points, input_size)
