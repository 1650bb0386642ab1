"""Judge a trained network on held-out faces: answers, and tables by image type and point group."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from facekp.config import DataConfig, ModelConfig
from facekp.data.dataset import FaceDataset, Sample
from facekp.data.records import FRONTAL_TYPES, TURNED_TYPES, Record
from facekp.data.splits import Split
from facekp.evaluation.metrics import Answers, Errors, KeypointMetrics, errors_of, summarise
from facekp.landmarks.frames import Letterbox
from facekp.landmarks.scheme import Scheme
from facekp.models.module import KeypointModule

Table = dict[str, dict[str, float]]
"""Rows by name, as :func:`facekp.evaluation.metrics.summarise` gives them, with the number of ``images`` in front."""


@dataclass(frozen=True)
class Judged:
    """Answers to one set of faces, whoever gave them.

    Args:
        name: what was judged, on what; see :func:`name_evaluation`.
        faces: the faces that were answered.
        answers: the answers, in their order.
        mean_shape: float32 [K, 2], the training set's, relative to the canvas.
        metrics: the figures that training logs as ``val/...``.
        confidence: float32 [N, K], how sure the network was of each answer; None if it does not know.
    """

    name: dict[str, Any]
    faces: FaceDataset
    answers: Answers
    mean_shape: Tensor
    metrics: dict[str, float]
    confidence: Tensor | None

    @property
    def caption(self) -> str:
        """On which data this was made, and with which weights."""
        return (
            "{model} ({weights} weights, epoch {epoch}) on {data}, {labels} labels, split {split}, held-out faces"
        ).format(**self.name)

    @property
    def baseline(self) -> Answers:
        """The same faces, each answered with the training set's mean shape."""
        return self.answers.replaced_by(self.mean_shape)

    @property
    def on_raw_labels(self) -> Answers:
        """The same answers, against the labels as their files have them."""
        frames = [(Letterbox(record.image_size, self.faces.input_size), record) for record in self.faces.records]
        truth = np.stack([frame.to_canvas(record.raw_keypoints) for frame, record in frames])
        return replace(self.answers, truth=torch.from_numpy(truth))

    def as_json(self) -> dict[str, Any]:
        """All that was measured, of the answers and of the mean shape, and on the raw labels where others were used."""
        records = self.faces.records
        raw = {"raw_labels": tables(self.on_raw_labels, records)} if self.name["labels"] != "raw" else {}
        return {
            **self.name,
            "images": len(self.answers),
            "metrics": self.metrics,
            **tables(self.answers, records),
            "mean_shape": tables(self.baseline, records),
            **raw,
        }


@dataclass(frozen=True)
class Evaluation(Judged):
    """One network judged on one set of faces.

    Args:
        module: the network.
    """

    module: KeypointModule


def name_evaluation(
    model: ModelConfig, data: DataConfig, split: Split, seed: int, weights: str, epoch: int
) -> dict[str, Any]:
    """What every figure and table of an evaluation says of its origin; plain data."""
    return {
        "model": model.name,
        "points": model.points,
        "weights": weights,
        "epoch": epoch,
        "seed": seed,
        "data": data.name,
        "labels": data.labels,
        "split": split.name,
    }


def evaluate_module(module: KeypointModule, loader: DataLoader[Sample], name: dict[str, Any]) -> Evaluation:
    """Let a network answer every batch of a loader over a :class:`FaceDataset`, in its order.

    The figures are computed as training computes them, from the same batches, so they are the same to the last digit.
    This process does it alone, also where several have trained.
    """
    mean_shape = module.mean_shape.cpu()
    metrics = KeypointMetrics(module.scheme, module.points, mean_shape, sync_on_compute=False)
    sure = []
    module.eval()
    with torch.inference_mode():
        for batch in loader:
            predictions, confidence = module.answer(batch["image"].to(module.device))
            metrics.update(predictions.cpu(), batch["keypoints"], batch["canvas_size"], batch["turned"])
            if confidence is not None:
                sure.append(confidence.float().cpu())
    faces: FaceDataset = loader.dataset  # type: ignore[assignment]
    confidence = torch.cat(sure) if sure else None
    return Evaluation(name, faces, metrics.answers(), mean_shape, metrics.compute(), confidence, module)


def image_masks(records: Sequence[Record]) -> dict[str, Tensor]:
    """Rows of a table by image type: bool [N] for each type that occurs, then frontal, turned and all."""
    types = torch.tensor([record.image_type or 0 for record in records])
    masks = {f"type {t}": types == t for t in sorted(set(types.tolist())) if t}
    masks |= {"frontal": _among(types, FRONTAL_TYPES), "turned": _among(types, TURNED_TYPES)}
    return {name: mask for name, mask in masks.items() if mask.any()} | {
        "all": torch.ones_like(types, dtype=torch.bool)
    }


def point_masks(scheme: Scheme, points: Sequence[int]) -> dict[str, Tensor]:
    """Rows of a table by point group: bool [K] for each group that a network answers, then inner and all."""
    asked = torch.tensor(points)
    groups = {group.name: group.points for group in scheme.groups}
    if "inner" in scheme.selections:
        groups["inner"] = scheme.selections["inner"]
    masks = {name: _among(asked, members) for name, members in groups.items()}
    return {name: mask for name, mask in masks.items() if mask.any()} | {
        "all": torch.ones_like(asked, dtype=torch.bool)
    }


def _among(values: Tensor, members: Iterable[int]) -> Tensor:
    return torch.isin(values, torch.tensor(list(members)))


def tables(answers: Answers, records: Sequence[Record]) -> dict[str, Any]:
    """All tables of one evaluation, ready for JSON.

    Returns:
        ``by_type`` and ``by_group``, each a :data:`Table`, and ``error_px``: mean error by type, then by group.
    """
    errors = errors_of(answers)
    images, points = image_masks(records), point_masks(answers.scheme, answers.points)
    return {
        "by_type": {name: _row(errors.of(mask, points["all"])) for name, mask in images.items()},
        "by_group": {name: _row(errors.of(images["all"], mask)) for name, mask in points.items()},
        "error_px": {
            kind: {group: errors.of(rows, columns).distance_px.mean().item() for group, columns in points.items()}
            for kind, rows in images.items()
        },
    }


def _row(errors: Errors) -> dict[str, float]:
    return {"images": len(errors.distance_px), **summarise(errors)}
