"""Who stands before the camera of the stand-in set, and what happens in each of the six shots.

Every number depends on the person, or on the person and the image type alone, so one drawing never depends on another.
Lengths are centimetres on the person's head, angles degrees, colours BGR in 0..1, and factors have 1 as the average.
"""

from __future__ import annotations

from functools import partial

import numpy as np

_SEXES = "mmmmmmmfmmmfmffmmmmmmfmmmmmmmfmmmmfmmmmm"
_SKINS = ((0.52, 0.63, 0.86), (0.56, 0.67, 0.90), (0.49, 0.60, 0.84), (0.42, 0.54, 0.79), (0.24, 0.33, 0.53))
_HAIRS = (  # the darkest two first
    *((0.06, 0.08, 0.11), (0.08, 0.11, 0.16), (0.10, 0.15, 0.22)),
    *((0.16, 0.25, 0.37), (0.30, 0.47, 0.65), (0.12, 0.22, 0.42)),
)
_IRISES = ((0.50, 0.42, 0.30), (0.18, 0.28, 0.42), (0.35, 0.42, 0.34), (0.12, 0.18, 0.28))
_CLOTHES = ((0.42, 0.25, 0.20), (0.18, 0.18, 0.20), (0.62, 0.66, 0.70), (0.22, 0.22, 0.52), (0.36, 0.42, 0.28))


class Person:
    """What stays the same in all images of one person: factors of an average face where no comment says otherwise."""

    def __init__(self, person: int) -> None:
        rng = np.random.default_rng((0, person))
        near = partial(_near, rng)
        female = sex_of(person) == "f"
        light = rng.random() < 0.93
        self.seed = (0, person, 7)  # a shot has its image type, 1..6, there
        self.grey = person in (2, 3, 4)  # the Danes' set, too, begins with a few people in black and white
        self.width = near(0.97 if female else 1.0, 0.035)
        self.jaw_width = near(0.94 if female else 1.0, 0.06)
        self.length = near(0.97 if female else 1.0, 0.035)
        self.eye_gap = near(1.0, 0.03)
        self.eye_size = near(1.04 if female else 1.0, 0.04)
        self.eye_opening = near(1.1 if female else 1.0, 0.12)
        self.eye_slant = near(0.0, 0.07)
        self.brow_height = near(0.12 if female else 0.0, 0.22)  # cm
        self.brow_arch = near(1.1 if female else 1.0, 0.25)
        self.brow_thickness = near(0.7 if female else 1.05, 0.18)
        self.nose_length = near(0.97 if female else 1.0, 0.05)
        self.nose_width = near(0.93 if female else 1.0, 0.08)
        self.nose_height = near(0.92 if female else 1.0, 0.1)
        self.mouth_width = near(1.0, 0.07)
        self.mouth_drop = near(0.0, 0.18)  # cm
        self.lip_thickness = near(1.12 if female else 1.0, 0.16)
        self.skin = _tinted(rng, _SKINS[:4] if light else _SKINS[4:])
        self.hair = _tinted(rng, _HAIRS if light else _HAIRS[:2])
        self.iris = _tinted(rng, _IRISES if light else _IRISES[3:])
        self.clothes = _tinted(rng, _CLOTHES)
        self.baldness = 0.0 if female else rng.choice((0.0, 0.5, 1.2, 4.0), p=(0.5, 0.25, 0.15, 0.1))  # cm
        self.hair_thickness = near(1.3, 0.3)
        self.hair_length = rng.choice((0.0, 9.0, 12.0, 15.0)) if female else 0.0  # the height where long hair ends
        self.fringe = rng.choice((-0.1, 0.1, 0.8), p=(0.4, 0.4, 0.2))
        self.parting = near(0.0, 0.5)
        self.beard = 0.0 if female else rng.choice((0.0, 0.1, 0.2, 0.35, 0.85), p=(0.25, 0.25, 0.2, 0.15, 0.15))
        self.open_collar = rng.random() < 0.4
        self.neck_width = 0.86 if female else 1.0
        self.scale = near(1.0, 0.055)
        self.place = (near(0.0, 14.0), near(0.0, 13.0))  # pixels


class Shot:
    """What one image of type 1..6 adds: expression, pose and light."""

    def __init__(self, person: int, image_type: int) -> None:
        self.seed = (0, person, image_type)
        rng = np.random.default_rng(self.seed)
        near = partial(_near, rng)
        free = image_type == 6
        turn = {3: -1, 4: 1}.get(image_type, 0)
        if free and rng.random() < 0.15:
            turn = rng.choice((-1, 1))
        self.smile, self.mouth_gap = _expression(rng, image_type)
        self.yaw = near(26.5 * turn, 6.5) if turn else near(0.0, 5.0 if free else 2.0)  # to the image's right
        self.lid = np.clip(near(1.0 - 0.22 * max(self.smile, 0.0), 0.08), 0.45, 1.25)  # of the eye's opening
        self.brow_raise = near(0.0, 0.45 if free else 0.08)
        self.gaze = (near(0.0, 0.12), near(0.0, 0.05))
        self.pitch = near(0.0, 5.0 if free else 2.5)
        self.roll = near(0.0, 6.0 if free else 2.3)
        self.scale = near(1.0, 0.02)
        self.place = (near(0.0, 18.0 if free else 12.0), near(0.0, 7.0))  # pixels
        self.side_light = 1.0 if image_type == 5 or (free and rng.random() < 0.4) else 0.0
        self.exposure = near(1.0, 0.06)


def sex_of(person: int) -> str:
    """``m`` or ``f``; 7 of every 40 people are women, as in the Danes' set."""
    return _SEXES[(person - 1) % len(_SEXES)]


def _near(rng: np.random.Generator, mean: float, spread: float) -> float:
    """A normal sample that never strays far."""
    return mean + spread * np.clip(rng.standard_normal(), -2.2, 2.2)


def _expression(rng: np.random.Generator, image_type: int) -> tuple[float, float]:
    """Smile, -1..1, and how far the mouth is open, cm; in type 6 people were free to make any face."""
    if image_type == 2:
        smile = _near(rng, 0.8, 0.25)
        return smile, max(0.0, _near(rng, 0.55, 0.3)) if smile > 0.6 else 0.0
    if image_type != 6:
        return _near(rng, 0.1, 0.12), 0.0
    kind = rng.integers(4)
    if kind == 0:
        return 1.0, rng.uniform(0.5, 1.2)
    if kind == 1:
        return rng.uniform(-0.6, -0.2), rng.uniform(0.6, 1.8)
    return rng.uniform(0.2, 0.7) if kind == 2 else rng.uniform(-0.7, 0.0), 0.0


def _tinted(rng: np.random.Generator, colours: tuple[tuple[float, float, float], ...]) -> np.ndarray:
    """One of the colours, a little brighter or darker and a little redder or yellower than it is written."""
    colour = np.asarray(colours[rng.integers(len(colours))])
    return np.clip(colour * rng.normal(1.0, 0.05) * rng.normal(1.0, 0.02, 3), 0.02, 1.0)
