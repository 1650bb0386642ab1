"""A network that looks twice: at the whole image, then at the face that it found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from facekp.landmarks.procrustes import align, pose
from facekp.models.base import KeypointNetwork
from facekp.models.heatmap import HeatmapNet

_SIZES = 0.3, 3.0  # how many pixels a pixel of the image may become

CascadeOutput = tuple[Tensor, Tensor, Tensor]
"""Logits of the first look and of the second, and complex64 [B, 2]: f and g of w = f z + g, which leads from z, a place
in the image, to w in the cut; both are x + iy in pixels."""


class CascadeNet(KeypointNetwork):
    """A look at the whole image, and one at the face, cut out of it upright and at one size.

    Both are a :class:`HeatmapNet`. The first sees the image at half its size; the cut is placed where the mean shape of
    the training set lies nearest to what the first look answered, by shift, turn and scale. In training the cut is a
    little off by chance, so that the second look learns to put right what the first will get wrong. After Y. Sun,
    X. Wang, X. Tang, Deep convolutional network cascade for facial point detection, CVPR 2013.

    As ``model=heatmap`` it has 658,532 weights and takes 84 million multiplications for a face.

    Args:
        points: number of keypoints to answer, at least 3.
        input_size: (width, height) of the images.
        first, second: what each :class:`HeatmapNet` takes beside points and input size.
        crop: width and height of the cut in pixels.
        fill: how much of them the mean shape takes, along its longer side.
        wobble_deg: standard deviation of the turn of a cut in training.
        wobble_size: that of the natural logarithm of its scale.
        wobble_shift: that of its place, each way, as a fraction of ``crop``.
    """

    def __init__(
        self,
        points: int,
        input_size: tuple[int, int],
        first: Mapping[str, Any],
        second: Mapping[str, Any],
        crop: int = 192,
        fill: float = 0.62,
        wobble_deg: float = 10.0,
        wobble_size: float = 0.1,
        wobble_shift: float = 0.04,
    ) -> None:
        super().__init__()
        self.first = HeatmapNet(points, (input_size[0] // 2, input_size[1] // 2), **first)
        self.second = HeatmapNet(points, (crop, crop), **second)
        self._crop = crop
        self._fill = fill
        self._wobble = math.radians(wobble_deg), wobble_size, wobble_shift * crop
        self._input_size: Tensor
        self.register_buffer("_input_size", torch.tensor(input_size, dtype=torch.float32), persistent=False)
        self.reference: Tensor  # the mean shape in the cut
        self.register_buffer("reference", torch.zeros(points, 2))

    def init_from_shapes(self, shapes: Tensor) -> None:
        """Fit the shape priors, and place the mean shape in the cut."""
        self.first.init_from_shapes(shapes)
        pixels = shapes * self._input_size
        self.second.init_from_shapes(pixels / self._crop)
        found = torch.view_as_complex(pixels.double().contiguous()).numpy()
        centred = found - found.mean(1, keepdims=True)
        mean = align(centred).mean(0)
        upright = torch.view_as_real(torch.from_numpy(mean * pose(mean[None], centred.mean(0))[0]))
        low, high = upright.amin(0), upright.amax(0)
        placed = (upright - (low + high) / 2) * (self._fill / (high - low).max()) + 0.5
        self.reference.copy_(placed * self._crop)

    def forward(self, images: Tensor) -> CascadeOutput:
        """Both looks at images float32 [B, 1, H, W]."""
        coarse = self.first(functional.avg_pool2d(images, 2))
        with torch.no_grad():
            cut = self._place(_complex(self.first.decode(coarse) * self._input_size))
            middles = torch.arange(self._crop, device=images.device) + 0.5
            there = torch.complex(*torch.meshgrid(middles, middles, indexing="xy"))
            here = (there - cut[:, 1, None, None]) / cut[:, 0, None, None]
            grid = torch.view_as_real(here) / self._input_size * 2 - 1
        crops = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
        return coarse, self.second(crops.contiguous(memory_format=torch.channels_last)), cut

    def _place(self, found: Tensor) -> Tensor:
        """The cut, complex64 [B, 2] as in :data:`Looks`, for what the first look found, complex64 [B, K]."""
        centre, reference = found.mean(1, keepdim=True), _complex(self.reference)
        factor = pose(found - centre, reference - reference.mean())
        home = reference.mean().expand_as(centre)
        if self.training:
            turn, size, right, down = torch.randn(4, len(found), 1, device=found.device)
            factor = factor * torch.polar((self._wobble[1] * size).exp(), self._wobble[0] * turn)
            home = home + self._wobble[2] * torch.complex(right, down)
        factor = factor * (factor.abs().clamp(*_SIZES) / factor.abs())  # a first look that has learnt nothing yet
        return torch.cat([factor, home - factor * centre], dim=1)

    def decode(self, output: CascadeOutput) -> Tensor:
        """Keypoints float32 [B, K, 2] of the second look."""
        _, fine, cut = output
        seen = _complex(self.second.decode(fine) * self._crop)
        return torch.view_as_real((seen - cut[:, 1:]) / cut[:, :1]) / self._input_size

    def confidence(self, output: CascadeOutput) -> Tensor:
        return self.second.confidence(output[1])

    def loss(self, output: CascadeOutput, truth: Tensor) -> Tensor:
        """The sum of both looks' losses, each in its own cells."""
        coarse, fine, cut = output
        there = _complex(truth * self._input_size) * cut[:, :1] + cut[:, 1:]
        return self.first.loss(coarse, truth) + self.second.loss(fine, torch.view_as_real(there) / self._crop)


def _complex(points: Tensor) -> Tensor:
    """Float32 [..., 2] as complex64 [...], x + iy."""
    return torch.view_as_complex(points.contiguous())
