"""Evaluation of a predictor of keypoints on held-out faces, with tables by image type and point group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from facekp.config import DataConfig, ModelConfig
from facekp.data.dataset import FaceDataset, Sample
from facekp.data.records import Record
from facekp.data.splits import Split
from facekp.evaluation.calibration import ELLIPSES, coverage
from facekp.evaluation.catalogue import summarise
from facekp.evaluation.errors import Errors, Predictions, errors_of, face_width_px, image_masks, point_masks
from facekp.evaluation.metrics import KeypointMetrics
from facekp.landmarks.frames import Letterbox
from facekp.landmarks.scheme import Scheme


class Prediction(NamedTuple):
    """What is predicted for a batch of B images.

    Args:
        keypoints: float32 [B, K, 2], relative to the canvas.
        confidence: float32 [B, K] within 0..1; None if the predictor has none.
        covariance: float32 [B, K, 2, 2], of each keypoint's error, relative to the canvas as the keypoints are; None if
            the predictor has none.
    """

    keypoints: Tensor
    confidence: Tensor | None = None
    covariance: Tensor | None = None

    def mapped(self, function: Callable[..., Tensor], *others: Prediction) -> Prediction:
        """The function of each part, and of the same of other predictions; None where one of them has none."""
        parts = zip(self, *others, strict=True)
        return Prediction(
            *cast(Any, [None if any(part is None for part in each) else function(*each) for each in parts])
        )


class BatchPredictor(Protocol):
    """The interface of what can be evaluated: a network, or another detector."""

    @property
    def scheme(self) -> Scheme:
        """The landmarks of the data."""

    @property
    def point_indices(self) -> Sequence[int]:
        """Which of them it predicts."""

    @property
    def mean_shape(self) -> Tensor:
        """float32 [K, 2]: the mean of those points over its training set, relative to the canvas."""

    def predict_step(self, batch: Sample, batch_idx: int) -> Prediction:
        """Predict the faces of a batch."""


@dataclass(frozen=True)
class Evaluation:
    """Predictions for one set of faces, and their metrics.

    Args:
        name: what was evaluated on which data; see :func:`name_evaluation`.
        records: the faces, in the order of the predictions.
        input_size: (width, height) of the canvas.
        predictions: the predictions.
        mean_shape: float32 [K, 2], the training set's, relative to the canvas.
        metrics: those of :class:`KeypointMetrics`.
    """

    name: dict[str, Any]
    records: Sequence[Record]
    input_size: tuple[int, int]
    predictions: Predictions
    mean_shape: np.ndarray
    metrics: dict[str, float]

    @property
    def caption(self) -> str:
        """The weights and the data of this evaluation, for figures."""
        return (
            "{model} ({weights} weights, epoch {epoch}) on {data}, {labels} labels, split {split}, held-out faces"
        ).format(**self.name)

    @property
    def baseline(self) -> Predictions:
        """The mean shape of the training set as the prediction for each face."""
        return self.predictions.replaced_by(self.mean_shape)

    @property
    def on_raw_labels(self) -> Predictions:
        """The same predictions, with the raw labels as the ground truth."""
        boxes = [Letterbox(record.image_size, self.input_size) for record in self.records]
        truth = [box.to_canvas(record.raw_keypoints) for box, record in zip(boxes, self.records, strict=True)]
        return replace(self.predictions, truth=np.stack(truth))

    def as_json(self) -> dict[str, Any]:
        """The content of metrics.json: tables of the predictions, of the mean shape, and, if other labels were used, of
        the predictions on the raw labels; and of covariances the fraction of points within each ellipse.
        """
        more: dict[str, Any] = {}
        if self.name["labels"] != "raw":
            more["raw_labels"] = tables(self.on_raw_labels, self.records)
        if self.predictions.covariance is not None:
            more["coverage"] = {f"{p:.0%}": float(coverage(self.predictions, p).mean()) for p in ELLIPSES}
        return {
            **self.name,
            "images": len(self.predictions),
            "face_width_px": face_width_px(self.predictions),
            "metrics": self.metrics,
            **tables(self.predictions, self.records),
            "mean_shape": tables(self.baseline, self.records),
            **more,
        }


def name_evaluation(
    model: ModelConfig, data: DataConfig, split: Split, seed: int, weights: str, epoch: int
) -> dict[str, Any]:
    """The origin of an evaluation, for its figures and tables; plain data."""
    return {
        "model": model.name,
        "selection": model.selection,
        "weights": weights,
        "epoch": epoch,
        "seed": seed,
        "data": data.name,
        "labels": data.labels,
        "split": split.name,
    }


def evaluate_predictor(predictor: BatchPredictor, loader: DataLoader[Sample], name: dict[str, Any]) -> Evaluation:
    """Predict all batches of a loader over a :class:`FaceDataset`, in order, and compute the metrics.

    They are computed as in training, from the same batches, and so are the same to the last digit. There is no
    communication between processes.
    """
    metrics = KeypointMetrics(predictor.scheme, predictor.point_indices, predictor.mean_shape, sync_on_compute=False)
    predicted: list[Prediction] = []
    if isinstance(predictor, torch.nn.Module):
        predictor.eval()
    with torch.inference_mode():
        for number, batch in enumerate(loader):
            predicted.append(predictor.predict_step(batch, number).mapped(lambda part: part.float().cpu()))
            metrics.update(predicted[-1].keypoints, batch["keypoints"], batch["canvas_size"], batch["turned"])
    first, *others = predicted
    whole = first.mapped(lambda *parts: torch.cat(parts), *others)._asdict()
    known: dict[str, Any] = {name: part.numpy() for name, part in whole.items() if part is not None}
    predictions = replace(metrics.predictions(), **known)
    faces: FaceDataset = loader.dataset  # type: ignore[assignment]
    mean_shape = predictor.mean_shape.cpu().numpy()
    return Evaluation(name, faces.records, faces.input_size, predictions, mean_shape, metrics.compute())


def tables(predictions: Predictions, records: Sequence[Record]) -> dict[str, Any]:
    """All tables of an evaluation, for JSON.

    Returns:
        ``by_type`` and ``by_group``, whose rows have the number of ``images``, then all metrics of the catalogue; and
        ``error_px``: mean error by type, then by group.
    """
    errors = errors_of(predictions)
    images = image_masks([record.image_type or 0 for record in records])
    points = point_masks(predictions.scheme, predictions.point_indices)
    return {
        "by_type": {name: _row(errors.of(mask)) for name, mask in images.items()},
        "by_group": {name: _row(errors.of(points=mask)) for name, mask in points.items()},
        "error_px": {
            kind: {group: float(errors.of(rows, columns).distance_px.mean()) for group, columns in points.items()}
            for kind, rows in images.items()
        },
    }


def _row(errors: Errors) -> dict[str, float]:
    return {"images": len(errors), **summarise(errors)}
