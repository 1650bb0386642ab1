"""A peer judged as a network is, into a folder like a run's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from facekp.benchmarks.detectors.base import Baseline, mean_shape
from facekp.benchmarks.detectors.cost import cpu_ms
from facekp.config import DataConfig, ModelConfig
from facekp.data.dataset import FaceDataset
from facekp.data.splits import Split
from facekp.evaluation.evaluate import Judged, name_evaluation
from facekp.evaluation.metrics import KeypointMetrics
from facekp.reporting.results import write_measured


def judge(peer: Baseline, split: Split, data: DataConfig, folder: Path) -> dict[str, Any]:
    """Fit a peer to those who are learnt from, and write what it answers to the others.

    Args:
        peer: not fitted yet.
        split: the two sides, photographs of one size.
        data: its settings.
        folder: where metrics.json and predictions.csv go.

    Returns:
        The content of metrics.json, in which ``kind`` is the peer's, ``trained_on`` and ``given`` are in words,
        ``missed`` counts the held-out faces that its detector did not find, and ``metrics`` has ``cpu_ms``, see
        :func:`facekp.benchmarks.detectors.cost.cpu_ms`.
    """
    peer.fit(split.train)
    peer.missed.clear()
    answers: list[np.ndarray] = []
    cost = cpu_ms(lambda record: answers.append(peer.answer(record)), split.val)
    faces = FaceDataset(split.val, split.val[0].image_size, cache_mb=0)  # no pixel of theirs is needed
    shape = torch.from_numpy(mean_shape(split.train))
    metrics = KeypointMetrics(peer.scheme, range(len(peer.scheme)), shape)
    turned = torch.tensor([record.turned for record in split.val])
    truth, sizes = torch.from_numpy(faces.keypoints), torch.from_numpy(faces.canvas_sizes)
    metrics.update(torch.from_numpy(np.stack(answers)), truth, sizes, turned)
    name = name_evaluation(ModelConfig(name=peer.name), data, split, seed=0, weights="fitted", epoch=0) | {
        "kind": peer.kind,
        "trained_on": f"{peer.learnt_before}{len(split.train)} faces",
        "given": peer.given,
        "missed": len(peer.missed),
    }
    figures = metrics.compute() | {"cpu_ms": cost}
    return write_measured(Judged(name, faces, metrics.answers(), shape, figures, confidence=None), folder)
