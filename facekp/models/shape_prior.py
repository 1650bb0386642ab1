"""What the shapes of a training set have in common, to hold against points that a network is not sure of."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from facekp.landmarks.procrustes import align, in_turn, pose

_OWN = 0.5  # of the mean variance of a coordinate


class ShapePrior(nn.Module):
    """Move uncertain points to where the others, and the shapes of a training set, let one expect them.

    A shape, aligned with the mean shape, is taken for a draw from a Gaussian with the mean and covariance of the
    training shapes (Cootes et al., Active shape models, CVIU 61, 1995), and a network's answer for that draw with noise
    of known covariance at each point. The mean of the one given the other is what :meth:`forward` answers (Bishop,
    Pattern recognition and machine learning, 2006, equation 2.116). Every point of a shape also varies a little by
    itself, for the training shapes are too few to show all that a face can do (M. Tipping, C. Bishop, Probabilistic
    principal component analysis, J. Royal Statistical Society B 61, 1999).

    Args:
        points: K, at least 2.
    """

    def __init__(self, points: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.covariance: Tensor
        self.register_buffer("mean", torch.zeros(2 * points))
        self.register_buffer("covariance", torch.zeros(2 * points, 2 * points))

    def fit(self, shapes: Tensor) -> None:
        """Take over the mean and covariance of shapes, float32 [N, K, 2], of the same unit along x and y."""
        points = torch.view_as_complex(shapes.double()).numpy()
        aligned = in_turn(align(points - points.mean(1, keepdims=True)))
        self.mean.copy_(torch.from_numpy(aligned.mean(0)))
        covariance = np.cov(aligned.T, bias=True)
        own = _OWN * covariance.trace() / len(covariance)
        self.covariance.copy_(torch.from_numpy(covariance + own * np.eye(len(covariance))))

    def forward(self, keypoints: Tensor, noise: Tensor) -> Tensor:
        """The most likely shapes, float32 [B, K, 2], in the unit of the training shapes.

        Args:
            keypoints: float32 [B, K, 2], what a network answers.
            noise: float32 [B, K, 2, 2], the covariance of what each point may be off, in the square of that unit.
        """
        points = torch.view_as_complex(keypoints.contiguous())
        centre = points.mean(1, keepdim=True)
        turn = pose(points - centre, torch.view_as_complex(self.mean.view(-1, 2)))
        seen = torch.view_as_real(turn * (points - centre)).flatten(1)
        with torch.autocast(keypoints.device.type, enabled=False):  # mixed precision is not precise enough
            turned = torch.stack([torch.view_as_real(turn), torch.view_as_real(1j * turn)], dim=-1)
            each = turned @ noise @ turned.mT
            blocks = torch.einsum("bkij,kl->bkilj", each, torch.eye(each.shape[1], device=each.device))
            spread = self.covariance + blocks.flatten(3).flatten(1, 2)
            surprise = torch.linalg.solve(spread, seen - self.mean)
            expected = self.mean + surprise @ self.covariance
        return torch.view_as_real(torch.view_as_complex(expected.unflatten(1, (-1, 2))) / turn + centre)
