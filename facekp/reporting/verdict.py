"""How good a network is, in a sentence for people who do not know the metrics."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from facekp.evaluation.errors import COLLAPSED_SPREAD


class Verdict(NamedTuple):
    """A sentence or two, and whether the network can be used at all."""

    text: str
    usable: bool


def verdict(measured: dict[str, Any]) -> Verdict:
    """Judge a network by the content of metrics.json.

    It is not usable where it is worse than the mean shape, or predicts one shape for all faces.
    """
    metrics, wide = measured["metrics"], measured["face_width_px"]
    error, mean_shape = metrics["error_px"], metrics["mean_shape_error_px"]
    share = "" if math.isnan(metrics["nme"]) else f", {100 * metrics['nme']:.1f} % of the distance between the eyes"
    measure = f"off by {error:.1f} px{f' on faces {wide:.0f} px wide' if wide >= 1 else ''}{share}"
    against = f"always predicting the mean face would be off by {mean_shape:.1f} px"
    remedy = "Train longer (trainer.max_epochs), or with a smaller step (optimizer.lr)."
    if measured["images"] > 1 and metrics["spread"] < COLLAPSED_SPREAD:
        return Verdict(
            f"The network predicts nearly the same shape for every face: its predictions vary only "
            f"{100 * metrics['spread']:.1f} % as much as the labels do. It is {measure}; {against}. {remedy}",
            usable=False,
        )
    if error >= mean_shape:
        return Verdict(f"The network is worse than the mean face: {measure}; {against}. {remedy}", usable=False)
    return Verdict(f"On average a point is {measure}; {against}.", usable=True)
