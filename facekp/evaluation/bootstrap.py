"""Confidence intervals of mean differences where several images show the same person."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_RESAMPLES = 10_000
_SEED = 0
_LEVEL = 0.95


class Interval(NamedTuple):
    """A mean and its 95 % confidence interval; the ends are NaN for fewer than two people."""

    mean: float
    low: float
    high: float


def paired_difference(a: np.ndarray, b: np.ndarray, people: np.ndarray) -> Interval:
    """The mean of ``a - b`` over images, with its bootstrap interval over people.

    Cluster bootstrap with the percentile interval (B. Efron, R. J. Tibshirani, *An Introduction to the Bootstrap*,
    1993, chapters 8 and 13): people are sampled with replacement 10,000 times, each with all of their images. The seed
    is fixed. With few people, percentile intervals are somewhat too narrow.

    Args:
        a, b: float [N], values of two runs for the same images.
        people: [N], the person on each image.
    """
    difference = np.asarray(a, float) - np.asarray(b, float)
    _, person = np.unique(people, return_inverse=True)
    counts = np.bincount(person)
    mean = float(difference.mean())
    if len(counts) < 2:
        return Interval(mean, float("nan"), float("nan"))
    sums = np.bincount(person, difference)
    samples = np.random.default_rng(_SEED).multinomial(len(counts), np.full(len(counts), 1 / len(counts)), _RESAMPLES)
    low, high = np.quantile((samples @ sums) / (samples @ counts), [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Interval(mean, float(low), float(high))
