"""Who stands before the camera of the stand-in set, and what happens in each of the six shots.

Every number is drawn from (seed, person) or (seed, person, image type) alone, so one drawing never depends on another.
Lengths are centimetres on the person's head, angles degrees, colours BGR in 0..1, and factors have 1 as the average.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

_SEXES = "mmmmmmmfmmmfmffmmmmmmfmmmmmmmfmmmmfmmmmm"
_GREY_PEOPLE = (2, 3, 4)  # the Danes' set, too, begins with a few people in black and white
_STAYS = 7  # where a seed has the image type, 1..6, if it belongs to all of a person's images
_TURN_DEG = 26.5
_TURN_OF_TYPE = {3: -1, 4: 1}  # towards the image's left or right
_FREE_TURN_SHARE = 0.15
_LIGHT_SHARE = 0.93  # of the people have one of the first four skins
_SKINS = ((0.52, 0.63, 0.86), (0.56, 0.67, 0.90), (0.49, 0.60, 0.84), (0.42, 0.54, 0.79), (0.24, 0.33, 0.53))
_HAIRS = (  # the darkest two first
    (0.06, 0.08, 0.11),
    (0.08, 0.11, 0.16),
    (0.10, 0.15, 0.22),
    (0.16, 0.25, 0.37),
    (0.30, 0.47, 0.65),
    (0.12, 0.22, 0.42),
)
_IRISES = ((0.50, 0.42, 0.30), (0.18, 0.28, 0.42), (0.35, 0.42, 0.34), (0.12, 0.18, 0.28))
_CLOTHES = ((0.42, 0.25, 0.20), (0.18, 0.18, 0.20), (0.62, 0.66, 0.70), (0.22, 0.22, 0.52), (0.36, 0.42, 0.28))


@dataclass(frozen=True)
class Person:
    """What stays the same in all images of one person.

    Most are factors of an average face; ``brow_height`` and ``mouth_drop`` are cm, ``baldness`` and ``hair_length`` too
    (how far the hairline is drawn back; to what height on the head long hair hangs, 0 for short hair), ``place`` is in
    pixels, and ``beard`` is 0 for shaven to 1 for a full one.
    """

    sex: str
    grey: bool
    width: float
    jaw_width: float
    length: float
    eye_gap: float
    eye_size: float
    eye_opening: float
    eye_slant: float
    brow_height: float
    brow_arch: float
    brow_thickness: float
    nose_length: float
    nose_width: float
    nose_height: float
    mouth_width: float
    mouth_drop: float
    lip_thickness: float
    skin: np.ndarray
    hair: np.ndarray
    iris: np.ndarray
    clothes: np.ndarray
    baldness: float
    hair_thickness: float
    hair_length: float
    fringe: float
    parting: float
    beard: float
    open_collar: bool
    scale: float
    place: tuple[float, float]
    seed: tuple[int, int, int]


@dataclass(frozen=True)
class Shot:
    """What one image adds: an expression, a pose and a light.

    ``smile`` is -1 to 1, ``mouth_gap``, ``brow_raise`` and ``gaze`` are cm, ``lid`` is a factor of the eye's opening,
    ``yaw`` is positive to the image's right, ``place`` is in pixels, and ``side_light`` is 0 or 1.
    """

    smile: float
    mouth_gap: float
    lid: float
    brow_raise: float
    gaze: tuple[float, float]
    yaw: float
    pitch: float
    roll: float
    scale: float
    place: tuple[float, float]
    side_light: float
    exposure: float
    seed: tuple[int, int, int]


def sex_of(person: int) -> str:
    """``m`` or ``f``; 7 of every 40 people are women, as in the Danes' set."""
    return _SEXES[(person - 1) % len(_SEXES)]


def sample_person(person: int, seed: int) -> Person:
    """Draw who a person is, from (seed, person) alone."""
    rng = np.random.default_rng((seed, person))
    sex = sex_of(person)
    female = sex == "f"
    light = rng.random() < _LIGHT_SHARE
    near = partial(_near, rng)
    return Person(
        sex=sex,
        grey=person in _GREY_PEOPLE,
        width=near(0.97 if female else 1.0, 0.035),
        jaw_width=near(0.94 if female else 1.0, 0.06),
        length=near(0.97 if female else 1.0, 0.035),
        eye_gap=near(1.0, 0.03),
        eye_size=near(1.04 if female else 1.0, 0.04),
        eye_opening=near(1.1 if female else 1.0, 0.12),
        eye_slant=near(0.0, 0.07),
        brow_height=near(0.12 if female else 0.0, 0.22),
        brow_arch=near(1.1 if female else 1.0, 0.25),
        brow_thickness=near(0.7 if female else 1.05, 0.18),
        nose_length=near(0.97 if female else 1.0, 0.05),
        nose_width=near(0.93 if female else 1.0, 0.08),
        nose_height=near(0.92 if female else 1.0, 0.1),
        mouth_width=near(1.0, 0.07),
        mouth_drop=near(0.0, 0.18),
        lip_thickness=near(1.12 if female else 1.0, 0.16),
        skin=_tinted(rng, _SKINS[:4]) if light else _tinted(rng, _SKINS[4:]),
        hair=_tinted(rng, _HAIRS) if light else _tinted(rng, _HAIRS[:2]),
        iris=_tinted(rng, _IRISES if light else _IRISES[3:]),
        clothes=_tinted(rng, _CLOTHES),
        baldness=0.0 if female else float(rng.choice((0.0, 0.5, 1.2, 4.0), p=(0.5, 0.25, 0.15, 0.1))),
        hair_thickness=near(1.3, 0.3),
        hair_length=float(rng.choice((0.0, 9.0, 12.0, 15.0))) if female else 0.0,
        fringe=float(rng.choice((-0.1, 0.1, 0.8), p=(0.4, 0.4, 0.2))),
        parting=near(0.0, 0.5),
        beard=0.0 if female else float(rng.choice((0.0, 0.1, 0.2, 0.35, 0.85), p=(0.25, 0.25, 0.2, 0.15, 0.15))),
        open_collar=bool(rng.random() < 0.4),
        scale=near(1.0, 0.055),
        place=(near(0.0, 14.0), near(0.0, 13.0)),
        seed=(seed, person, _STAYS),
    )


def sample_shot(person: int, image_type: int, seed: int) -> Shot:
    """Draw pose, expression and light of an image of type 1..6, from (seed, person, image type) alone."""
    rng = np.random.default_rng((seed, person, image_type))
    near = partial(_near, rng)
    free = image_type == 6
    turn = _TURN_OF_TYPE.get(image_type, 0)
    if free and rng.random() < _FREE_TURN_SHARE:
        turn = int(rng.choice((-1, 1)))
    if free:
        smile, mouth_gap = _grimace(rng)
    elif image_type == 2:
        smile = near(0.8, 0.25)
        mouth_gap = max(0.0, near(0.55, 0.3)) if smile > 0.6 else 0.0
    else:
        smile, mouth_gap = near(0.1, 0.12), 0.0
    yaw = near(_TURN_DEG * turn, 6.5) if turn else near(0.0, 5.0 if free else 2.0)
    return Shot(
        smile=smile,
        mouth_gap=mouth_gap,
        lid=float(np.clip(near(1.0 - 0.22 * max(smile, 0.0), 0.08), 0.45, 1.25)),
        brow_raise=near(0.0, 0.45 if free else 0.08),
        gaze=(near(0.0, 0.12), near(0.0, 0.05)),
        yaw=yaw,
        pitch=near(0.0, 5.0 if free else 2.5),
        roll=near(0.0, 6.0 if free else 2.3),
        scale=near(1.0, 0.02),
        place=(near(0.0, 18.0 if free else 12.0), near(0.0, 7.0)),
        side_light=1.0 if image_type == 5 or (free and rng.random() < 0.4) else 0.0,
        exposure=near(1.0, 0.06),
        seed=(seed, person, image_type),
    )


def _near(rng: np.random.Generator, mean: float, spread: float) -> float:
    """A normal draw that never strays far."""
    return float(mean + spread * np.clip(rng.standard_normal(), -2.2, 2.2))


def _grimace(rng: np.random.Generator) -> tuple[float, float]:
    """Smile and mouth gap of a face that its owner was free to make."""
    kind = rng.integers(4)
    if kind == 0:
        return 1.0, float(rng.uniform(0.5, 1.2))
    if kind == 1:
        return float(rng.uniform(-0.6, -0.2)), float(rng.uniform(0.6, 1.8))
    return (float(rng.uniform(0.2, 0.7)), 0.0) if kind == 2 else (float(rng.uniform(-0.7, 0.0)), 0.0)


def _tinted(rng: np.random.Generator, colours: tuple[tuple[float, float, float], ...]) -> np.ndarray:
    """One of the colours, a little brighter or darker and a little redder or yellower than it is written."""
    colour = np.asarray(colours[rng.integers(len(colours))])
    return np.clip(colour * rng.normal(1.0, 0.05) * rng.normal(1.0, 0.02, 3), 0.02, 1.0)
