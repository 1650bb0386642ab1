"""Evaluation of baselines in the same way as networks, and the cost of a prediction."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from facekp.benchmarks.detectors.base import Baseline, mean_shape
from facekp.config import DataConfig, ModelConfig
from facekp.data.images import load_grey
from facekp.data.records import Record
from facekp.data.splits import Split
from facekp.evaluation.evaluate import Evaluation, name_evaluation
from facekp.evaluation.metrics import KeypointMetrics
from facekp.models.checkpoint import read_checkpoint
from facekp.models.module import KeypointModule
from facekp.reporting.results import write_measured
from facekp.runs.find import find_checkpoint
from facekp.utils.errors import CheckpointError


def evaluate_baseline(
    baseline: Baseline, split: Split, data: DataConfig, folder: Path, seed: int = 0
) -> dict[str, Any]:
    """Fit a baseline to the training set, and write its predictions for the held-out faces.

    Args:
        split: of photographs of one size.
        seed: that of the baseline and of the split, to be told.

    Returns:
        The content of metrics.json with the baseline's ``kind``, ``trained_on`` and ``given``, the number ``missed`` of
        held-out faces that its face detector did not find, and, in ``metrics``, ``cpu_ms``: milliseconds of processor
        time per photograph from its file to its points, summed over threads, and so independent of other load.
    """
    baseline.fit(split.train)
    baseline.missed.clear()
    keypoints, cpu_ms = _predicted(baseline.predict, split.val)
    mean = mean_shape(split.train)
    metrics = KeypointMetrics(baseline.scheme, range(len(baseline.scheme)), torch.from_numpy(mean))
    metrics.update(
        keypoints=torch.from_numpy(np.stack(keypoints)),
        truth=torch.from_numpy(np.stack([record.keypoints for record in split.val])),
        canvas_sizes=torch.tensor([record.image_size for record in split.val], dtype=torch.float32),
        turned=torch.tensor([record.turned for record in split.val]),
    )
    name = name_evaluation(ModelConfig(name=baseline.name), data, split, seed, weights="fitted", epoch=0)
    name |= {
        "kind": baseline.kind,
        "trained_on": f"{baseline.pretrained_on}{len(split.train)} faces",
        "given": baseline.given,
        "missed": len(baseline.missed),
    }
    evaluation = Evaluation(
        name=name,
        records=split.val,
        input_size=split.val[0].image_size,
        predictions=metrics.predictions(),
        mean_shape=mean,
        metrics=metrics.compute() | {"cpu_ms": cpu_ms},
    )
    return write_measured(evaluation, folder)


def network_cpu_ms(run_dir: Path, records: Sequence[Record]) -> float | None:
    """The ``cpu_ms`` of a network, one photograph at a time; None if the run has no last checkpoint."""
    try:
        checkpoint = read_checkpoint(find_checkpoint(run_dir))
    except CheckpointError:
        return None
    module = KeypointModule.restore(checkpoint)
    width, height = checkpoint.model.input_size

    def predict(record: Record) -> np.ndarray:
        return module(torch.from_numpy(load_grey(record.image, (width, height)))[None, None]).numpy()

    torch.set_num_threads(1)  # several would spend processor time on waiting
    with torch.inference_mode():
        predict(records[0])
        return _predicted(predict, records)[1]


def _predicted(predict: Callable[[Record], np.ndarray], records: Sequence[Record]) -> tuple[list[np.ndarray], float]:
    """The predictions for photographs, and the milliseconds of processor time for each."""
    start = time.process_time()
    predictions = [predict(record) for record in records]
    return predictions, 1000 * (time.process_time() - start) / len(records)
