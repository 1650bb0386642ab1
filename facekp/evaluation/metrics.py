"""How far answers are from the truth.

Pure functions over tensors, and one torchmetrics ``Metric`` that collects answers batch by batch and applies them.
N is the number of images, K the number of points a network answers, P the number of points the data set labels.
Pixels are those of the original photograph, 640x480 for the Danes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from facekp.landmarks.scheme import Scheme

PCK_THRESHOLDS = (0.05, 0.10)
AUC_LIMIT = 0.10
COLLAPSED_SPREAD = 0.05


@dataclass(frozen=True)
class Answers:
    """Predictions for N images and what they are measured against.

    Args:
        predictions: float [N, K, 2], relative to the canvas.
        truth: float [N, P, 2], all labelled points, relative to the canvas.
        canvas_sizes: float [N, 2], (width, height) of the canvas in pixels of the photograph.
        points: which of the P points the K predictions are.
        scheme: the landmarks' scheme.
    """

    predictions: Tensor
    truth: Tensor
    canvas_sizes: Tensor
    points: tuple[int, ...]
    scheme: Scheme

    def __len__(self) -> int:
        return len(self.predictions)

    @property
    def predictions_px(self) -> Tensor:
        """float64 [N, K, 2]."""
        return self.predictions.double() * self.canvas_sizes.double()[:, None]

    @property
    def all_truth_px(self) -> Tensor:
        """float64 [N, P, 2]."""
        return self.truth.double() * self.canvas_sizes.double()[:, None]

    @property
    def truth_px(self) -> Tensor:
        """float64 [N, K, 2], of the points that were asked for."""
        return self.all_truth_px[:, list(self.points)]

    def replaced_by(self, shape: Tensor) -> Answers:
        """The same truth, answered with one shape, float [K, 2], for every image."""
        predictions = shape.to(self.predictions).expand_as(self.predictions)
        return Answers(predictions, self.truth, self.canvas_sizes, self.points, self.scheme)


@dataclass(frozen=True)
class Errors:
    """The errors of each point of each image, from which every figure of the project is made.

    Args:
        distance_px: float64 [N, K], Euclidean distance from prediction to truth.
        curve_px: float64 [N, K], distance from prediction to the true path of the point's group.
        squared_px2: float64 [N, K], mean over both coordinates of the squared coordinate error.
        normalised: float64 [N, K], ``distance_px`` as a fraction of the distance between the true eye centres; NaN
            where the scheme knows no eyes.
    """

    distance_px: Tensor
    curve_px: Tensor
    squared_px2: Tensor
    normalised: Tensor

    def of(self, images: Tensor, points: Tensor) -> Errors:
        """The errors of some images (bool [N]) and points (bool [K])."""
        return Errors(*(values[images][:, points] for values in vars(self).values()))


def errors_of(answers: Answers) -> Errors:
    """Measure every point of every image."""
    difference = answers.predictions_px - answers.truth_px
    distance = difference.norm(dim=-1)
    return Errors(
        distance_px=distance,
        curve_px=_curve_distance(answers),
        squared_px2=difference.square().mean(-1),
        normalised=distance / eye_distance_px(answers.all_truth_px, answers.scheme)[:, None],
    )


def eye_distance_px(truth_px: Tensor, scheme: Scheme) -> Tensor:
    """Distance between the eye centres, each the mean of its eye's points.

    Args:
        truth_px: float [N, P, 2].
        scheme: tells which points are the eyes'.

    Returns:
        float [N], in pixels; NaN where the scheme knows no eyes.
    """
    if scheme.eyes is None:
        return truth_px.new_full((len(truth_px),), torch.nan)
    one, other = (truth_px[:, list(eye)].mean(1) for eye in scheme.eyes)
    return (one - other).norm(dim=-1)


def _curve_distance(answers: Answers) -> Tensor:
    """float64 [N, K]: the distance to the nearest segment of the path that the point belongs to, if there is one, or
    else to the point.
    """
    truth, predictions = answers.all_truth_px, answers.predictions_px
    columns = []
    for column, point in enumerate(answers.points):
        starts, ends = (list(side) for side in zip(*answers.scheme.path_of(point), strict=True))
        start, along = truth[:, starts], truth[:, ends] - truth[:, starts]
        offset = predictions[:, column, None] - start
        length2 = along.square().sum(-1).clamp_min(torch.finfo(along.dtype).tiny)
        share = ((offset * along).sum(-1) / length2).clamp(0, 1)
        columns.append((offset - share[..., None] * along).norm(dim=-1).amin(-1))
    return torch.stack(columns, dim=1)


def summarise(errors: Errors) -> dict[str, float]:
    """Condense errors to a row of a table.

    Returns:
        ``error_px`` (mean over images and points), ``median_px``, ``p90_px`` and ``worst_px`` of single points;
        ``curve_px``; ``mse_px2``; ``nme``, a fraction of the eye-centre distance; ``pck_05`` and ``pck_10``, the
        share of points within 5 % and 10 % of that distance; ``auc_10``, the area under the cumulative distribution
        of the images' NME up to 10 %, as a share of the largest possible. All are NaN where there is no image, and
        those from ``nme`` on where there is no eye-centre distance.
    """
    distance, normalised = errors.distance_px, errors.normalised
    if distance.numel() == 0:
        quantiles = torch.full((2,), torch.nan)
        worst = torch.nan
    else:
        quantiles = torch.quantile(distance.flatten(), distance.new_tensor([0.5, 0.9]))
        worst = distance.max().item()
    return {
        "error_px": distance.mean().item(),
        "median_px": quantiles[0].item(),
        "p90_px": quantiles[1].item(),
        "worst_px": worst,
        "curve_px": errors.curve_px.mean().item(),
        "mse_px2": errors.squared_px2.mean().item(),
        "nme": normalised.mean().item(),
        **{f"pck_{round(100 * t):02d}": _share_within(normalised, t) for t in PCK_THRESHOLDS},
        f"auc_{round(100 * AUC_LIMIT):02d}": (1 - normalised.mean(1) / AUC_LIMIT).clamp_min(0).mean().item(),
    }


def _share_within(normalised: Tensor, threshold: float) -> float:
    within = (normalised <= threshold).double()
    return within.masked_fill(normalised.isnan(), torch.nan).mean().item()


def spread(answers: Answers) -> float:
    """How much the answers vary from image to image, as a fraction of how much the truth does.

    Both are standard deviations over images, pooled over points. Near 0 the network answers everybody with one shape.
    """
    predicted, true = (px.var(dim=0, correction=0).mean() for px in (answers.predictions_px, answers.truth_px))
    return (predicted / true.clamp_min(torch.finfo(true.dtype).tiny)).sqrt().item()


class KeypointMetrics(Metric):
    """Collect the answers of an epoch and measure them at its end.

    Args:
        scheme: the landmarks' scheme.
        points: which points the network answers.
        mean_shape: float [K, 2], the answer that the network is compared with.
        settings: of any ``Metric``.
    """

    full_state_update = False
    predictions: list[Tensor]
    truth: list[Tensor]
    canvas_sizes: list[Tensor]
    turned: list[Tensor]

    def __init__(self, scheme: Scheme, points: Sequence[int], mean_shape: Tensor, **settings: Any) -> None:
        super().__init__(**settings)
        self.scheme = scheme
        self.points = tuple(points)
        self.mean_shape = mean_shape
        for state in ("predictions", "truth", "canvas_sizes", "turned"):
            self.add_state(state, default=[], dist_reduce_fx="cat")

    def update(self, predictions: Tensor, truth: Tensor, canvas_sizes: Tensor, turned: Tensor) -> None:
        """Add a batch: float [B, K, 2], float [B, P, 2], float [B, 2], bool [B]."""
        self.predictions.append(predictions.float())
        self.truth.append(truth)
        self.canvas_sizes.append(canvas_sizes)
        self.turned.append(turned)

    def answers(self) -> Answers:
        """All that was collected, on the CPU."""
        predictions, truth, canvas_sizes = (
            dim_zero_cat(state).cpu() for state in (self.predictions, self.truth, self.canvas_sizes)
        )
        return Answers(predictions, truth, canvas_sizes, self.points, self.scheme)

    def compute(self) -> dict[str, float]:
        """Measure all that was collected.

        Returns:
            ``mse_px2``, ``error_px`` and ``nme`` of all images, ``*_turned`` of the turned ones, ``mean_shape_*`` of
            always answering with the mean shape, and the answers' ``spread`` (see :func:`spread`).
        """
        answers = self.answers()
        turned = dim_zero_cat(self.turned).cpu()
        errors = errors_of(answers)
        baseline = errors_of(answers.replaced_by(self.mean_shape))
        return {
            **_headline(errors),
            **{f"{name}_turned": value for name, value in _headline(errors.of(turned, _every(errors))).items()},
            **{f"mean_shape_{name}": value for name, value in _headline(baseline).items()},
            "spread": spread(answers),
        }


def _every(errors: Errors) -> Tensor:
    return torch.ones(errors.distance_px.shape[1], dtype=torch.bool)


def _headline(errors: Errors) -> dict[str, float]:
    return {name: value for name, value in summarise(errors).items() if name in ("mse_px2", "error_px", "nme")}
