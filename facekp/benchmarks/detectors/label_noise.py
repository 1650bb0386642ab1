"""How much of an error may be the annotators' hand: two estimates that need no second annotator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facekp.data.records import Record
from facekp.data.shape_model import fit_others
from facekp.evaluation.bootstrap import Interval, paired_difference
from facekp.runs.folder import Run


def shared_error(one: Run, other: Run, points: Sequence[int]) -> Interval:
    """What two detectors miss alike, in px² as the MSE is, with its interval over people.

    An answer misses its label by the detector's own error minus the label's. If the three are independent, the product
    of two detectors' misses is on average the variance of the labels' errors (as in reliability theory: F. M. Lord,
    M. R. Novick, *Statistical Theories of Mental Test Scores*, 1968, chapter 3). What both detectors get wrong in the
    same way, because the picture misleads both or both were fitted to the same few labels, is counted too, so this is
    rather too much.

    Args:
        one, other: their answers to the same images and points.
        points: over which the product is averaged.
    """
    misses = [(run.predicted_px - run.true_px)[:, list(points)] for run in (one, other)]
    product = (misses[0] * misses[1]).mean((1, 2))
    return paired_difference(product, np.zeros(len(product)), one.people)


def unlike_others(records: Sequence[Record], points: Sequence[int]) -> float:
    """The mean square of what no shape model of the other people can follow, in px² as the MSE is.

    It holds what is peculiar to a face as well as its label's errors, but of the latter only what leads out of the
    model's modes, and no shift of the whole: rather too little. See :func:`facekp.data.shape_model.fit_others`.

    Args:
        records: labelled photographs of enough people.
        points: over which it is averaged.
    """
    return float((fit_others(records).residual_px[:, list(points)] ** 2 / 2).mean())
