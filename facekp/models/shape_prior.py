"""Correction of uncertain points by the shapes of the training set."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from facekp.landmarks.procrustes import align, similarity, to_real
from facekp.models.exportable import as_complex, as_real, solve

_OWN_VARIANCE = 0.5  # of the mean variance of a coordinate


class ShapePrior(nn.Module):
    """Moves uncertain points to where the other points and the shapes of the training set suggest they are.

    A shape, aligned with the mean shape, is modelled as a sample from a Gaussian with the mean and covariance of the
    training shapes (Cootes et al., Active shape models, CVIU 61, 1995), and a network's prediction as that shape plus
    noise of known covariance at each point. :meth:`forward` returns the posterior mean of the shape, and
    :meth:`remaining` the covariance that is left (Bishop, Pattern recognition and machine learning, 2006, equations
    2.116 and 2.117). Every point also has a small variance of its own, because
    the training shapes are too few to show all that a face can do (M. Tipping, C. Bishop, Probabilistic principal
    component analysis, J. Royal Statistical Society B 61, 1999).

    Args:
        num_points: K, at least 2.
    """

    def __init__(self, num_points: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.covariance: Tensor
        self.register_buffer("mean", torch.zeros(2 * num_points))
        self.register_buffer("covariance", torch.zeros(2 * num_points, 2 * num_points))

    def fit(self, shapes: Tensor) -> None:
        """Estimate mean and covariance from shapes, float32 [N, K, 2], with the same unit along x and y."""
        points = torch.view_as_complex(shapes.double()).numpy()
        aligned = to_real(align(points - points.mean(1, keepdims=True)))
        self.mean.copy_(torch.from_numpy(aligned.mean(0)))
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
            residual = solve(self.covariance, transformed(noise, factor), (observed - self.mean)[..., None])
            expected = self.mean + residual[..., 0] @ self.covariance
        return as_real(as_complex(expected.unflatten(1, (-1, 2))) / factor + centre)

    def remaining(self, keypoints: Tensor, noise: Tensor) -> Tensor:
        """The covariance of the error of what :meth:`forward` returns at each point, float32 [B, K, 2, 2]; in its unit
        squared.
        """
        _, _, factor = self._aligned(keypoints)
        with torch.autocast(keypoints.device.type, enabled=False):
            known = self.covariance @ solve(self.covariance, transformed(noise, factor), self.covariance[None])
            left = (self.covariance - known).unflatten(2, (-1, 2)).unflatten(1, (-1, 2))
            return transformed(left.diagonal(dim1=1, dim2=3).movedim(-1, 1), 1 / factor)

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
