"""A cascade of two heatmap networks: the second works on a crop that the first has placed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from facekp.evaluation.evaluate import Prediction
from facekp.landmarks.procrustes import align, similarity
from facekp.landmarks.scheme import Scheme
from facekp.models.base import KeypointNetwork
from facekp.models.exportable import as_complex, as_real
from facekp.models.heatmap import HeatmapNet
from facekp.models.regions import Regions, closed_parts
from facekp.models.shape_prior import transformed

_SCALE_LIMITS = 0.3, 3.0  # pixels of the crop for each pixel of the image

CascadeOutput = tuple[Any, ...]
"""Heatmap logits of the first and of the second stage, the transform from image to crop, and the output for regions, a
:data:`facekp.models.regions.RegionOutput`, if there are any.

The transform is complex64 [B, 2]: f and g of w = f z + g, where z is a position in the image and w the same position in
the crop, both as x + iy in pixels.
"""


class CascadeNet(KeypointNetwork):
    """Stages that look closer and closer: at the whole image, at an upright crop of the face, and at eyes and mouth.

    Every stage is a :class:`HeatmapNet`. The first sees the image at half its size. The crop is placed by the shift,
    rotation and scale that map the first stage's keypoints as near as possible to the mean shape of the training set.
    In training it is placed with a random error, so that the second stage learns to correct the errors of the first.
    The third stage, if there is one, sees eyes and mouth enlarged (:class:`Regions`); it is trained on every second
    image of a batch, which is enough. After Y. Sun, X. Wang, X. Tang, Deep convolutional network cascade for facial
    point detection, CVPR 2013.

    As ``model=heatmap`` it has 1,090,676 weights and takes 154 million multiplications per face.

    Args:
        num_points: number of keypoints, at least 3.
        input_size: (width, height) of the images.
        first_stage, second_stage: arguments of each :class:`HeatmapNet` other than points and input size.
        crop_size: width and height of the crop in pixels, 16 to 1024.
        face_fraction: the longer side of the mean shape as a fraction of ``crop_size``.
        crop_rotation_deg: standard deviation of the crop's rotation in training.
        crop_scale: standard deviation of the natural logarithm of its scale.
        crop_shift: standard deviation of its shift along each axis, as a fraction of ``crop_size``.
        stray_crops: fraction of the crops in training that are placed at random, wherever the face is.
        regions: arguments of :class:`Regions` other than the closed paths of the scheme; without them, or without
            closed paths, there is no third stage.
        scheme: the landmarks.
    """

    def __init__(
        self,
        num_points: int,
        input_size: tuple[int, int],
        first_stage: Mapping[str, Any],
        second_stage: Mapping[str, Any],
        crop_size: int = 192,
        face_fraction: float = 0.62,
        crop_rotation_deg: float = 10.0,
        crop_scale: float = 0.1,
        crop_shift: float = 0.04,
        stray_crops: float = 0.0,
        regions: Mapping[str, Any] | None = None,
        scheme: Scheme | None = None,
    ) -> None:
        super().__init__()
        if not 16 <= crop_size <= 1024:
            raise ValueError(f"crop_size={crop_size} is not within 16..1024")
        self.first_stage = HeatmapNet(num_points, (input_size[0] // 2, input_size[1] // 2), **first_stage)
        self.second_stage = HeatmapNet(num_points, (crop_size, crop_size), scheme=scheme, **second_stage)
        parts = closed_parts(scheme) if regions is not None and scheme else []
        self.regions = Regions(parts, **(regions or {})) if parts else None
        self._crop_size = crop_size
        self._face_fraction = face_fraction
        self._stray_crops = stray_crops
        self._deviations = math.radians(crop_rotation_deg), crop_scale, crop_shift * crop_size
        self._input_size = nn.Buffer(torch.tensor(input_size, dtype=torch.float32), persistent=False)
        self.mean_shape = nn.Buffer(torch.zeros(num_points, 2))  # in pixels of the crop

    def init_from_shapes(self, shapes: Tensor) -> None:
        """Fit the shape priors of both stages, and place the mean shape in the crop."""
        self.first_stage.init_from_shapes(shapes)
        shapes_px = shapes * self._input_size
        self.second_stage.init_from_shapes(shapes_px / self._crop_size)
        points = torch.view_as_complex(shapes_px.double().contiguous()).numpy()
        centred = points - points.mean(1, keepdims=True)
        mean = align(centred).mean(0)
        upright = torch.view_as_real(torch.from_numpy(mean * similarity(mean[None], centred.mean(0))[0]))
        low, high = upright.amin(0), upright.amax(0)
        relative = (upright - (low + high) / 2) * (self._face_fraction / (high - low).max()) + 0.5
        self.mean_shape.copy_(relative * self._crop_size)

    def forward(self, images: Tensor) -> CascadeOutput:
        """Output of both stages for images float32 [B, 1, H, W]."""
        coarse = self.first_stage(functional.avg_pool2d(images, 2))
        with torch.no_grad():
            transform = self._crop_transform(as_complex(self.first_stage.decode(coarse) * self._input_size))
            centres = torch.arange(self._crop_size, device=images.device) + 0.5
            crops = self._sampled(images, torch.stack(torch.meshgrid(centres, centres, indexing="xy"), -1), transform)
        fine = self.second_stage(crops)
        if self.regions is None:
            return coarse, fine, transform
        with torch.no_grad():
            seen, in_crop, placed = self._for_regions(images, self.second_stage.decode(fine), transform)
            centres = self.regions.centres(in_crop * self._crop_size)
            positions = self.regions.positions(centres)
            sampled = self._sampled(seen, positions.flatten(1, 2), placed)  # the windows, one below the other
            windows = sampled[:, 0].unflatten(1, positions.shape[1:3])
        return coarse, fine, transform, (self.regions(windows), centres)

    def _for_regions(self, *batches: Tensor) -> list[Tensor]:
        """What the regions are given of each batch: in training every second image."""
        return [batch[::2] if self.training else batch for batch in batches]

    def _sampled(self, images: Tensor, in_crop: Tensor, transform: Tensor) -> Tensor:
        """Images resampled at positions in the crop, float32 [..., h, w, 2] in pixels."""
        in_image = (as_complex(in_crop) - transform[:, 1, None, None]) / transform[:, 0, None, None]
        width, height = self._input_size
        grid = torch.stack([in_image.real / width * 2 - 1, in_image.imag / height * 2 - 1], dim=-1)
        sampled = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
        return sampled.contiguous(memory_format=torch.channels_last)

    def _crop_transform(self, points: Tensor) -> Tensor:
        """The transform of :data:`CascadeOutput`, for keypoints of the first stage, complex64 [B, K] in pixels."""
        centre, mean_shape = points.mean(1, keepdim=True), as_complex(self.mean_shape)
        factor = similarity(points - centre, mean_shape - mean_shape.mean())
        target = mean_shape.mean()
        if self.training:
            rotation, scale, right, down = torch.randn(4, len(points), 1, device=points.device)
            factor = factor * torch.polar((self._deviations[1] * scale).exp(), self._deviations[0] * rotation)
            target = target + self._deviations[2] * torch.complex(right, down)
            if self._stray_crops:
                stray = torch.rand(len(points), 1, device=points.device) < self._stray_crops
                relative, octaves = torch.rand(2, len(points), 1, device=points.device), torch.randn_like(scale)
                place = torch.complex(*(relative * self._input_size[:, None, None]))
                centre = torch.where(stray, place, centre)
                factor = torch.where(stray, factor * (0.5 * octaves).exp(), factor)
        factor = factor * (abs(factor).clamp(*_SCALE_LIMITS) / abs(factor))  # an untrained first stage is far off
        return as_complex(torch.cat([as_real(factor), as_real(target - factor * centre)], dim=1))

    def decode(self, output: CascadeOutput) -> Tensor:
        """Keypoints float32 [B, K, 2] of the last stage, relative to the image."""
        keypoints, noise, _ = self._observed(output)
        return self._in_image(self.second_stage.posterior(keypoints, noise, covariance=False)[0], output[2])

    def read(self, output: CascadeOutput) -> Prediction:
        """Also what the shape prior leaves, mapped from the crop to the image, and the second stage's confidence."""
        keypoints, noise, confidence = self._observed(output)
        keypoints, in_crop = self.second_stage.posterior(keypoints, noise)
        transform, size = output[2], self._input_size
        covariance = transformed(in_crop, transform[:, :1].reciprocal()) / (size * size[:, None])
        return Prediction(self._in_image(keypoints, transform), confidence, covariance)

    def _observed(self, output: CascadeOutput) -> tuple[Tensor, Tensor, Tensor]:
        """What the heatmaps of the last stage tell, in pixels of the crop; see :meth:`HeatmapNet.observed`."""
        keypoints, noise, confidence = self.second_stage.observed(output[1])
        if self.regions is not None:
            keypoints, noise = self.regions.observed(output[3], keypoints, noise)
        return keypoints, noise, confidence

    def _in_image(self, in_crop: Tensor, transform: Tensor) -> Tensor:
        return as_real((as_complex(in_crop) - transform[:, 1:]) / transform[:, :1]) / self._input_size

    def scanner(self) -> tuple[KeypointNetwork, int]:
        """The first stage, which sees images at half their size."""
        return self.first_stage, 2

    def loss(self, output: CascadeOutput, truth: Tensor) -> Tensor:
        """The sum of all stages' losses, each in its own frame."""
        coarse, fine, transform = output[:3]
        in_crop = as_real(as_complex(truth * self._input_size) * transform[:, :1] + transform[:, 1:])
        if self._stray_crops:  # a face whose centre is not in the crop is none
            there = ((in_crop.mean(1, keepdim=True) / self._crop_size - 0.5).abs() < 0.5).all(-1, keepdim=True)
            in_crop = in_crop.where(there, math.nan)
        loss = self.first_stage.loss(coarse, truth) + self.second_stage.loss(fine, in_crop / self._crop_size)
        return loss if self.regions is None else loss + self.regions.loss(output[3], *self._for_regions(in_crop))
