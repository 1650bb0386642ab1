"""The face as a picture from straight ahead: skin, beard, eyes, brows, nose and mouth, drawn from their outlines."""

from __future__ import annotations

import cv2
import numpy as np

from facekp.data.synthetic.head import Head, bump, through

WIDTH, HEIGHT = 408, 624  # pixels, for 17 x 26 cm

_CORNER = np.array([-8.5, -12.5])  # of the picture on the head, cm
_PIXELS_PER_CM = 24
_SHIFT = 4  # cv2 draws to 1 / 2**4 of a pixel
_TEETH, _INSIDE, _SCLERA = np.array([[0.78, 0.85, 0.89], [0.10, 0.09, 0.20], [0.78, 0.81, 0.84]])


def to_picture(frontal: np.ndarray) -> np.ndarray:
    """Frontal points of the head, [..., 2] in cm -> pixels."""
    return (frontal - _CORNER) * _PIXELS_PER_CM


def paint_face(head: Head) -> np.ndarray:
    """Colours of the bare head under white light, uint8 [624, 408, 3] BGR."""
    person = head.person
    stubble, soft = _skin(head)
    grain = np.random.default_rng((*person.seed, 1)).random((HEIGHT // 2, WIDTH // 2), np.float32) - 0.5
    grain *= 0.1 + cv2.resize(stubble, grain.shape[::-1])
    light = cv2.multiply(_creases(head), 1 + cv2.resize(grain, (WIDTH, HEIGHT)), dtype=cv2.CV_32F)
    face = cv2.multiply(cv2.resize(soft, (WIDTH, HEIGHT)), cv2.merge([light] * 3), dtype=cv2.CV_8U)
    for side in (-1, 1):
        _draw_eye(face, head, side)
        upper = through(head.brow(side))
        depth = 0.62 * person.brow_thickness * np.sin(np.linspace(0.5, np.pi, len(upper)))
        _fill(face, upper, upper + depth[:, None] * (0, 1), 0.6 * person.hair + 0.15 * person.skin)
    _draw_mouth(face, head)
    return cv2.GaussianBlur(face, (0, 0), 0.9)


def _skin(head: Head) -> tuple[np.ndarray, np.ndarray]:
    """How much hair the lower face has, float32 [78, 51] in 0..1, and the colours of both, float32 [78, 51, 3]."""
    x, y = np.meshgrid(np.linspace(-8.3, 8.3, WIDTH // 8), np.linspace(-12.3, 13.3, HEIGHT // 8))
    side = np.abs(x)
    blush = 0.8 * bump(side, y, (4.2, 3.4), (1.8, 1.6)) + 0.7 * bump(x, y, (0.0, 3.6), (1.2, 1.0))
    socket = 0.6 * bump(side, y, (2.5, 0.2), (1.6, 1.0))
    skin = head.person.skin * (1 - blush[..., None] * (0.13, 0.11, 0.0)) * (1 - socket[..., None] * (0.14, 0.18, 0.14))
    moustache = head.mouth_y - 1.3 + 0.35 * np.maximum(side - 1.2, 0) - 1.2 * np.maximum(side - 3.6, 0)
    lips = bump(x, y, (0.0, head.mouth_y + 0.35), (2.5, 0.95))
    stubble = head.person.beard * np.clip((y - moustache) / 0.9, 0, 1) * (1 - np.clip(1.7 * lips, 0, 1))
    colours = skin + stubble[..., None] * (head.person.hair - skin)
    return stubble.astype(np.float32), colours.astype(np.float32)


def _creases(head: Head) -> np.ndarray:
    """Light that soft folds leave, uint8 [624, 408]: beside the mouth, above the eyes, around the nose."""
    light = np.full((HEIGHT, WIDTH), 255, np.uint8)
    nose = head.nose()
    for line in (nose[2:5], nose[6:9], nose[4:7]):
        _stroke(light, through(line), 5, 0.6)
    for side in (-1, 1):
        fold = np.array([[1.95, 3.7], [2.9, 4.9], [3.4, 6.4]]) * (side, head.person.length)
        _stroke(light, through(fold), 6, 0.84 - 0.2 * max(head.shot.smile, 0.0))
        _stroke(light, through(head.eye(side)[:5] - (0, 0.4)), 4, 0.55)
        nostril = np.array([0.76 * side * head.person.nose_width, head.nose_base - 0.27])
        _disc(light, nostril, (0.36, 0.2), 0.2)
    return cv2.GaussianBlur(light, (0, 0), 1.8)


def _draw_eye(face: np.ndarray, head: Head, side: int) -> None:
    outline = head.eye(side)
    upper, lower = through(outline[:5]), through(outline[[0, 7, 6, 5, 4]])
    middle = outline.mean(axis=0) + head.shot.gaze
    opening, eye = np.zeros(face.shape[:2], np.uint8), np.zeros_like(face)
    _fill(opening, upper, lower, 1.0)
    _disc(eye, middle, (3.0, 3.0), _SCLERA)
    _stroke(eye, upper, 11, 0.55 * _SCLERA)  # the lid's shadow
    for radius, colour in ((0.64, 0.4 * head.person.iris), (0.55, head.person.iris), (0.26, np.full(3, 0.02))):
        _disc(eye, middle, (radius, radius), colour)
    _disc(eye, middle + (0.17, -0.2), (0.1, 0.1), np.ones(3))
    cv2.copyTo(eye, opening, face)
    _stroke(face, upper, 3, 0.4 * head.person.hair)
    _stroke(face, lower, 1, 0.6 * head.person.skin)


def _draw_mouth(face: np.ndarray, head: Head) -> None:
    outline, gap, lips = head.mouth(), head.shot.mouth_gap, head.person.skin * (0.70, 0.64, 0.90)
    upper, lower = through(outline[:5]), through(outline[[0, 7, 6, 5, 4]])
    _fill(face, upper, lower, lips)
    _fill(face, upper, head.lip_line(0.0), 0.86 * lips)
    top = head.lip_line(-0.5 * gap)
    if gap:
        _fill(face, top, head.lip_line(0.5 * gap), _INSIDE)
        _fill(face, top, head.lip_line(min(0.5 * gap, 0.75 - 0.5 * gap)), _TEETH)
    _stroke(face, top, 2, 0.4 * lips)


def _fill(image: np.ndarray, above: np.ndarray, below: np.ndarray, colour: np.ndarray | float) -> None:
    """Fill what lies between two lines that run the same way."""
    outline = np.concatenate([above, below[::-1]])
    cv2.fillPoly(image, [_fixed_point(outline)], _levels(colour), cv2.LINE_AA, _SHIFT)


def _stroke(image: np.ndarray, line: np.ndarray, thickness: int, colour: np.ndarray | float) -> None:
    cv2.polylines(image, [_fixed_point(line)], False, _levels(colour), thickness, cv2.LINE_AA, _SHIFT)


def _disc(image: np.ndarray, centre: np.ndarray, radii: tuple[float, float], colour: np.ndarray | float) -> None:
    axes = [round(radius * _PIXELS_PER_CM * (1 << _SHIFT)) for radius in radii]
    cv2.ellipse(image, _fixed_point(centre).tolist(), axes, 0, 0, 360, _levels(colour), -1, cv2.LINE_AA, _SHIFT)


def _fixed_point(frontal: np.ndarray) -> np.ndarray:
    return np.rint(to_picture(frontal) * (1 << _SHIFT)).astype(np.int32)


def _levels(colour: np.ndarray | float) -> list[float]:
    return (255 * np.atleast_1d(colour)).tolist()
