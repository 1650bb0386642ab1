"""What finding faces and predicting their points need of a network, in NumPy alone."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from facekp.landmarks.scheme import Scheme


class Prediction(NamedTuple):
    """What is predicted for N windows, in their pixels.

    Args:
        points_px: float32 [N, K, 2].
        confidence: float32 [N, K] within 0..1; None if the network has none.
        covariance_px2: float32 [N, K, 2, 2], of each point's error; None if the network has none.
    """

    points_px: np.ndarray
    confidence: np.ndarray | None
    covariance_px2: np.ndarray | None


class Network(Protocol):
    """A trained network, whatever runs it."""

    scheme: Scheme
    """The landmarks of its training data."""
    point_indices: tuple[int, ...]
    """Which of them it predicts."""
    input_size: tuple[int, int]
    """(width, height) of its input."""
    mean_shape: np.ndarray
    """Float [K, 2]: the mean of the points over the training set, relative to the input."""
    score: np.ndarray | None
    """Float [2]: how a face's score follows from its confidence, see :func:`facekp.evaluation.calibration.score`; None
    if it is as typical."""
    shrink: int | None
    """How many times smaller the images are that :meth:`scan` sees; None if the network cannot find faces."""

    def predict(self, windows: np.ndarray, flip_test: bool = True) -> Prediction:
        """The points of the face in each window.

        Args:
            windows: uint8 [N, height, width], grey, of the input size.
            flip_test: whether to look at their mirror images too, if the network was trained for that.
        """

    def scan(self, image: np.ndarray) -> np.ndarray:
        """The heatmaps' logits, float32 [K, h, w], of a grey image of any size, uint8 [H, W]."""
