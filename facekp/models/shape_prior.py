"""Correction of uncertain points by the shapes of the training set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from facekp.landmarks.procrustes import align, similarity, to_real
from facekp.models.exportable import as_complex, as_real, solve

_OWN_VARIANCE = 0.5  # of the mean variance of a coordinate
_SLIDE = 8.0  # times as much noise along the contour as the network is aware of


class ShapePrior(nn.Module):
    """Moves uncertain points to where the other points and the shapes of the training set suggest they are.

    A shape, aligned with the mean shape, is modelled as a sample from a Gaussian with the mean and covariance of the
    training shapes (Cootes et al., Active shape models, CVIU 61, 1995), and a network's prediction as that shape plus
    noise of known covariance at each point. :meth:`forward` returns the posterior mean of the shape, and
    :meth:`remaining` the covariance that is left (Bishop, Pattern recognition and machine learning, 2006, equations
    2.116 and 2.117). Every point also has a small variance of its own, because
    the training shapes are too few to show all that a face can do (M. Tipping, C. Bishop, Probabilistic principal
    component analysis, J. Royal Statistical Society B 61, 1999).

    Along a contour, such as the jaw, annotators place the points as they like, which a network takes for something
    that it sees. There the noise counts for more than the network tells, and the other points for more.

    Args:
        num_points: K, at least 2.
        contour: the points that slide along the path through them, in its order.
    """

    def __init__(self, num_points: int, contour: Sequence[int] = ()) -> None:
        super().__init__()
        self._contour = list(contour)
        self.stretch: Tensor  # of the noise at each point
        self.register_buffer("stretch", torch.eye(2).repeat(num_points, 1, 1) if contour else None)
        self.mean: Tensor
        self.covariance: Tensor
        self.register_buffer("mean", torch.zeros(2 * num_points))
        self.register_buffer("covariance", torch.zeros(2 * num_points, 2 * num_points))

    def fit(self, shapes: Tensor) -> None:
        """Estimate mean and covariance from shapes, float32 [N, K, 2], with the same unit along x and y."""
        points = torch.view_as_complex(shapes.double()).numpy()
        aligned = to_real(align(points - points.mean(1, keepdims=True)))
        self.mean.copy_(torch.from_numpy(aligned.mean(0)))
        if self._contour:
            path = np.gradient(aligned.mean(0).reshape(-1, 2)[self._contour], axis=0)
            along = path / np.linalg.norm(path, axis=1, keepdims=True)
            extra = (_SLIDE**0.5 - 1) * along[:, :, None] * along[:, None, :]
            self.stretch[self._contour] = torch.from_numpy(np.eye(2) + extra).to(self.stretch)
        covariance = np.cov(aligned.T, bias=True)
        own = _OWN_VARIANCE * covariance.trace() / len(covariance)
        self.covariance.copy_(torch.from_numpy(covariance + own * np.eye(len(covariance))))

    def forward(self, keypoints: Tensor, noise: Tensor) -> Tensor:
        """The expected shapes, float32 [B, K, 2], in the unit of the training shapes.

        Args:
            keypoints: float32 [B, K, 2], a network's prediction.
            noise: float32 [B, K, 2, 2], the covariance of the prediction's error at each point, in that unit squared.
        """
        centre, offsets, factor = self._aligned(keypoints)
        observed = as_real(factor * offsets).flatten(1)
        with torch.autocast(keypoints.device.type, enabled=False):  # mixed precision is not precise enough
            residual = solve(self.covariance, self._stretched(noise, factor), (observed - self.mean)[..., None])
            expected = self.mean + residual[..., 0] @ self.covariance
        return as_real(as_complex(expected.unflatten(1, (-1, 2))) / factor + centre)

    def remaining(self, keypoints: Tensor, noise: Tensor) -> Tensor:
        """The covariance of the error of what :meth:`forward` returns at each point, float32 [B, K, 2, 2]; in its unit
        squared.
        """
        _, _, factor = self._aligned(keypoints)
        with torch.autocast(keypoints.device.type, enabled=False):
            known = self.covariance @ solve(self.covariance, self._stretched(noise, factor), self.covariance[None])
            left = (self.covariance - known).unflatten(2, (-1, 2)).unflatten(1, (-1, 2))
            return transformed(left.diagonal(dim1=1, dim2=3).movedim(-1, 1), 1 / factor)

    def _stretched(self, noise: Tensor, factor: Tensor) -> Tensor:
        """The noise in the frame of the mean shape, with what is added along the contour."""
        noise = transformed(noise, factor)
        return noise if self.stretch is None else self.stretch @ noise @ self.stretch

    def _aligned(self, keypoints: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The centre of each shape, complex64 [B, 1], the points relative to it, and what aligns them with the mean."""
        points = as_complex(keypoints)
        centre = points.mean(1, keepdim=True)
        offsets = points - centre
        return centre, offsets, similarity(offsets, as_complex(self.mean.view(-1, 2)))


def transformed(covariance: Tensor, factor: Tensor) -> Tensor:
    """The covariances, float32 [B, K, 2, 2], of points that are multiplied by a complex factor, complex64 [B, 1]."""
    a, b = as_real(factor).unbind(-1)
    rotation = torch.stack([a, -b, b, a], dim=-1).unflatten(-1, (2, 2))
    return rotation @ covariance @ rotation.mT
