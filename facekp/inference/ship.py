"""Making of the weights that come with the package.

``python -m facekp.inference.ship <run folder> [<other run> <photographs>]``: the file is a checkpoint without the
optimizer, whose larger tensors have half the precision. The other run is one of the same network that has not seen some
of the people of the first: on them covariances and scores are calibrated, the latter before photographs without a face.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import torch

from facekp.evaluation.calibration import calibrate, fit_score
from facekp.evaluation.errors import Predictions
from facekp.evaluation.evaluate import evaluate_predictor
from facekp.inference.load import SHIPPED, load
from facekp.inference.scenes import detect, held_out, make_doubtful, scenes_of
from facekp.models.checkpoint import read_checkpoint
from facekp.models.module import KeypointModule
from facekp.runs.find import find_checkpoint, measured_of
from facekp.runs.messages import exit_on_mistakes
from facekp.utils.files import atomic_write, write_text
from facekp.utils.terminal import display_path

_KEPT = ("hyper_parameters", "FaceDataModule", "epoch", "global_step", "pytorch-lightning_version")
_HALF = ".weight"  # others, such as the shape prior, are small and need their digits


def ship(checkpoint: Path, path: Path, calibrated_on: tuple[Path, Path] | None = None) -> None:
    """Write a checkpoint in half precision, and beside it a file with its SHA-256.

    Args:
        checkpoint: the file to be shipped.
        path: to write.
        calibrated_on: a checkpoint of the same network, on whose held-out people covariances and scores are calibrated;
            and a folder of pictures without a face, for the scores.

    Raises:
        FacekpError: if either is no checkpoint, or the other's faces are not found.
    """
    module = KeypointModule.restore(read_checkpoint(checkpoint))
    if calibrated_on is not None:
        other, photographs = calibrated_on
        module.calibration = torch.from_numpy(calibrate(_held_out(other)))
        found = detect(load(other), scenes_of(other, photographs, make_doubtful))
        module.score = torch.from_numpy(fit_score(found.confidence, found.is_face))
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    kept = {key: content[key] for key in _KEPT}
    kept["FaceDataModule"]["settings"]["root"] = None  # a path of this machine
    kept["measured"] = measured_of(checkpoint)
    kept["state_dict"] = {
        name: values.half() if values.ndim > 1 and name.endswith(_HALF) else values.clone()
        for name, values in module.state_dict().items()
    }
    with atomic_write(path) as file:
        torch.save(kept, file)
    written = hashlib.sha256(path.read_bytes()).hexdigest()
    write_text(path.with_suffix(".sha256"), f"{written}  {path.name}\n")


def _held_out(checkpoint: Path) -> Predictions:
    """The predictions of a network for the people that it was not trained on."""
    opened = read_checkpoint(checkpoint)
    faces = held_out(opened, opened.model.input_size)
    return evaluate_predictor(KeypointModule.restore(opened), faces.test_dataloader(), {}).predictions


if __name__ == "__main__":
    if len(sys.argv) not in (2, 4):
        sys.exit(__doc__)
    with exit_on_mistakes():
        run, *others = sys.argv[1:]
        ship(find_checkpoint(run), SHIPPED, (find_checkpoint(others[0]), Path(others[1])) if others else None)
    print(f"Written to  {display_path(SHIPPED)}, {SHIPPED.stat().st_size / 1e6:.2f} MB")
