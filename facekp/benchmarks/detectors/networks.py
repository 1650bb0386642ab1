"""Networks of this project as methods beside the detectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from facekp.benchmarks.detectors.base import Baseline, MeanShape
from facekp.data.images import load_grey
from facekp.data.records import Record
from facekp.evaluation.calibration import score
from facekp.inference import MIN_SCORE
from facekp.inference.load import load
from facekp.inference.torch_network import TorchNetwork
from facekp.landmarks.frames import Letterbox
from facekp.landmarks.scheme import Scheme
from facekp.models.checkpoint import read_checkpoint
from facekp.models.module import KeypointModule
from facekp.training.checkpoint import check_scheme
from facekp.utils.errors import ConfigError


class Network(Baseline):
    """A trained network that sees whole photographs; those that it scores below ``MIN_SCORE`` are missed.

    Args:
        path: its checkpoint.
        split: on which it must have been trained.

    Raises:
        CheckpointError: if it cannot be read, or the scheme is another one.
        ConfigError: if it was trained on another split, or does not predict every point with a confidence.
    """

    kind = "network"
    given = "whole image"

    def __init__(self, scheme: Scheme, path: Path, split: str) -> None:
        super().__init__(scheme)
        checkpoint = read_checkpoint(path)
        check_scheme(checkpoint, scheme)
        if (trained := checkpoint.data_settings()[0].split) != split:
            raise ConfigError(f"{path} was trained on split {trained}; give networks of split {split}")
        self.model = checkpoint.model.name
        self._network = TorchNetwork(KeypointModule.restore(checkpoint))
        if len(self._network.point_indices) < len(scheme) or not self._network.shrink:
            raise ConfigError(f"{path} is a network of model={self.model}; give heatmap networks of all points")

    def fit(self, records: Sequence[Record]) -> None:
        """Does nothing, as the network is trained."""

    def predict(self, record: Record) -> np.ndarray:
        size = self._network.input_size
        predicted = self._network.predict(load_grey(record.image, size)[None])
        confidence = 0.0 if predicted.confidence is None else float(predicted.confidence.mean())
        if score(confidence, self._network.score) < MIN_SCORE:
            self.missed.add(record.name)
        return Letterbox(record.image_size, size).to_image(predicted.points_px[0] / size)


class Found(MeanShape):
    """The network that comes with the package, on the face with the highest score that it finds itself.

    If it finds none, it predicts the mean shape, as the detectors do.
    """

    kind = "network"
    given = "whole image, own face finder"

    def __init__(self, scheme: Scheme) -> None:
        super().__init__(scheme)
        self._predictor = load()

    def predict(self, record: Record) -> np.ndarray:
        faces = self._predictor(record.image, faces=1)
        if not faces:
            self.missed.add(record.name)
            return super().predict(record)
        return (faces[0].points_px / record.image_size).astype(np.float32)
