"""The pieces of a stand-in portrait as lit surfaces in the room: head, hair, ears, neck and clothes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from facekp.data.synthetic.camera import Camera, yaw
from facekp.data.synthetic.head import Head, solid, through
from facekp.data.synthetic.paint import Chart, paint_skin

# sections as in head.py: y, half width, z where it is widest, z in front, z behind
_NECK = np.array([[3, 4.7, -2, 2.6, -7.5], [9, 5.0, -2.3, 2.3, -8], [14, 5.5, -3, 2, -9], [19, 7, -3, 3, -9]])
_BODY = np.array(
    [
        [12.6, 5.9, -3.2, 2.4, -8.6],
        [13.0, 6.6, -3.2, 3.1, -9.2],
        [13.8, 9.5, -3.4, 4.4, -10.0],
        [15.2, 15.0, -3.6, 5.7, -10.5],
        [17.6, 19.5, -3.8, 7.0, -11.0],
        [22.0, 22.0, -3.8, 8.5, -11.0],
        [32.0, 22.5, -3.8, 9.5, -11.0],
    ]
)
_LONG_HAIR = np.array(
    [
        [-8, 6.6, -2, 2, -10.5],
        [-4, 8.0, -2.4, 2, -11.6],
        [3, 8.6, -2.6, 2, -11.8],
        [10, 9, -2.6, 2, -11],
        [15, 8, -3, 1, -9],
    ]
)

_HAIR_SHARE = 0.68  # of the sections, from the crown down, that short hair can reach
_HAIR_CENTRE = np.array((0.0, -2.0, -1.2))  # that it stands away from
# the lower end of short hair at angles from the front, and what a full fringe adds or each cm of baldness takes there
_HAIRLINE_ANGLE = np.radians((0, 25, 42, 56, 66, 77, 84, 92, 104, 120, 180))
_HAIRLINE = np.array((-6.6, -6.5, -6.0, -4.6, -2.6, 0.8, 1.6, 0.6, -0.6, 4.0, 6.5))
_FRINGE = np.array((2.2, 2.2, 2.0, 1.2, 0.4, 0, 0, 0, 0, 0, 0))
_BALDNESS = np.array((1, 1.2, 1.3, 1.2, 0.8, 0.1, 0, 0, 0, 0, 0))

_OPEN_COLLAR = np.array([[98, 0], [128, 44], [158, 0]])  # on the map of the clothes

_AMBIENT = 0.42
_CEILING, _FLASH_POWER = (-0.15, -0.60, 0.80), 0.66
_SPOT, _SPOT_POWER = (0.86, -0.28, 0.42), 0.85
_SPOT_DIMS = 0.5  # the other lamps are turned down where the spot is on
_WRAP = 0.18  # light that bends around edges, as skin lets it


@dataclass(frozen=True)
class Part:
    """A piece of surface in the room.

    Args:
        points: float32 [n, m, 3] in cm; rows run down and columns to the image's right.
        colours: uint8 [h, w, 3] BGR, lit, spread over the points.
    """

    points: np.ndarray
    colours: np.ndarray


def portrait(head: Head, camera: Camera) -> list[Part]:
    """All that stands before the board."""
    ears = [] if head.person.hair_length else [_ear(head, camera, side) for side in (-1, 1)]
    return [_bare_head(head, camera), *_hair(head, camera), *ears, _neck(head), _body(head)]


def _part(
    head: Head, points: np.ndarray, colours: np.ndarray, shade: np.ndarray | float = 1.0, gloss: float = 0.0
) -> Part:
    """Light a surface; ``shade`` [n, m] takes light away, ``gloss`` adds highlights."""
    points = points.astype(np.float32)
    light = cv2.resize((_light(head, points, gloss) * shade).astype(np.float32), colours.shape[1::-1])
    return Part(points, cv2.multiply(colours, cv2.merge([light] * 3), scale=255, dtype=cv2.CV_8U))


def _light(head: Head, points: np.ndarray, gloss: float) -> np.ndarray:
    """Light that reaches each point, float32 [n, m]: Lambert's law for two lamps, gloss after Blinn and Phong."""
    normal = np.cross(cv2.Sobel(points, cv2.CV_32F, 1, 0), cv2.Sobel(points, cv2.CV_32F, 0, 1))
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-6
    spot = head.shot.side_light
    dimmed = 1 - _SPOT_DIMS * spot
    light = np.full(points.shape[:2], _AMBIENT * dimmed, np.float32)
    for direction, power in ((_CEILING, _FLASH_POWER * dimmed), (_SPOT, _SPOT_POWER * spot)):
        lamp = np.asarray(direction, np.float32)
        light += power * np.maximum(_WRAP + (1 - _WRAP) * normal @ lamp, 0)
        halfway = lamp + (0, 0, 1)
        light += gloss * power * np.maximum(normal @ (halfway / np.linalg.norm(halfway)).astype(np.float32), 0) ** 24
    hollow = cv2.GaussianBlur(points[..., 2], (0, 0), 3) - points[..., 2]
    return light * (1 - np.clip(0.7 * hollow, 0, 0.45))


def _bare_head(head: Head, camera: Camera) -> Part:
    chart = Chart(head)
    points = head.surface(chart.theta, chart.y)
    below_jaw = np.clip(4 * (np.abs(chart.theta) - 1.5), 0, 1) * np.clip((chart.y - 5) / 1.5, 0, 1)
    return _part(head, camera.pose(points), paint_skin(head, chart, points), 1 - 0.45 * below_jaw, gloss=0.13)


def _hair(head: Head, camera: Camera) -> list[Part]:
    """A shell that leaves the skull above the hairline and dives below the skin elsewhere; long hair hangs behind."""
    rng = np.random.default_rng((*head.person.seed, 2))
    theta = np.linspace(-2.8, 2.8, 161)
    rows = np.linspace(0, _HAIR_SHARE, 64) * (len(head.sections) - 1)
    y = np.interp(rows, np.arange(len(head.sections)), head.sections[:, 0])[:, None]
    skull = solid(head.sections, theta, y)
    outward = skull - _HAIR_CENTRE
    outward[..., 1] *= np.clip((-3 - y) / 5, 0, 1)  # at the sides it stands off level
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
    strands = _strands(head, rng)
    shell = skull + outward * _hair_offset(head, theta, y, rng)[..., None]
    parts = [_part(head, camera.pose(shell), strands, gloss=0.35)]
    if head.person.hair_length:
        sections = through(_LONG_HAIR) * (1, head.person.width, 1, 1, 1)
        y = np.linspace(_LONG_HAIR[0, 0], head.person.hair_length, 40)[:, None]
        hanging = camera.pose(solid(sections, np.radians(np.linspace(80, 280, 61)), y))
        parts += [_part(head, sheet, strands, gloss=0.3) for sheet in (hanging, hanging[:, ::-1])]  # out- and inside
    return parts


def _hair_offset(head: Head, theta: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How far hair stands off the skull at each angle and height, cm; negative where there is none."""
    person = head.person
    line = np.interp(np.abs(theta), _HAIRLINE_ANGLE, _HAIRLINE + person.fringe * _FRINGE - person.baldness * _BALDNESS)
    tufts = cv2.GaussianBlur(rng.normal(0, 0.5, (1, theta.size)), (0, 0), 1.0)[0]
    line += tufts * np.where(np.abs(theta) < 1, 1.0, 0.3)  # longer in front
    line += person.parting * np.sin(1.5 * theta) * np.clip(2 - 2 * np.abs(theta), 0, 1)
    above = line - y
    volume = person.hair_thickness * (0.3 + 0.7 * np.clip((-1.0 - y) / 7, 0, 1))
    lumps = cv2.resize(rng.normal(1, 0.14, (7, 18)), above.shape[::-1], interpolation=cv2.INTER_CUBIC)
    standing = 0.1 + volume * lumps * np.clip(above / 2.5, 0, 1) ** 0.6
    return np.where(above > 0, standing, np.maximum(5.0 * above, -2.5))


def _strands(head: Head, rng: np.random.Generator) -> np.ndarray:
    """Colours of combed hair, float32 [160, 420, 3]: each strand has a tone that changes little along it."""
    broad, fine = (rng.uniform(-1, 1, shape).astype(np.float32) for shape in ((3, 60), (8, 420)))
    tones = 1 + sum(0.22 * cv2.resize(tone, (420, 160), interpolation=cv2.INTER_CUBIC) for tone in (broad, fine))
    return head.person.hair.astype(np.float32) * tones[..., None]


def _ear(head: Head, camera: Camera, side: int) -> Part:
    turn, lift = np.linspace(-np.pi, np.pi, 25), np.linspace(-np.pi / 2, np.pi / 2, 17)[:, None]
    ball = np.stack(np.broadcast_arrays(np.cos(lift) * np.sin(turn), np.sin(lift), np.cos(lift) * np.cos(turn)), -1)
    ear = ball * (0.45, 2.9, 1.6)
    ear[..., 2] *= 1 - 0.35 * ball[..., 1]  # narrower at the lobe
    ear = ear @ yaw(28.0 * side)
    half_width = np.interp(1.7, head.sections[:, 0], head.sections[:, 1])
    shell = np.exp(-((ball[..., 1] / 0.6) ** 4) - (ball[..., 2] / 0.55) ** 4)
    colours = head.person.skin * (1 - shell[..., None] * (0.42, 0.42, 0.34)) * (0.88, 0.88, 1.0)
    return _part(head, camera.pose(ear + (side * (half_width + 0.35), 1.7, -1.9)), colours.astype(np.float32))


def _neck(head: Head) -> Part:
    theta, y = np.linspace(-2, 2, 41), np.linspace(4, 18, 41)[:, None]
    sections = through(_NECK) * (1, 0.86 if head.person.sex == "f" else 1.0, 1, 1, 1)
    shadow_of_chin = 0.45 * np.clip((head.chin + 2.5 - y) / 4, 0, 1) * np.ones_like(theta)
    colours = np.full((64, 64, 3), head.person.skin, np.float32)
    return _part(head, solid(sections, theta, y), colours, 1 - shadow_of_chin)


def _body(head: Head) -> Part:
    theta, y = np.linspace(-1.8, 1.8, 61), np.linspace(_BODY[0, 0], 31, 41)[:, None]
    rng = np.random.default_rng((*head.person.seed, 3))
    weave = rng.uniform(0.93, 1.07, (128, 256, 1)) * rng.uniform(0.95, 1.05, (1, 256, 1))
    colours = (head.person.clothes * weave).astype(np.float32)
    colours[:7] *= 1.25
    if head.person.open_collar:
        cv2.fillPoly(colours, [_OPEN_COLLAR], (0.85 * head.person.skin).tolist(), cv2.LINE_AA)
    return _part(head, solid(through(_BODY), theta, y), colours)
