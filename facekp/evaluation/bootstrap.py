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
    """The mean of ``a - b`` over images, with its bootstrap interval over people; see :func:`resampled_means`.

    With few people, percentile intervals are somewhat too narrow.

    Args:
        a, b: float [N], values of two runs for the same images.
        people: [N], the person on each image.
    """
    difference = np.asarray(a, float) - np.asarray(b, float)
    return interval(float(difference.mean()), resampled_means(difference[None], people))


def interval(estimate: float, samples: np.ndarray) -> Interval:
    """An estimate with the percentile interval of its bootstrap samples, float [B], NaN if there are none."""
    low, high = np.quantile(samples, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Interval(estimate, float(low), float(high))


def resampled_means(values: np.ndarray, people: np.ndarray) -> np.ndarray:
    """Means over runs and images of bootstrap samples of people and of runs, float [..., B].

    Cluster bootstrap (B. Efron, R. J. Tibshirani, *An Introduction to the Bootstrap*, 1993, chapters 8 and 13): people
    are sampled with replacement 10,000 times, each with all of their images, and runs as well. The seed is fixed.

    Args:
        values: float [..., R, N], of the same R runs and N images throughout.
        people: [N], the person on each image.

    Returns:
        NaN for fewer than two people.
    """
    _, person = np.unique(people, return_inverse=True)
    counts, runs = np.bincount(person), values.shape[-2]
    if len(counts) < 2:
        return np.full((*values.shape[:-2], _RESAMPLES), np.nan)
    sums = values @ np.eye(len(counts))[person]
    rng = np.random.default_rng(_SEED)
    chosen, run_chosen = (rng.multinomial(n, np.full(n, 1 / n), _RESAMPLES) for n in (len(counts), runs))
    return np.einsum("...rp,bp,br->...b", sums, chosen, run_chosen) / (chosen @ counts * runs)
