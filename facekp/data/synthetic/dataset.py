"""A stand-in for the Danes set: drawn people in the same poses, with the same 58 points, in the same format.

It lets everything be run and tested where the photographs may not go. Nothing of the photographs is in it.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from rich.progress import track

from facekp.data.readers.asf import write_asf
from facekp.data.synthetic.head import Head
from facekp.data.synthetic.person import Person, Shot, sex_of
from facekp.data.synthetic.render import render
from facekp.landmarks.scheme import DANES
from facekp.utils.errors import DataError
from facekp.utils.files import make_folder
from facekp.utils.terminal import console

_JPEG_QUALITY = 90


def make_standin(root: Path, people: int = 40) -> Path:
    """Draw a stand-in for the Danes set: people x 6 images ``PP-Ts.jpg`` of 640x480, each with its ``.asf``.

    The folder appears complete or not at all, see :func:`facekp.utils.files.make_folder`. A terminal shows a bar.

    Args:
        root: absent, empty, or holding this very set.
        people: how many people to draw; 7 of every 40 are women.

    Returns:
        ``root``.

    Raises:
        DataError: if ``root`` holds something else, which is left as it is, or cannot be written.
    """
    digits = max(2, len(str(people)))
    faces = {
        f"{person:0{digits}d}-{image_type}{sex_of(person)}": (person, image_type)
        for person in range(1, people + 1)
        for image_type in range(1, 7)
    }
    try:
        make_folder(root, lambda folder: _draw_set(folder, faces), lambda: _holds_set(root, faces))
    except OSError as error:
        raise DataError(f"{root} cannot be written ({error.strerror}); check its place and permissions") from error
    return root


def draw_face(person: int, image_type: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw one face; it depends on who and how alone.

    Args:
        person: 1 or more.
        image_type: 1..6, as in the Danes set.

    Returns:
        The image, uint8 [480, 640, 3] BGR, and its keypoints, float32 [58, 2], relative (x / width, y / height).
    """
    head = Head(Person(person), Shot(person, image_type))
    return render(head), head.keypoints()


def _draw_set(folder: Path, faces: dict[str, tuple[int, int]]) -> None:
    out = console(stderr=True)
    bar = track(faces.items(), "drawing stand-in faces", console=out, transient=True, disable=not out.is_terminal)
    for name, (person, image_type) in bar:
        image, points = draw_face(person, image_type)
        _, jpeg = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY))
        (folder / f"{name}.jpg").write_bytes(jpeg.tobytes())
        write_asf(folder / f"{name}.asf", points, f"{name}.jpg", DANES)


def _holds_set(root: Path, faces: dict[str, tuple[int, int]]) -> bool:
    found = {path.name for path in root.iterdir()} if root.is_dir() else {root.name} if root.exists() else set()
    if found and found != {f"{name}{suffix}" for name in faces for suffix in (".jpg", ".asf")}:
        raise DataError(
            f"{root} is there already and is not a stand-in set of {len(faces) // 6} people; move it away or choose "
            "another folder"
        )
    return bool(found)
