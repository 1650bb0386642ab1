"""Evaluation of baselines in the same way as networks, and the cost of a prediction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from facekp.benchmarks.detectors.base import Baseline, mean_shape
from facekp.config import DataConfig, ModelConfig
from facekp.data.dataset import FaceDataset, Sample
from facekp.data.images import load_grey
from facekp.data.records import Record
from facekp.data.splits import Split
from facekp.evaluation.evaluate import Prediction, evaluate_predictor, name_evaluation
from facekp.models.checkpoint import read_checkpoint
from facekp.models.module import KeypointModule
from facekp.reporting.results import write_measured
from facekp.runs.find import find_checkpoint
from facekp.utils.errors import CheckpointError


class _OnRecords:
    """Adapts a baseline to :class:`facekp.evaluation.evaluate.BatchPredictor`; it reads the photographs itself.

    Args:
        mean_shape: float32 [K, 2], of its training set.
        records: to which the ``index`` of a batch refers.
    """

    def __init__(self, baseline: Baseline, mean_shape: np.ndarray, records: Sequence[Record]) -> None:
        self.scheme = baseline.scheme
        self.point_indices = range(len(baseline.scheme))
        self.mean_shape = torch.from_numpy(mean_shape)
        self.cpu_seconds = 0.0
        self._baseline = baseline
        self._records = records

    def predict_step(self, batch: Sample, batch_idx: int) -> Prediction:
        start = time.process_time()
        keypoints = [self._baseline.predict(self._records[index]) for index in batch["index"].tolist()]
        self.cpu_seconds += time.process_time() - start
        return Prediction(torch.from_numpy(np.stack(keypoints)))


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
    faces = FaceDataset(split.val, split.val[0].image_size, cache_mb=0)
    predictor = _OnRecords(baseline, mean_shape(split.train), split.val)
    name = name_evaluation(ModelConfig(name=baseline.name), data, split, seed, weights="fitted", epoch=0)
    evaluation = evaluate_predictor(predictor, DataLoader(faces, data.batch_size), name)
    told = {
        "kind": baseline.kind,
        "trained_on": f"{baseline.pretrained_on}{len(split.train)} faces",
        "given": baseline.given,
        "missed": len(baseline.missed),
    }
    cost = {"cpu_ms": 1000 * predictor.cpu_seconds / len(split.val)}
    return write_measured(replace(evaluation, name=evaluation.name | told, metrics=evaluation.metrics | cost), folder)


def network_cpu_ms(run_dir: Path, records: Sequence[Record]) -> float | None:
    """The ``cpu_ms`` of a network, one photograph at a time; None if the run has no last checkpoint."""
    try:
        checkpoint = read_checkpoint(find_checkpoint(run_dir))
    except CheckpointError:
        return None
    module = KeypointModule.restore(checkpoint)
    width, height = checkpoint.model.input_size

    def predict(record: Record) -> None:
        module(torch.from_numpy(load_grey(record.image, (width, height)))[None, None])

    torch.set_num_threads(1)  # several would spend processor time on waiting
    with torch.inference_mode():
        predict(records[0])
        start = time.process_time()
        for record in records:
            predict(record)
        return 1000 * (time.process_time() - start) / len(records)
