"""Conversion of keypoints to heatmaps and back.

A heatmap is a probability distribution over the w x h cells that an image is divided into. Its marginal distributions,
over the columns and over the rows, are all that encoding and decoding need: soft-argmax is the mean of each.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from facekp.evaluation.calibration import near


def spatial_softmax(logits: Tensor) -> Tensor:
    """The softmax of logits [..., h, w] over all cells: heatmaps, float32 [..., h, w], each with the sum 1."""
    return logits.float().flatten(-2).softmax(-1).view(logits.shape)


def marginals(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """The marginal distributions of heatmaps over columns, float32 [..., w], and rows, float32 [..., h].

    Args:
        heatmaps: float32 [..., h, w], each with the sum 1.
    """
    return heatmaps.sum(-2), heatmaps.sum(-1)


def encode(keypoints: Tensor, size: tuple[int, int], sigma: float) -> tuple[Tensor, Tensor]:
    """The marginal distributions of heatmaps that are Gaussians at the keypoints.

    Args:
        keypoints: float32 [..., 2], relative to the image.
        size: (w, h) of the heatmaps in cells.
        sigma: standard deviation in cells. If it is at least 1, :func:`decode` recovers all keypoints that are 4 sigma
            away from the border.

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
    networks, 2018, except for the frame: here the position of cell i of n is its centre, (i + 0.5) / n.

    Args:
        columns, rows: float32 [..., w] and [..., h], each with the sum 1.
    """
    x, y = _centres((columns.shape[-1], rows.shape[-1]), columns)
    return torch.stack([_mean(columns, x), _mean(rows, y)], dim=-1)


def covariances(heatmaps: Tensor, columns: Tensor, rows: Tensor) -> Tensor:
    """The covariance matrix of each heatmap, float32 [..., 2, 2], in cells squared, x before y.

    Args:
        heatmaps: float32 [..., h, w], each with the sum 1.
        columns, rows: their marginal distributions.
    """
    x, y = _from_mean(columns), _from_mean(rows)
    both = _mean((heatmaps * x[..., None, :]).sum(-1), y)
    moments = [_mean(columns, x.square()), both, both, _mean(rows, y.square())]
    return torch.stack(moments, dim=-1).unflatten(-1, (2, 2))


def mass_near(columns: Tensor, rows: Tensor, keypoints: Tensor) -> Tensor:
    """The share of each heatmap near its keypoint, float32 [...] within 0..1.

    It is the probability of the columns within two cells of the keypoint, times that of the rows; see
    :func:`facekp.evaluation.calibration.near`.

    Args:
        columns, rows: float32 [..., w] and [..., h], each with the sum 1.
        keypoints: float32 [..., 2], relative to the image.
    """
    x, y = _centres((columns.shape[-1], rows.shape[-1]), columns)
    away_x = (x - keypoints[..., 0, None]).abs() * len(x)
    away_y = (y - keypoints[..., 1, None]).abs() * len(y)
    return _mean(columns, near(away_x)) * _mean(rows, near(away_y))


def _from_mean(distribution: Tensor) -> Tensor:
    """Offset of each cell of a distribution, [..., n], from the mean, in cells."""
    cells = torch.arange(distribution.shape[-1], dtype=distribution.dtype, device=distribution.device)
    return cells - _mean(distribution, cells)[..., None]


def _mean(distribution: Tensor, values: Tensor) -> Tensor:
    """Not a matrix product, which would keep three digits under mixed precision, where a position needs five."""
    return (distribution * values).sum(-1)


def _centres(size: tuple[int, int], like: Tensor) -> Iterator[Tensor]:
    """Relative coordinates of the centres of the columns, [w], and of the rows, [h]."""
    for n in size:
        yield (torch.arange(n, dtype=like.dtype, device=like.device) + 0.5) / n
