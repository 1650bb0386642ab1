"""Measure how well faces are found: ``python -m facekp.benchmarks.scenes <photographs> <run folder> ...``.

The photographs must show no face. The held-out people of each run are cut out and put before parts of them: 40 to 300
pixels wide, turned by up to 30 degrees, half of them partly covered, blurred or noisy. The same photographs without
them tell how often a face is seen where there is none. Whether a score is a probability is measured on doubtful scenes:
faces that are damaged until some cannot be recognised, and pictures that are like faces but are none.

``python -m facekp.benchmarks.scenes <photographs> <run folder> reliability.png`` draws a reliability diagram, too.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from facekp.evaluation.calibration import ELLIPSES, coverage
from facekp.evaluation.errors import Predictions, errors_of, point_masks
from facekp.inference import MIN_SCORE
from facekp.inference.face import Face
from facekp.inference.load import load
from facekp.inference.predictor import Predictor
from facekp.inference.scenes import MARKED, SIZE, Detections, Scene, detect, make_doubtful, scenes_of
from facekp.runs.messages import exit_on_mistakes

_BINS = np.array([0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1])  # of the score


def measure(predictor: Predictor, scenes: Sequence[Scene]) -> dict[str, float]:
    """The figures of a predictor on scenes, each by its name."""
    found = detect(predictor, scenes)
    with_face = [number for number, scene in enumerate(scenes) if scene.truth_px is not None]
    kept = {number: face for number, face in found.best.items() if face.score >= MIN_SCORE}
    predictions = _predictions(predictor, scenes, kept)
    inner = point_masks(predictor.scheme, predictor.point_indices).get("inner", slice(None))
    nme = dict(zip(kept, errors_of(predictions).normalised[:, inner].mean(1), strict=True))
    values = np.array([*nme.values()])

    def recall(damaged: bool) -> float:
        asked = [number for number in with_face if scenes[number].damaged == damaged]
        return 100 * float(np.mean([nme.get(number, 1) < MARKED for number in asked]))

    false = ~found.is_face & (found.score >= MIN_SCORE)
    empty = ~np.isin(found.scene, with_face)
    return {
        "faces found and marked, %": recall(False),
        "damaged faces found and marked, %": recall(True),
        "false faces in 100 pictures without one": 100 * (false & empty).sum() / (len(scenes) - len(with_face)),
        "false faces beside 100 faces": 100 * (false & ~empty).sum() / len(with_face),
        "inner NME of found faces, %: mean": 100 * values.mean(),
        "median": 100 * np.median(values),
        **{f"points within ellipses of {share:.0%}": 100 * coverage(predictions, share).mean() for share in ELLIPSES},
    }


def reliability(found: Detections) -> dict[str, tuple[int, float, float]]:
    """For parts of the range of scores: the number of detections, their mean score, and the share of faces."""
    rows = {}
    for low, high in pairwise(_BINS):
        inside = (found.score >= low) & ((found.score < high) | (high == 1))
        if inside.any():
            mean, share = float(found.score[inside].mean()), float(found.is_face[inside].mean())
            rows[f"{low:g} to {high:g}"] = (int(inside.sum()), mean, share)
    return rows


def draw_reliability(rows: dict[str, tuple[int, float, float]], path: Path) -> None:
    """Draw the share of faces over the mean score."""
    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.7", linestyle="--", label="a perfect probability")
    counts, means, shares = zip(*rows.values(), strict=True)
    deviation = [np.sqrt(share * (1 - share) / count) for count, share in zip(counts, shares, strict=True)]
    axes.errorbar(means, shares, deviation, marker="o", capsize=3, label="detections")
    for count, mean, share in rows.values():
        axes.annotate(f"{count}", (mean, share), xytext=(6, -10), textcoords="offset points", fontsize=8)
    axes.set(xlabel="mean score", ylabel="share of faces", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    axes.legend()
    figure.savefig(path, dpi=120)


def _predictions(predictor: Predictor, scenes: Sequence[Scene], faces: dict[int, Face]) -> Predictions:
    size = np.array(SIZE, np.float32)
    covariances = [face.covariance_px2 for face in faces.values() if face.covariance_px2 is not None]
    return Predictions(
        keypoints=np.stack([face.points_px for face in faces.values()]) / size,
        truth=np.stack([scenes[number].truth_px for number in faces]) / size,  # type: ignore[misc]
        canvas_sizes=np.tile(size, (len(faces), 1)),
        point_indices=predictor.point_indices,
        scheme=predictor.scheme,
        covariance=np.stack(covariances) / (size * size[:, None]),
    )


def main(arguments: list[str]) -> None:
    """Print the figures of each run."""
    diagram = Path(arguments.pop()) if arguments[-1:] and arguments[-1].endswith(".png") else None
    if len(arguments) < 2:
        sys.exit(__doc__)
    folder, *runs = arguments
    with exit_on_mistakes():
        for run in runs:
            print(Path(run).name)
            predictor = load(run)
            for name, value in measure(predictor, scenes_of(run, folder)).items():
                print(f"  {name:<45}{value:.4g}")
            rows = reliability(detect(predictor, scenes_of(run, folder, make_doubtful)))
            for name, (count, mean, share) in rows.items():
                print(f"  score {name:<12} {count:4} detections, mean score {mean:.2f}, faces {share:.2f}")
            if diagram:
                draw_reliability(rows, diagram)


if __name__ == "__main__":
    main(sys.argv[1:])
