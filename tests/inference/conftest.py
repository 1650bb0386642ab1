from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import facekp
from facekp.data.synthetic.dataset import draw_face


def drawn(person: int, width: int, turn_deg: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A drawn face on a picture of that width, RGB, and its points in pixels."""
    image, keypoints = draw_face(person, 1)
    height = width * 3 // 4
    picture = cv2.resize(image[..., ::-1], (width, height), interpolation=cv2.INTER_AREA)
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), turn_deg, 1)
    picture = cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return picture, (keypoints * (width, height) - 0.5) @ turn[:, :2].T + turn[:, 2] + 0.5


@pytest.fixture(scope="session")
def predictor() -> facekp.Predictor:
    return facekp.load()


@pytest.fixture(scope="session")
def face_picture() -> tuple[np.ndarray, np.ndarray]:
    """A drawn face, RGB 320x240, and its points in pixels."""
    return drawn(1, 320)


@pytest.fixture(scope="session")
def scene() -> tuple[np.ndarray, list[np.ndarray]]:
    """Three drawn faces of different sizes on one picture, one of them tilted, and their points in pixels."""
    picture = np.full((500, 820, 3), 128, np.uint8)
    truth = []
    for person, width, turn, left, top in ((1, 480, 0, 0, 20), (2, 200, 25, 500, 0), (3, 320, -10, 490, 220)):
        face, points = drawn(person, width, turn)
        picture[top : top + face.shape[0], left : left + width] = face
        truth.append(points + (left, top))
    return picture, truth


@pytest.fixture
def photograph(face_picture, tmp_path) -> Path:
    path = tmp_path / "face.png"
    Image.fromarray(face_picture[0]).save(path)
    return path
