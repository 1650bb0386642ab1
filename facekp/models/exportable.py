"""Complex numbers, 2x2 matrices and systems of equations, in a way that ONNX has, too.

While a network is exported (``torch.compiler.is_exporting()``) these functions do the same by real sums and products,
and in a fixed number of steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_STEPS = 20  # after which the conjugate gradient method is as precise as float32 on faces
_TINY = 1e-30


@dataclass(frozen=True)
class Pairs:
    """As much of a complex tensor as the networks need, in two real ones of the same shape."""

    real: Tensor
    imag: Tensor

    def __add__(self, other: Pairs) -> Pairs:
        return Pairs(self.real + other.real, self.imag + other.imag)

    def __sub__(self, other: Pairs) -> Pairs:
        return Pairs(self.real - other.real, self.imag - other.imag)

    def __mul__(self, other: Pairs | Tensor) -> Pairs:
        if isinstance(other, Tensor):
            return Pairs(self.real * other, self.imag * other)
        real = self.real * other.real - self.imag * other.imag
        return Pairs(real, self.real * other.imag + self.imag * other.real)

    def __truediv__(self, other: Pairs | Tensor) -> Pairs:
        return self * other.reciprocal()

    def __rtruediv__(self, one: int) -> Pairs:
        return self.reciprocal()

    def __matmul__(self, other: Pairs) -> Pairs:
        product = self * other
        return Pairs(product.real.sum(-1), product.imag.sum(-1))

    def __abs__(self) -> Tensor:
        return (self.real.square() + self.imag.square()).sqrt()

    def __getitem__(self, index: Any) -> Pairs:
        return Pairs(self.real[index], self.imag[index])

    def reciprocal(self) -> Pairs:
        return self.conj() * (self.real.square() + self.imag.square()).reciprocal()

    def conj(self) -> Pairs:
        return Pairs(self.real, -self.imag)

    def mean(self, *where: Any, **how: Any) -> Pairs:
        return Pairs(self.real.mean(*where, **how), self.imag.mean(*where, **how))

    def expand_as(self, other: Pairs) -> Pairs:
        return Pairs(self.real.expand_as(other.real), self.imag.expand_as(other.imag))


def as_complex(points: Tensor) -> Any:
    """Float32 [..., 2] as complex64 [...], x + iy; as :class:`Pairs` while exporting."""
    return Pairs(*points.unbind(-1)) if torch.compiler.is_exporting() else torch.view_as_complex(points.contiguous())


def as_real(numbers: Any) -> Tensor:
    """The points that :func:`as_complex` was given."""
    if isinstance(numbers, Pairs):
        return torch.stack([numbers.real, numbers.imag], dim=-1)
    return torch.view_as_real(numbers)


def mapped(matrices: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """Symmetric matrices, float32 [..., 2, 2], with a function applied to their eigenvalues."""
    if not torch.compiler.is_exporting():
        values, axes = torch.linalg.eigh(matrices)
        return (axes * function(values)[..., None, :]) @ axes.mT
    a, b, d = matrices[..., 0, 0], matrices[..., 0, 1], matrices[..., 1, 1]
    middle, half = (a + d) / 2, (a - d) / 2
    radius = (half.square() + b.square()).sqrt().clamp_min(1e-9)
    low, high = function(middle - radius), function(middle + radius)
    mean, slope = (low + high) / 2, (high - low) / (2 * radius)
    return torch.stack([mean + slope * half, slope * b, slope * b, mean - slope * half], -1).unflatten(-1, (2, 2))


def solve(covariance: Tensor, noise: Tensor, right: Tensor) -> Tensor:
    """Solve equations with the sum of a covariance and of a noise that is independent from point to point.

    While exporting by the conjugate gradient method (M. Hestenes, E. Stiefel, 1952), for each column by itself.

    Args:
        covariance: float32 [2K, 2K].
        noise: float32 [B, K, 2, 2].
        right: float32 [B or 1, 2K, N].

    Returns:
        Float32 [B, 2K, N].
    """
    blocks = torch.einsum("bkij,kl->bkilj", noise, torch.eye(noise.shape[1], device=noise.device))
    total = covariance + blocks.flatten(3).flatten(1, 2)
    if not torch.compiler.is_exporting():
        return torch.linalg.solve(total, right)
    whitening = _whitening(noise + covariance.diagonal().min() / 3 * torch.eye(2, device=noise.device))

    def whitened(values: Tensor) -> Tensor:
        return (whitening @ values.unflatten(1, (-1, 2))).flatten(1, 2)

    matrix = whitened(whitened(total).mT)
    rest = direction = whitened(right.expand(noise.shape[0], -1, -1))
    found, size2 = torch.zeros_like(rest), rest.square().sum(1, keepdim=True)
    for _ in range(_STEPS):
        image = matrix @ direction
        step = size2 / (direction * image).sum(1, keepdim=True).clamp_min(_TINY)
        found, rest = found + step * direction, rest - step * image
        before, size2 = size2, rest.square().sum(1, keepdim=True)
        direction = rest + size2 / before.clamp_min(_TINY) * direction
    return (whitening.mT @ found.unflatten(1, (-1, 2))).flatten(1, 2)


def _whitening(covariance: Tensor) -> Tensor:
    """The inverse of the Cholesky factor of each matrix, float32 [..., 2, 2]."""
    first = covariance[..., 0, 0].rsqrt()
    across = covariance[..., 0, 1] * first
    second = (covariance[..., 1, 1] - across.square()).rsqrt()
    return torch.stack([first, torch.zeros_like(first), -across * first * second, second], -1).unflatten(-1, (2, 2))
