"""All figures of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from facekp.data.images import load_grey
from facekp.data.records import FRONTAL_TYPES, TURNED_TYPES
from facekp.evaluation.catalogue import AUC_LIMIT
from facekp.evaluation.errors import errors_of
from facekp.evaluation.evaluate import Evaluation
from facekp.models.module import KeypointModule
from facekp.reporting import figures
from facekp.reporting import network_figures as layers
from facekp.reporting.curve_figures import cumulative_errors, error_by_confidence, loss_curves
from facekp.reporting.data_figures import numbered
from facekp.reporting.faces import FacePanel, face_grid
from facekp.runs.folder import RunFolder

_FACES = 6
_FEW = 3 * _FACES  # so many or fewer are all drawn in one figure, from the best to the worst; of more, some in three
_PERSONS = 3
_FACE_WIDTH = 640
_NME_UNIT = "NME (% of the distance between the eye centres)"


def draw(
    evaluation: Evaluation, measured: dict[str, Any], module: KeypointModule, run: RunFolder | None
) -> Iterator[tuple[str, Figure]]:
    """Yield each figure of an evaluation with the name of its file."""
    yield from _faces(evaluation)
    yield from _errors(evaluation, measured)
    if run and {"train/loss", "val/loss"} & run.scalars.keys():
        title = "validation loss (thick) and training loss (thin, smoothed)"
        yield "loss_curves", loss_curves({"validation loss": run.scalars}, title, evaluation.caption)
    record = evaluation.records[0]
    image = load_grey(record.image, evaluation.input_size)
    for number, (weights, maps) in enumerate(layers.first_convolutions(module, torch.from_numpy(image)), start=1):
        title = f"learned filters of convolution {number}"
        yield f"filters_{number}", layers.draw_filters(weights, title, evaluation.caption)
        title = f"response of convolution {number} to {record.name}"
        yield f"responses_{number}", layers.draw_responses(image, maps, title, evaluation.caption)


def _faces(evaluation: Evaluation) -> Iterator[tuple[str, Figure]]:
    by_image = errors_of(evaluation.predictions).distance_px.mean(1)
    order = np.argsort(by_image, kind="stable").tolist()
    measure = "mean error in pixels of the photograph"
    few = len(order) <= _FEW
    spread = order if few else [order[rank] for rank in figures.evenly(len(order), _FACES)]
    for name, title, chosen in (
        ("spread_faces", f"from the best to the worst face, by {measure}", spread),
        ("best_faces", f"best faces, by {measure}", [] if few else order[:_FACES]),
        ("worst_faces", f"worst faces, by {measure}", [] if few else order[::-1][:_FACES]),
        ("turned_faces", f"the same persons frontal and turned, {measure}", _turned(evaluation, by_image)),
    ):
        if chosen:
            yield name, _grid(evaluation, title, [_face(evaluation, i, by_image[i]) for i in chosen])
    faces = [_face(evaluation, i) for i in figures.evenly(len(order), _FACES)]
    yield "ground_truth", _grid(evaluation, "true points of held-out faces", faces)
    whole = replace(_face(evaluation, 0), truth=evaluation.predictions.truth[0])
    yield "numbered_points", numbered(whole, evaluation.predictions.scheme, evaluation.caption)


def _errors(evaluation: Evaluation, measured: dict[str, Any]) -> Iterator[tuple[str, Figure]]:
    predictions, caption = evaluation.predictions, evaluation.caption
    errors, baseline = errors_of(predictions), errors_of(evaluation.baseline)
    if predictions.scheme.eyes is not None:
        nme = {"prediction": errors.normalised.mean(1), "mean shape": baseline.normalised.mean(1)}
        limit = max(AUC_LIMIT, float(np.quantile(nme["mean shape"], 0.9)))
        curves, title = {name: 100 * values for name, values in nme.items()}, "cumulative error of the images"
        yield "cumulative_error", cumulative_errors(curves, _NME_UNIT, title, caption, 100 * limit)
    cells = measured["error_px"]
    if len(cells) > 1 or len(cells["all"]) > 1:
        yield "error_by_type_and_group", figures.error_table(cells, "where the error lies", caption)
    title = "error of each point, on the mean of the held-out faces"
    yield "error_vectors", figures.error_vectors(predictions, title, caption)
    if predictions.confidence is not None:
        confidence, distance_px = predictions.confidence.ravel(), errors.distance_px.ravel()
        yield "confidence", error_by_confidence(confidence, distance_px, "error by confidence", caption)


def _turned(evaluation: Evaluation, by_image: np.ndarray) -> list[int]:
    """A frontal face and the turned ones of a few persons, from the best to the worst predicted."""
    index = {(record.person, record.image_type): i for i, record in enumerate(evaluation.records)}
    types = (FRONTAL_TYPES[0], *TURNED_TYPES)
    persons = dict.fromkeys(person for person, _ in index)
    rows = [[index[p, t] for t in types] for p in persons if all((p, t) in index for t in types)]
    rows.sort(key=lambda row: by_image[row].mean())
    return [i for place in figures.evenly(len(rows), _PERSONS) for i in rows[place]] if rows else []


def _grid(evaluation: Evaluation, title: str, faces: Sequence[FacePanel]) -> Figure:
    scheme, points = evaluation.predictions.scheme, evaluation.predictions.point_indices
    return face_grid(faces, scheme, points, title, evaluation.caption)


def _face(evaluation: Evaluation, index: int, error_px: float | None = None) -> FacePanel:
    """One face at the size of a figure; its prediction is shown if an error is given."""
    record, predictions = evaluation.records[index], evaluation.predictions
    width, height = evaluation.input_size
    factor = max(1, round(_FACE_WIDTH / width))
    return FacePanel(
        title=record.title if error_px is None else f"{record.title}: {error_px:.1f} px",
        image=load_grey(record.image, (factor * width, factor * height)),
        truth=predictions.truth[index, list(predictions.point_indices)],
        prediction=None if error_px is None else predictions.keypoints[index],
        landmarks=predictions.truth[index],
    )
