"""A stand-in for the Danes set: drawn people in the same poses, with the same 58 points, in the same format.

It lets everything be run and tested where the photographs may not go. Nothing of the photographs is in it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import cv2
import numpy as np

from facekp.data.readers.asf import read_asf, write_asf
from facekp.data.synthetic.camera import Camera, keypoints
from facekp.data.synthetic.head import Head
from facekp.data.synthetic.person import sample_person, sample_shot, sex_of
from facekp.data.synthetic.render import render
from facekp.landmarks.scheme import DANES
from facekp.utils.errors import ConfigError, DataError
from facekp.utils.files import make_folder

IMAGE_TYPES = range(1, 7)

_JPEG_QUALITY = 90
_WIDE_SHARE = 41 / 240  # of the Danes' annotations have ten columns
_LABEL_TOLERANCE = 1e-6  # relative to the image; what eight decimals and float32 leave


def make_standin(
    root: Path, people: int = 40, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> Path:
    """Draw a stand-in for the Danes set: people x 6 images ``PP-Ts.jpg`` of 640x480, each with its ``.asf``.

    The folder appears complete or not at all, and one that already holds this very set is left as it is, so several
    processes may ask for it at once. An image depends on (person, type, seed) alone.

    Args:
        root: the folder to make.
        people: how many people to draw; 7 of every 40 are women.
        seed: another seed draws other people.
        progress: called with (images done, images in all) after each image.

    Returns:
        ``root``.

    Raises:
        ConfigError: if there are no people to draw.
        DataError: if ``root`` holds something else, or cannot be written.
    """
    if people < 1:
        raise ConfigError(f"a stand-in set needs at least one person, not {people}")
    try:
        make_folder(
            root, lambda folder: _draw_set(folder, people, seed, progress), lambda: _holds_set(root, people, seed)
        )
    except OSError as error:
        raise DataError(f"{root} cannot be written ({error.strerror}); check its place and permissions") from error
    return root


def draw_face(person: int, image_type: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw one face.

    Args:
        person: 1 or more.
        image_type: 1..6, as in the Danes set.
        seed: another seed draws another person.

    Returns:
        The image, uint8 [480, 640, 3] BGR, and its keypoints, float32 [58, 2], relative (x / width, y / height).
    """
    head, camera = _posed(person, image_type, seed)
    return render(head, camera), keypoints(head, camera)


def _posed(person: int, image_type: int, seed: int) -> tuple[Head, Camera]:
    head = Head(sample_person(person, seed), sample_shot(person, image_type, seed))
    return head, Camera(head)


def _draw_set(folder: Path, people: int, seed: int, progress: Callable[[int, int], None] | None) -> None:
    names = _names(people)
    for done, ((person, image_type), name) in enumerate(names.items(), start=1):
        image, points = draw_face(person, image_type, seed)
        _, jpeg = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
        (folder / f"{name}.jpg").write_bytes(jpeg.tobytes())
        wide = np.random.default_rng((seed, person, image_type, 1)).random() < _WIDE_SHARE
        write_asf(folder / f"{name}.asf", points, f"{name}.jpg", DANES, columns=10 if wide else 7)
        if progress is not None:
            progress(done, len(names))


def _holds_set(root: Path, people: int, seed: int) -> bool:
    """Whether a folder holds the files of this set, and its first annotation is this seed's."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    names = _names(people)
    expected = {f"{name}{suffix}" for name in names.values() for suffix in (".jpg", ".asf")}
    if root.is_dir() and {path.name for path in root.iterdir()} == expected:
        (person, image_type), name = next(iter(names.items()))
        drawn = keypoints(*_posed(person, image_type, seed))
        if np.allclose(read_asf(root / f"{name}.asf").keypoints, drawn, rtol=0, atol=_LABEL_TOLERANCE):
            return True
    raise DataError(
        f"{root} is there already and is not the stand-in set of {people} people with seed {seed}; "
        "move it away or choose another folder"
    )


def _names(people: int) -> dict[tuple[int, int], str]:
    """The file name, without suffix, of each (person, image type)."""
    digits = max(2, len(str(people)))
    return {
        (person, image_type): f"{person:0{digits}d}-{image_type}{sex_of(person)}"
        for person, image_type in product(range(1, people + 1), IMAGE_TYPES)
    }
