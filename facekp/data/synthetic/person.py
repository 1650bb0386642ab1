"""Who is drawn, and what happens in each of the six shots.

Every number depends on the person, or on the person and the image type alone, so one drawing never depends on another.
Lengths are centimetres, angles degrees, colours BGR in 0..1, and factors have 1 as the average.
"""

from __future__ import annotations

from functools import partial

import numpy as np

_SEXES = "mmmmmmmfmmmfmffmmmmmmfmmmmmmmfmmmmfmmmmm"
_SKINS = ((0.52, 0.63, 0.86), (0.56, 0.67, 0.90), (0.42, 0.54, 0.79), (0.24, 0.33, 0.53))
_HAIRS = ((0.06, 0.08, 0.11), (0.10, 0.15, 0.22), (0.16, 0.25, 0.37), (0.30, 0.47, 0.65), (0.12, 0.22, 0.42))
_IRISES = ((0.50, 0.42, 0.30), (0.18, 0.28, 0.42), (0.35, 0.42, 0.34), (0.12, 0.18, 0.28))
_CLOTHES = ((0.42, 0.25, 0.20), (0.18, 0.18, 0.20), (0.62, 0.66, 0.70), (0.22, 0.22, 0.52), (0.36, 0.42, 0.28))


class Person:
    """What stays the same in all images of one person."""

    def __init__(self, person: int) -> None:
        rng = np.random.default_rng((0, person))
        near = partial(_near, rng)
        self.width, self.length, self.eye_gap = near(1.0, 0.035), near(1.0, 0.035), near(1.0, 0.03)
        self.jaw_width, self.mouth_width, self.nose_width = near(1.0, 0.06), near(1.0, 0.07), near(1.0, 0.08)
        self.eye_size, self.nose_length, self.lip_thickness = near(1.0, 0.05), near(1.0, 0.05), near(1.0, 0.16)
        self.brow_height, self.mouth_drop = near(0.0, 0.2), near(0.0, 0.18)  # cm
        self.skin, self.hair, self.iris, self.clothes = (
            np.array(colours[rng.integers(len(colours))]) * rng.normal(1.0, 0.04, 3)
            for colours in (_SKINS, _HAIRS, _IRISES, _CLOTHES)
        )
        self.beard = 0.0 if sex_of(person) == "f" else rng.choice((0.0, 0.2, 0.8), p=(0.5, 0.3, 0.2))
        self.hairline = near(-6.3, 0.6)  # cm
        self.scale = near(1.0, 0.05)
        self.place = (near(0.0, 14.0), near(0.0, 8.0))  # pixels


class Shot:
    """What one image of type 1..6 adds: expression, pose and light."""

    def __init__(self, person: int, image_type: int) -> None:
        self.seed = (0, person, image_type)
        rng = np.random.default_rng(self.seed)
        near = partial(_near, rng)
        free = image_type == 6
        turn = {3: -1, 4: 1}.get(image_type, 0)
        self.smile = rng.uniform(-0.5, 1.0) if free else near(0.8, 0.2) if image_type == 2 else near(0.1, 0.1)  # to 1
        self.mouth_gap = rng.uniform(0.0, 1.2) if free or self.smile > 0.8 else 0.0  # cm
        self.yaw = near(26.5, 6.0) * turn if turn else near(0.0, 5.0 if free else 2.0)  # to the image's right
        self.pitch, self.roll = near(0.0, 4.0 if free else 2.5), near(0.0, 6.0 if free else 2.3)
        self.brow_raise = near(0.0, 0.4 if free else 0.08)  # cm
        self.place = (near(0.0, 14.0), near(0.0, 5.0))  # pixels
        self.side_light = float(image_type == 5)
        self.exposure = near(1.0, 0.06)


def sex_of(person: int) -> str:
    """``m`` or ``f``; 7 of every 40 people are women, as in the Danes' set."""
    return _SEXES[(person - 1) % len(_SEXES)]


def _near(rng: np.random.Generator, mean: float, spread: float) -> float:
    """A normal sample that never strays far."""
    return mean + spread * np.clip(rng.standard_normal(), -2.2, 2.2)
