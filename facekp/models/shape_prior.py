"""Correction of uncertain points by the shapes of the training set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from facekp.landmarks.procrustes import align, similarity, to_real
from facekp.models.exportable import as_complex, as_real

_OWN_VARIANCE = 0.5  # of the mean variance of a coordinate
_MODES, _NEWTON_STEPS = 48, 7  # of an exported prior
_SLIDE = 8.0  # times as much noise along the contour as the network is aware of


class ShapePrior(nn.Module):
    """Moves uncertain points to where the other points and the shapes of the training set suggest they are.

    A shape, aligned with the mean shape, is modelled as a sample from a Gaussian with the mean and covariance of the
    training shapes (Cootes et al., Active shape models, CVIU 61, 1995), and a network's prediction as that shape plus
    noise of known covariance at each point. :meth:`posterior` returns the posterior mean of the shape, and the
    covariance that is left (Bishop, Pattern recognition and machine learning, 2006, equations 2.116 and 2.117). Every
    point also has a small variance of its own, because the training shapes are too few to show all that a face can do
    (M. Tipping, C. Bishop, Probabilistic principal component analysis, J. Royal Statistical Society B 61, 1999).

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
        self.mean = nn.Buffer(torch.zeros(2 * num_points))
        self.covariance = nn.Buffer(torch.zeros(2 * num_points, 2 * num_points))

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

    def posterior(self, keypoints: Tensor, noise: Tensor, covariance: bool = True) -> tuple[Tensor, Any]:
        """The expected shapes, float32 [B, K, 2], and the covariances of their points, float32 [B, K, 2, 2].

        They are in the unit of the training shapes, and in that unit squared.

        Args:
            keypoints: float32 [B, K, 2], a network's prediction, in that unit.
            noise: float32 [B, K, 2, 2], the covariance of the prediction's error at each point.
            covariance: whether to return the covariances; without them it takes much less time.
        """
        points, mean = as_complex(keypoints), as_complex(self.mean.view(-1, 2))
        centre = points.mean(1, keepdim=True)
        offsets = points - centre
        factor = similarity(offsets, mean)
        deviation = as_real(factor * offsets).flatten(1) - self.mean
        with torch.autocast(keypoints.device.type, enabled=False):  # mixed precision is not precise enough
            noise = transformed(noise, factor)
            if self.stretch is not None:
                noise = self.stretch @ noise @ self.stretch
            weights, left = self._solve(deviation, noise, covariance)
            expected = self.mean + weights @ self.covariance
            found = as_real(as_complex(expected.unflatten(1, (-1, 2))) / factor + centre)
            return found, left if left is None else transformed(left, factor.reciprocal())

    def _solve(self, deviation: Tensor, noise: Tensor, covariance: bool) -> tuple[Tensor, Tensor | None]:
        """The weights, float32 [B, 2K], whose product with the covariance is the expected deviation from the mean.

        If asked for, also the covariance that is left at each point, float32 [B, K, 2, 2].
        """
        blocks = torch.einsum("bkij,kl->bkilj", noise, torch.eye(noise.shape[1], device=noise.device))
        factors = torch.linalg.lu_factor(self.covariance + blocks.flatten(3).flatten(1, 2))
        weights = torch.linalg.lu_solve(*factors, deviation[..., None])[..., 0]
        if not covariance:
            return weights, None
        known = self.covariance @ torch.linalg.lu_solve(*factors, self.covariance[None])
        left = (self.covariance - known).unflatten(2, (-1, 2)).unflatten(1, (-1, 2))
        return weights, left.diagonal(dim1=1, dim2=3).movedim(-1, 1)


class LowRankPrior(ShapePrior):
    """A :class:`ShapePrior` in a few products of small matrices, which ONNX has: for exported networks.

    The covariance is taken apart into its principal axes of largest variance, and the rest, of which only the blocks of
    each point are kept. With these the matrix inversion lemma (Press et al., Numerical recipes, 2007, section 2.7)
    leaves a system as small as there are axes, which Newton's iteration (G. Schulz, 1933) inverts. What is left out
    is made up for in the keypoints by one step of iterative refinement; covariances are right within a percent.

    Args:
        prior: fitted.
    """

    def __init__(self, prior: ShapePrior) -> None:
        super().__init__(len(prior.mean) // 2, prior._contour)
        self.load_state_dict(prior.state_dict())
        variances, axes = torch.linalg.eigh(prior.covariance.double())
        modes = (axes * (variances - variances[0]).clamp_min(0).sqrt())[:, -_MODES:]
        rest = (prior.covariance - modes @ modes.mT).unflatten(1, (-1, 2)).unflatten(0, (-1, 2))
        self.modes = nn.Buffer(modes.float())
        self.rest = nn.Buffer(rest.diagonal(dim1=0, dim2=2).movedim(-1, 0).float().contiguous())

    def _solve(self, deviation: Tensor, noise: Tensor, covariance: bool) -> tuple[Tensor, Tensor]:
        inner = noise + self.rest
        signs = torch.tensor([[1.0, -1.0], [-1.0, 1.0]], device=noise.device)
        adjugate = inner.flip(-1, -2) * signs
        inner = adjugate * 2 / (inner * adjugate).sum((-1, -2), keepdim=True)
        weighted = inner @ self.modes.unflatten(0, (-1, 2))
        across = weighted.flatten(1, 2)
        one = torch.eye(self.modes.shape[1], device=noise.device)
        small = _inverse(one + self.modes.mT @ across, one)

        def solved(right: Tensor) -> Tensor:
            right = right[..., None]
            alone = (inner @ right.unflatten(1, (-1, 2))).flatten(1, 2)
            return (alone - across @ (small @ (across.mT @ right)))[..., 0]

        weights = solved(deviation)
        seen = (noise @ weights.unflatten(1, (-1, 2))[..., None]).flatten(1)
        weights = weights + solved(deviation - weights @ self.covariance - seen)
        moved = noise @ weighted
        left = noise @ inner @ self.rest + (moved.flatten(1, 2) @ small).unflatten(1, (-1, 2)) @ moved.mT
        return weights, left


def _inverse(matrix: Tensor, one: Tensor) -> Tensor:
    """The inverse of positive definite matrices, float32 [B, N, N].

    The first guess is so small that the iteration comes nearer, whatever the matrix, and so near that it is there after
    so many steps on faces.
    """
    found = one / matrix.abs().sum(-1, keepdim=True)
    for _ in range(_NEWTON_STEPS):
        found = found @ (2 * one - matrix @ found)
    return found


def transformed(covariance: Tensor, factor: Tensor) -> Tensor:
    """The covariances, float32 [B, K, 2, 2], of points that are multiplied by a complex factor, complex64 [B, 1]."""
    a, b = as_real(factor).unbind(-1)
    rotation = torch.stack([a, -b, b, a], dim=-1).unflatten(-1, (2, 2))
    return rotation @ covariance @ rotation.mT
