"""Measure how many points lie in their ellipses: ``python -m facekp.benchmarks.ellipses <calibrated> [<other> ...]``.

The people are those that each network was not trained on. Those of the first are shown damaged, too: blurred, noisy, or
with a grey square over a part of the face. The others get the calibration of the first.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import torch

from facekp.data.dataset import FaceDataset
from facekp.evaluation.calibration import ELLIPSES, coverage
from facekp.evaluation.errors import Predictions, point_masks
from facekp.evaluation.evaluate import evaluate_predictor
from facekp.inference.scenes import held_out
from facekp.models.checkpoint import read_checkpoint
from facekp.models.module import KeypointModule
from facekp.runs.find import find_checkpoint
from facekp.runs.messages import exit_on_mistakes
from facekp.utils.errors import FacekpError

_BLUR, _NOISE, _SQUARE = 0.009, 25, 0.11  # of the image's width; grey levels; of the width


class Damaged(FaceDataset):
    """Faces whose images are damaged.

    Args:
        faces: the same faces.
        damage: ``blur``, ``noise`` or ``square``.
    """

    def __init__(self, faces: FaceDataset, damage: str) -> None:
        super().__init__(faces.records, faces.input_size)
        self._damage = damage

    def image(self, index: int) -> np.ndarray:
        rng, image = np.random.default_rng(index), super().image(index).copy()
        width = self.input_size[0]
        if self._damage == "blur":
            return cv2.GaussianBlur(image, (0, 0), _BLUR * width)
        if self._damage == "noise":
            return cv2.add(image, rng.normal(0, _NOISE, image.shape), dtype=cv2.CV_8U)
        points_px = self.keypoints[index] * self.input_size
        low = (points_px[rng.integers(len(points_px))] - _SQUARE * width / 2).clip(0).astype(int)
        high = low + round(_SQUARE * width)
        image[low[1] : high[1], low[0] : high[0]] = 128
        return image


def predictions(run: str, calibration: torch.Tensor | None, damage: str = "") -> Predictions:
    """The predictions of a network for its held-out people.

    Args:
        run: a run folder or a checkpoint.
        calibration: of the covariances; see :class:`facekp.models.module.KeypointModule`.
        damage: see :class:`Damaged`; none by default.
    """
    checkpoint = read_checkpoint(find_checkpoint(run))
    data = held_out(checkpoint, checkpoint.model.input_size)
    if damage:
        data.val_faces = Damaged(data.val_faces, damage)
    module = KeypointModule.restore(checkpoint)
    module.calibration = calibration
    return evaluate_predictor(module, data.test_dataloader(), {}).predictions


def _row(name: str, found: Predictions, points: np.ndarray | slice = slice(None)) -> None:
    size = found.canvas_sizes[:, None, :, None] * found.canvas_sizes[:, None, None]
    deviation = np.sqrt(np.trace(found.covariance * size, axis1=-2, axis2=-1)[:, points] / 2)
    shares = [f"{100 * coverage(found, share)[:, points].mean():6.1f}" for share in ELLIPSES]
    print(f"{name:<28}", *shares, f"{np.median(deviation):8.1f} px", flush=True)


def main(arguments: list[str]) -> None:
    """Print the shares of points in each ellipse, in per cent, and the median standard deviation."""
    if not arguments:
        sys.exit(__doc__)
    first, *others = arguments
    with exit_on_mistakes():
        calibration = KeypointModule.restore(read_checkpoint(find_checkpoint(first))).calibration
        if calibration is None:
            raise FacekpError(f"{first} is not calibrated; give a file of make weights")
        print(f"{'points within ellipses of':<28}", *(f"{share:6.0%}" for share in ELLIPSES))
        _row("without calibration", predictions(first, None))
        found = predictions(first, calibration)
        _row("calibrated", found)
        for group, mask in point_masks(found.scheme, found.point_indices).items():
            _row(f"  {group}", found, mask)
        for damage in ("blur", "noise", "square"):
            _row(damage, predictions(first, calibration, damage))
        for run in others:
            _row(Path(run).name, predictions(run, calibration))


if __name__ == "__main__":
    main(sys.argv[1:])
