"""Measure a network before other backgrounds: ``python -m facekp.benchmarks.scenes <photographs> <run folder> ...``.

The photographs must show no face. The held-out people of each run are cut out and put before parts of them, turned by
up to 30 degrees, at 0.6 to 1.5 times their size, and as coarse as faces 40 to 300 pixels wide. Beside the error of
their points it is measured whether their mean confidence is higher than that of windows without a face.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import torch

from facekp.config import AugmentConfig
from facekp.data.backgrounds import blend, outline, wall
from facekp.data.datamodule import FaceDataModule
from facekp.data.dataset import FaceDataset
from facekp.data.images import load_image
from facekp.evaluation.calibration import coverage
from facekp.evaluation.errors import Predictions, errors_of, point_masks
from facekp.models.checkpoint import read_checkpoint
from facekp.models.module import KeypointModule
from facekp.runs.find import find_checkpoint
from facekp.utils.errors import FacekpError
from facekp.utils.files import user_path

_SCENES = 4  # of each held-out image
_WINDOWS = 40  # of each photograph
_FACE_PX = 40.0, 300.0


def scene(face: FaceDataset, index: int, photograph: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """A held-out face before a part of a photograph: the image, uint8 [H, W], and its keypoints, float32 [K, 2]."""
    size = np.array(face.input_size)
    image, points = face.image(index)[..., None], face.keypoints[index] * size
    kept = outline(image.shape, points, 1.3) | ~wall(image)
    scale = 2 ** rng.uniform(-0.75, 0.6)
    matrix = cv2.getRotationMatrix2D(points.mean(0).tolist(), rng.uniform(-30, 30), scale)
    matrix[:, 2] += size * rng.uniform(0.4, 0.6, 2) - points.mean(0)
    head, share = (
        cv2.warpAffine(part, matrix, face.input_size, borderMode=cv2.BORDER_REPLICATE)
        for part in (image, kept.view(np.uint8))
    )
    made = blend(head[..., None], window(photograph, face.input_size, rng)[..., None], share.view(bool))[..., 0]
    coarse = np.exp(rng.uniform(*np.log(_FACE_PX))) / (scale * np.ptp(points[:, 0]))
    if coarse < 1:
        made = cv2.resize(cv2.resize(made, None, fx=coarse, fy=coarse, interpolation=cv2.INTER_AREA), face.input_size)
    return made, ((points @ matrix[:, :2].T + matrix[:, 2]) / size).astype(np.float32)


def window(photograph: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A part of a photograph at a random place and scale, uint8 [H, W]."""
    largest = min(photograph.shape[1], photograph.shape[0] * size[0] / size[1])
    width = np.exp(rng.uniform(np.log(min(90, largest)), np.log(largest)))
    height = width * size[1] / size[0]
    corner = rng.random(2) * (photograph.shape[1] - width, photograph.shape[0] - height)
    scale = size[0] / width
    matrix = np.array([[scale, 0, -scale * corner[0]], [0, scale, -scale * corner[1]]])
    soft = cv2.GaussianBlur(photograph, (0, 0), 0.4 / scale) if scale < 0.7 else photograph
    return cv2.warpAffine(soft, matrix, size, borderMode=cv2.BORDER_REPLICATE)


def measure(run: str, photographs: list[np.ndarray]) -> dict[str, float]:
    """The figures of a run.

    Raises:
        FacekpError: if it is no run whose network has a confidence, or its data are missing.
    """
    checkpoint = read_checkpoint(find_checkpoint(run))
    settings, seed = checkpoint.data_settings()
    data = FaceDataModule(settings, checkpoint.model.input_size, AugmentConfig(name="none"), seed)
    data.setup("test")
    module, faces, rng = KeypointModule.restore(checkpoint), data.val_faces, np.random.default_rng(0)
    windows = [window(photograph, faces.input_size, rng) for photograph in photographs for _ in range(_WINDOWS)]
    scenes = [
        scene(faces, index, photographs[rng.integers(len(photographs))], rng)
        for _ in range(_SCENES)
        for index in range(len(faces))
    ]
    _, none, _ = _predict(module, windows)
    keypoints, face, covariance = _predict(module, [image for image, _ in scenes])
    predictions = Predictions(
        keypoints=keypoints,
        truth=np.stack([points for _, points in scenes]),
        canvas_sizes=np.tile(np.array(faces.input_size, np.float32), (len(scenes), 1)),
        point_indices=tuple(module.point_indices),
        scheme=module.scheme,
        covariance=covariance,
    )
    inner = point_masks(module.scheme, module.point_indices)["inner"]
    nme = errors_of(predictions).normalised[:, inner].mean(1)
    return {
        "mean confidence of faces": face.mean(),
        "of windows without a face": none.mean(),
        "the highest of these": none.max(),
        "area under ROC": (face[:, None] > none).mean(),
        "faces above all but one in 1000 windows": (face > np.quantile(none, 0.999)).mean(),
        "inner NME, %: mean": 100 * nme.mean(),
        "median": 100 * np.median(nme),
        "faces above 15 %": (nme > 0.15).mean(),
        **{f"points within ellipses of {share:.0%}": coverage(predictions, share).mean() for share in (0.5, 0.9, 0.99)},
    }


def _predict(module: KeypointModule, images: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keypoints [N, K, 2], mean confidences [N] and covariances [N, K, 2, 2]."""
    parts: list[tuple[np.ndarray, ...]] = []
    with torch.inference_mode():
        for batch in torch.from_numpy(np.stack(images))[:, None].split(16):
            keypoints, confidence, covariance = module.predict(batch)
            if confidence is None or covariance is None:
                raise FacekpError("the network has no confidence; give runs of heatmap networks")
            parts.append((keypoints.numpy(), confidence.mean(1).numpy(), covariance.numpy()))
    points, confidences, covariances = (np.concatenate(part) for part in zip(*parts, strict=True))
    return points, confidences, covariances


def main(arguments: list[str]) -> None:
    """Print the figures of each run."""
    if len(arguments) < 2:
        sys.exit(__doc__)
    try:
        paths = sorted(path for path in user_path(arguments[0]).iterdir() if path.suffix in (".png", ".jpg"))
        photographs = [load_image(path, "L") for path in paths]
        for run in arguments[1:]:
            print(Path(run).name)
            for name, value in measure(run, photographs).items():
                print(f"  {name:<42}{value:.4g}")
    except (FacekpError, OSError) as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
