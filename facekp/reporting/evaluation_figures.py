"""Which pictures of an evaluation are drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from facekp.data.images import load_grey
from facekp.data.records import FRONTAL_TYPES, TURNED_TYPES, Record
from facekp.evaluation.evaluate import Evaluation
from facekp.evaluation.metrics import AUC_LIMIT, errors_of
from facekp.reporting import figures
from facekp.reporting import network_figures as layers
from facekp.reporting.confidence import draw_confidence
from facekp.training.tensorboard import read_scalars

_FACES = 6
_PERSONS = 3
_FACES_IN_A_ROW = 3
_FACE_WIDTH = 480


def draw(evaluation: Evaluation, measured: dict[str, Any], run_dir: Path | None) -> Iterator[tuple[str, Figure]]:
    """Each figure of an evaluation with its file's name.

    Args:
        evaluation: what to draw.
        measured: its :meth:`Evaluation.as_json`.
        run_dir: the run folder whose loss curves are drawn, or None.
    """
    yield from _faces(evaluation)
    yield from _errors(evaluation, measured)
    losses = {tag: series for tag, series in read_scalars(run_dir).items() if tag.endswith("/loss")} if run_dir else {}
    if losses:
        yield "loss_curves", figures.loss_curves(losses, "training and validation loss", evaluation.caption)
    image = torch.from_numpy(evaluation.faces.image(0))
    name = evaluation.faces.records[0].name
    for number, (weights, maps) in enumerate(layers.first_convolutions(evaluation.module, image), start=1):
        title = f"learned filters of convolution {number}"
        yield f"filters_{number}", layers.draw_filters(weights, title, evaluation.caption)
        title = f"what convolution {number} answers to {name}"
        yield f"responses_{number}", layers.draw_responses(image.numpy(), maps, title, evaluation.caption)


def _faces(evaluation: Evaluation) -> Iterator[tuple[str, Figure]]:
    by_image = errors_of(evaluation.answers).distance_px.mean(1)
    order = by_image.argsort().tolist()
    frame = _frame(evaluation)
    spread = [order[rank] for rank in evenly(len(order), _FACES)]
    for name, title, chosen in (
        ("spread_faces", f"from the best to the worst face, by mean error {frame}", spread),
        ("best_faces", f"best faces, by mean error {frame}", order[:_FACES]),
        ("worst_faces", f"worst faces, by mean error {frame}", order[::-1][:_FACES]),
        ("turned_faces", f"the same persons frontal and turned, mean error {frame}", _turned(evaluation, by_image)),
    ):
        if chosen:
            yield name, _grid(evaluation, title, [_face(evaluation, i, by_image[i].item()) for i in chosen])
    faces = [_face(evaluation, i) for i in evenly(len(order), _FACES)]
    yield "ground_truth", _grid(evaluation, "true points of held-out faces", faces)


def _errors(evaluation: Evaluation, measured: dict[str, Any]) -> Iterator[tuple[str, Figure]]:
    answers, caption = evaluation.answers, evaluation.caption
    errors, baseline = errors_of(answers), errors_of(evaluation.baseline)
    if answers.scheme.eyes is not None:
        curves = {"prediction": errors.normalised.mean(1).numpy(), "mean shape": baseline.normalised.mean(1).numpy()}
        limit = max(AUC_LIMIT, float(np.quantile(curves["mean shape"], 0.9)))
        yield "cumulative_error", figures.cumulative_errors(curves, limit, "cumulative error of the images", caption)
    cells = measured["error_px"]
    groups = list(cells["all"])
    values = np.array([[row[group] for group in groups] for row in cells.values()])
    yield "error_by_type_and_group", figures.error_table(list(cells), groups, values, "where the error lies", caption)
    yield (
        "error_vectors",
        figures.error_vectors(
            answers.all_truth_px.mean(0).numpy(),
            (answers.predictions_px - answers.truth_px).numpy(),
            answers.scheme,
            answers.points,
            "error of each point, on the mean of the held-out faces",
            caption,
        ),
    )
    if evaluation.confidence is not None:
        sure, distance = evaluation.confidence.flatten().numpy(), errors.distance_px.flatten().numpy()
        yield "confidence", draw_confidence(sure, distance, "what the confidence is worth", caption)


def evenly(length: int, count: int) -> list[int]:
    """So many places, or all, spread evenly over a list of that length."""
    return np.unique(np.linspace(0, length - 1, count).round().astype(int)).tolist()


def _turned(evaluation: Evaluation, by_image: torch.Tensor) -> list[int]:
    """A frontal face and the turned ones of a few persons, from the one who is answered best to the worst."""
    index = {(record.person, record.image_type): i for i, record in enumerate(evaluation.faces.records)}
    types = (FRONTAL_TYPES[0], *TURNED_TYPES)
    persons = dict.fromkeys(person for person, _ in index)
    rows = [[index[p, t] for t in types] for p in persons if all((p, t) in index for t in types)]
    rows.sort(key=lambda row: by_image[row].mean().item())
    return [i for place in evenly(len(rows), _PERSONS) for i in rows[place]] if rows else []


def _frame(evaluation: Evaluation) -> str:
    """What the pixels of an error are."""
    sizes = {record.image_size for record in evaluation.faces.records}
    return f"at {'x'.join(map(str, sizes.pop()))}" if len(sizes) == 1 else "in pixels of each photograph"


def _grid(evaluation: Evaluation, title: str, faces: Sequence[figures.Face]) -> Figure:
    scheme, points = evaluation.answers.scheme, evaluation.answers.points
    return figures.face_grid(faces, scheme, points, title, evaluation.caption, _FACES_IN_A_ROW)


def _face(evaluation: Evaluation, index: int, error_px: float | None = None) -> figures.Face:
    """One face at the size of a figure; its prediction is shown where an error is given."""
    record, answers = evaluation.faces.records[index], evaluation.answers
    width, height = evaluation.faces.input_size
    factor = max(1, round(_FACE_WIDTH / width))
    return figures.Face(
        title=_title(record) if error_px is None else f"{_title(record)}: {error_px:.1f} px",
        image=load_grey(record.image, (factor * width, factor * height)),
        truth=answers.truth[index, list(answers.points)].numpy(),
        prediction=None if error_px is None else answers.predictions[index].numpy(),
    )


def _title(record: Record) -> str:
    return record.name if record.image_type is None else f"{record.name} (type {record.image_type})"
