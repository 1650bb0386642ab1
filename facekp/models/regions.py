"""A closer look at small parts of a face."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from facekp.landmarks.scheme import Scheme
from facekp.models.heatmap import HeatmapNet

RegionOutput = tuple[tuple[Tensor, ...], Tensor]
"""Heatmap logits [B, k, h, w] of each window, and the windows' centres, float32 [B, R, 2], in pixels of the crop."""

Part = Sequence[Sequence[int]]
"""Points of a part of the face, and then those of its mirror image, if that is another part, in the same order."""


class Regions(nn.Module):
    """Heatmaps of some parts of a face, each in an enlarged window of its own.

    A window lies about the keypoints of an earlier stage. A part and its mirror image, such as the eyes, have one
    network, which sees the mirror image's window mirrored, and so learns from twice as many of them.

    Args:
        parts: the points of each part; a window for each, R in all.
        size: (width, height) of a window in pixels, 8 to 1024.
        zoom: pixels of a window for each pixel of the crop.
        shift: standard deviation of a window's shift along each axis in training, in pixels of the window.
        weight: of a window's keypoints in the mean with those of the earlier stage.
        network: further arguments of each :class:`HeatmapNet`.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        size: Sequence[int] = (96, 64),
        zoom: float = 1.6,
        shift: float = 3.0,
        weight: float = 0.7,
        **network: Any,
    ) -> None:
        super().__init__()
        width, height = size
        if not (8 <= width <= 1024 and 8 <= height <= 1024):
            raise ValueError(f"regions.size={[*size]} is not within 8..1024")
        self.networks: Any = nn.ModuleList(
            HeatmapNet(len(part[0]), (width, height), shape_prior=False, **network) for part in parts
        )
        self._network_of = [i for i, part in enumerate(parts) for _ in part]
        self._points = [list(points) for part in parts for points in part]
        self._shift, self._weight = shift, weight
        columns, rows = torch.arange(width) + 0.5 - width / 2, torch.arange(height) + 0.5 - height / 2
        offsets = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)
        self._offsets = nn.Buffer(offsets, persistent=False)  # of each pixel from the centre of its window
        self._half_size = nn.Buffer(torch.tensor([width / 2, height / 2]), persistent=False)
        # Pixels of the crop for each of a window, negative along x if it is mirrored.
        steps = [((-1) ** side / zoom, 1 / zoom) for part in parts for side in range(len(part))]
        self._steps = nn.Buffer(torch.tensor(steps), persistent=False)

    def centres(self, keypoints: Tensor) -> Tensor:
        """Centres of the windows about keypoints, float32 [B, K, 2], with a random error in training."""
        centres = torch.stack([keypoints[:, points].mean(1) for points in self._points], dim=1)
        return centres + self._shift * self._steps * torch.randn_like(centres) if self.training else centres

    def positions(self, centres: Tensor) -> Tensor:
        """Where the windows are sampled, float32 [B, R, height, width, 2] in pixels of the crop."""
        return centres[:, :, None, None] + self._offsets * self._steps[:, None, None]

    def forward(self, windows: Tensor) -> tuple[Tensor, ...]:
        """Heatmap logits of each window, float [B, k, h, w], from its image, of float32 [B, R, height, width]."""
        logits: list[Tensor] = []
        for i, network in enumerate(self.networks):
            own = [window for j, window in zip(self._network_of, windows.split(1, 1), strict=True) if i == j]
            logits += network(torch.cat(own)).unflatten(0, (len(own), -1)).unbind()
        return tuple(logits)

    def observed(self, output: RegionOutput, keypoints: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """What an earlier stage has observed, corrected by the windows.

        Args:
            output: the logits, and the centres.
            keypoints: float32 [B, K, 2] in pixels of the crop.
            noise: the covariance of their errors, float32 [B, K, 2, 2].
        """
        seen = [point for points in self._points for point in points]
        window = [i for i, points in enumerate(self._points) for _ in points]
        found, spread, _ = self.networks[0].observed(torch.cat(output[0], dim=1))  # all decode heatmaps alike
        steps = self._steps[window]
        found = output[1][:, window] + (found - self._half_size) * steps
        found = torch.lerp(keypoints[:, seen], found, self._weight)
        spread = spread * steps[:, None] * steps[:, :, None]
        last = {point: keypoints.shape[1] + i for i, point in enumerate(seen)}
        order = [last.get(point, point) for point in range(keypoints.shape[1])]
        return torch.cat([keypoints, found], 1)[:, order], torch.cat([noise, spread], 1)[:, order]

    def loss(self, output: RegionOutput, truth: Tensor) -> Tensor:
        """The sum of all windows' losses, for the truth in pixels of the crop, float32 [B, K, 2]."""
        total = truth.new_zeros(())
        for i, points, logits, centre, step in zip(
            self._network_of, self._points, output[0], output[1].unbind(1), self._steps, strict=True
        ):
            in_window = (truth[:, points] - centre[:, None]) / step + self._half_size
            total = total + self.networks[i].loss(logits, in_window / (2 * self._half_size))
        return total


def closed_parts(scheme: Scheme) -> list[Part]:
    """The closed paths of a scheme, such as eyes and lips; two that are each other's mirror image are one part."""
    parts: list[Part] = []
    for group in scheme.groups:
        if not group.closed or any(group.point_indices[0] in points for part in parts for points in part):
            continue
        mirrored = [scheme.mirror[point] for point in group.point_indices] if scheme.mirror else []
        apart = bool(mirrored) and not set(mirrored) & set(group.point_indices)
        parts.append([group.point_indices, mirrored] if apart else [group.point_indices])
    return parts
