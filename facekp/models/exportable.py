"""Complex numbers and 2x2 matrices, in a way that ONNX has, too.

While a network is exported (``torch.compiler.is_exporting()``) these functions do the same by real sums and products.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


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
