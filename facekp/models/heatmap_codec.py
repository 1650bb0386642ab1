"""Heatmaps: how keypoints are written as them, and read out of them.

A heatmap is a distribution over the w x h cells that an image is divided into. All that is needed of one is how it
spreads over the columns and over the rows, its two marginal distributions: soft-argmax is the mean of each.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


def normalised(logits: Tensor) -> Tensor:
    """Heatmaps, float32 [..., h, w], each with the sum 1, of logits: their softmax over all cells."""
    return logits.float().flatten(-2).softmax(-1).view(logits.shape)


def marginals(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """The distributions over columns, float32 [..., w], and rows, float32 [..., h], of heatmaps.

    Args:
        heatmaps: float32 [..., h, w], each with the sum 1.
    """
    return heatmaps.sum(-2), heatmaps.sum(-1)


def encode(keypoints: Tensor, size: tuple[int, int], sigma: float) -> tuple[Tensor, Tensor]:
    """The marginal distributions of Gaussians round keypoints.

    Args:
        keypoints: float32 [..., 2], relative to the image.
        size: (w, h) of the heatmaps in cells.
        sigma: standard deviation in cells; from 1 on, and 4 sigma away from the border, :func:`decode` gives the
            keypoints back.

    Returns:
        float32 [..., w] and [..., h], each with the sum 1.
    """
    columns, rows = (
        torch.softmax(-0.5 * ((centres - keypoints[..., axis, None]) * (len(centres) / sigma)).square(), dim=-1)
        for axis, centres in enumerate(_centres(size, keypoints))
    )
    return columns, rows


def decode(columns: Tensor, rows: Tensor) -> Tensor:
    """The mean position of each heatmap (soft-argmax), float32 [..., 2], relative to the image.

    After A. Nibali, Z. He, S. Morgan, L. Prendergast, Numerical coordinate regression with convolutional neural
    networks, 2018, but for the frame: here a cell's position is its middle, (i + 0.5) / n.

    Args:
        columns, rows: float32 [..., w] and [..., h], each with the sum 1.
    """
    x, y = _centres((columns.shape[-1], rows.shape[-1]), columns)
    return torch.stack([_mean(columns, x), _mean(rows, y)], dim=-1)


def covariances(heatmaps: Tensor) -> Tensor:
    """How far each heatmap spreads about its mean, and which way: float32 [..., 2, 2], in cells squared, x before y.

    Args:
        heatmaps: float32 [..., h, w], each with the sum 1.
    """
    columns, rows = marginals(heatmaps)
    x, y = _from_mean(columns), _from_mean(rows)
    both = _mean((heatmaps * x[..., None, :]).sum(-1), y)
    spreads = [_mean(columns, x.square()), both, both, _mean(rows, y.square())]
    return torch.stack(spreads, dim=-1).unflatten(-1, (2, 2))


def mass_near(columns: Tensor, rows: Tensor, keypoints: Tensor, radius: float) -> Tensor:
    """How much of each heatmap lies near a keypoint: float32 [...] within 0..1.

    It is the share of the columns that are within ``radius`` cells, times that of the rows.

    Args:
        columns, rows: float32 [..., w] and [..., h], each with the sum 1.
        keypoints: float32 [..., 2], relative to the image.
        radius: in cells.
    """
    shares = []
    for axis, (distribution, centres) in enumerate(
        zip((columns, rows), _centres((columns.shape[-1], rows.shape[-1]), columns), strict=True)
    ):
        near = (centres - keypoints[..., axis, None]).abs() * len(centres) <= radius
        shares.append((distribution * near).sum(-1))
    return shares[0] * shares[1]


def _from_mean(distribution: Tensor) -> Tensor:
    """How many cells after the mean each of a distribution's cells, [..., n], lies."""
    cells = torch.arange(distribution.shape[-1], dtype=distribution.dtype, device=distribution.device)
    return cells - _mean(distribution, cells)[..., None]


def _mean(distribution: Tensor, values: Tensor) -> Tensor:
    """No matrix product: under mixed precision that would keep three digits, and a place needs five."""
    return (distribution * values).sum(-1)


def _centres(size: tuple[int, int], like: Tensor) -> Iterator[Tensor]:
    """Relative coordinates of the middles of the columns, [w], and of the rows, [h]."""
    for n in size:
        yield (torch.arange(n, dtype=like.dtype, device=like.device) + 0.5) / n
