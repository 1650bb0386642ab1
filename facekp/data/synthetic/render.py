"""A photograph of a drawn head: surfaces with colours and light, and the features of the face upon them."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from facekp.data.synthetic.head import HEIGHT, WIDTH, Head, solid, through

# sections as in head.py: y, half width, z where it is widest, z in front, z behind
_NECK = np.array([[4, 4.9, -2, 2.6, -7.5], [9, 5, -2.3, 2.3, -8], [14, 5.5, -3, 2, -9], [19, 7, -3, 3, -9]])
_BODY = np.array([[12, 5.9, -3, 2.4, -9], [14, 9.8, -3.4, 4.6, -10], [18, 20, -4, 7.1, -11], [32, 22.5, -4, 9.5, -11]])
_EAR = np.array([[-3, 0, 0, 0, 0], [-1, 0.5, 0, 1.2, -1.5], [3, 0, 0, 0, 0]])
# how far below the forehead's the hairline is, at angles from the front
_HAIR_ANGLES, _HAIR_ENDS = np.radians((0, 40, 60, 75, 90, 110, 180)), np.array((0.0, 0.4, 2.0, 7.5, 7.8, 10, 12.5))
_AMBIENT, _CEILING, _SPOT = 0.45, np.array((-0.15, -0.60, 0.80)), np.array((0.86, -0.28, 0.42))
_BOARD = (0.27, 0.31, 0.14)  # the dark green board behind everyone, BGR
_GRAIN = 7.0  # of 255
_SHIFT = 4  # cv2 draws to 1 / 2**4 of a pixel


def render(head: Head) -> np.ndarray:
    """The photograph of a head, uint8 [480, 640, 3] BGR."""
    surfaces = [(points.astype(np.float32), colours) for points, colours in _surfaces(head)]
    spot = head.shot.side_light
    points = [points for points, _ in surfaces]
    colours = [np.broadcast_to(colour, grid.shape) for grid, colour in surfaces]
    lights = [np.broadcast_to(_light(grid, spot)[..., None], grid.shape) for grid in points]
    colour = (255 * np.clip(_rasterise(head, points, colours, np.array(_BOARD)), 0, 1)).astype(np.uint8)
    _draw_features(colour, head)
    light = _rasterise(head, points, lights, 0.8 + spot * np.linspace(0.2, 1.0, WIDTH)[:, None])
    noise = np.random.default_rng(head.shot.seed).uniform(-_GRAIN, _GRAIN, (HEIGHT, WIDTH, 1))
    image = cv2.GaussianBlur(head.shot.exposure * light * colour, (0, 0), 0.8) + noise
    return np.clip(image, 0, 255).astype(np.uint8)


def _surfaces(head: Head) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Grids of points in the room, [n, m, 3], and their colours, which broadcast; rows run down."""
    person = head.person
    across = np.linspace(-1, 1, 121)
    theta, y = 1.5 * (across + across**3), np.linspace(head.sections[0, 0], head.chin, 120)[:, None]
    hairline = person.hairline + np.interp(np.abs(theta), _HAIR_ANGLES, _HAIR_ENDS)
    hair = np.clip(2 * (hairline - y), 0, 1)[..., None]
    moustache = head.mouth_y - 1.3 + 0.35 * np.abs(theta)
    beard = person.beard * np.clip(y - moustache, 0, 1)[..., None]
    points = head.surface(theta, y)
    points += 0.6 * hair * (points - (0, 0, -1)) / np.linalg.norm(points - (0, 0, -1), axis=-1, keepdims=True)
    yield head.pose(points), person.skin + np.maximum(hair, beard) * (person.hair - person.skin)
    for side in (-1, 1):
        ear = solid(_EAR, np.linspace(-np.pi, np.pi, 25), np.linspace(-3, 3, 21)[:, None])
        yield head.pose(ear + (7.3 * side * person.width, 1.7, -1.9)), person.skin
    theta = np.linspace(-2, 2, 41)
    yield solid(through(_NECK), theta, np.linspace(4, 18, 41)[:, None]), 0.8 * person.skin
    yield solid(through(_BODY), theta, np.linspace(12, 31, 41)[:, None]), person.clothes


def _light(points: np.ndarray, spot: float) -> np.ndarray:
    """Light at each point, [n, m], from two lamps (Lambert's law); the spot lights the image's right side."""
    normal = np.cross(cv2.Sobel(points, cv2.CV_32F, 1, 0), cv2.Sobel(points, cv2.CV_32F, 0, 1))
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-6
    others = 1 - 0.5 * spot
    return others * (_AMBIENT + 0.7 * np.maximum(normal @ _CEILING, 0)) + 0.9 * spot * np.maximum(normal @ _SPOT, 0)


def _rasterise(head: Head, surfaces: list[np.ndarray], values: list[np.ndarray], background: np.ndarray) -> np.ndarray:
    """The values of what each pixel shows, float32 [480, 640, 3]."""
    triangles, start = [], 0
    for surface in surfaces:
        index = start + np.arange(surface[..., 0].size).reshape(surface.shape[:2])
        a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
        triangles += [np.stack(cell, axis=-1).reshape(-1, 3) for cell in ((a, b, c), (b, d, c))]
        start += index.size
    points, shown = (np.concatenate([grid.reshape(-1, 3) for grid in grids]) for grids in (surfaces, values))
    x, y, distance = head.project(points).T
    half = HEIGHT / 2  # the rasteriser sees 90 degrees, y up and -z ahead
    corners = np.stack([(x - WIDTH / 2) * distance / half, (half - y) * distance / half, -distance], axis=1)
    settings = cv2.TriangleRasterizeSettings()
    settings.setShadingType(cv2.RASTERIZE_SHADING_SHADED)
    settings.setCullingMode(cv2.RASTERIZE_CULLING_NONE)
    seen, depth = np.empty((HEIGHT, WIDTH, 3), np.float32), np.full((HEIGHT, WIDTH), 1000, np.float32)
    seen[:] = background
    vertices, corners_values = corners[None].astype(np.float32), shown[None].astype(np.float32)
    order, pose = np.concatenate(triangles)[None].astype(np.int32), np.eye(4, dtype=np.float32)
    cv2.triangleRasterize(vertices, order, corners_values, seen, depth, pose, np.pi / 2, 1.0, 1000.0, settings)
    return seen


def _draw_features(image: np.ndarray, head: Head) -> None:
    """Draw eyes, brows, nose and mouth on the colours of the bare head."""
    person = head.person
    for side in (-1, 1):
        eye, brow = head.eye(side), through(head.brow(side))
        opening, inside = np.zeros(image.shape[:2], np.uint8), np.full_like(image, 210)
        _fill(opening, head, np.concatenate([through(eye[:5]), through(eye[[4, 5, 6, 7, 0]])]), 1.0)
        for radius, colour in ((0.6, person.iris), (0.27, np.zeros(3))):
            circle = np.linspace(0, 2 * np.pi, 24)
            _fill(inside, head, eye.mean(0) + radius * np.stack([np.cos(circle), np.sin(circle)], 1), colour)
        cv2.copyTo(inside, opening, image)
        _stroke(image, head, through(eye[:5]), 3, 0.3 * person.skin)
        thickness = 0.6 * np.sin(np.linspace(0.5, np.pi, len(brow)))[:, None] * (0, 1)
        _fill(image, head, np.concatenate([brow, (brow + thickness)[::-1]]), 0.8 * person.hair)
        nostril = head.nose()[[4, 6]][(side + 1) // 2] * (0.9, 1) - (0, 0.25)
        _stroke(image, head, nostril + np.array([[-0.25, 0], [0.25, 0]]), 4, 0.4 * person.skin)
    _stroke(image, head, through(head.nose()[2:9]), 2, 0.75 * person.skin)
    mouth, lips = head.mouth(), person.skin * (0.70, 0.64, 0.90)
    upper, lower = through(mouth[:5]), through(mouth[[0, 7, 6, 5, 4]])
    _fill(image, head, np.concatenate([upper, lower[::-1]]), lips)
    line, gap = 0.6 * upper + 0.4 * lower, 0.35 * head.shot.mouth_gap * np.sin(np.linspace(0, np.pi, len(upper)))
    inside = np.concatenate([line - gap[:, None] * (0, 1), (line + gap[:, None] * (0, 1))[::-1]])
    _fill(image, head, inside, np.full(3, 0.85))
    _stroke(image, head, line - gap[:, None] * (0, 1), 2, 0.4 * lips)


def _fill(image: np.ndarray, head: Head, frontal: np.ndarray, colour: np.ndarray | float) -> None:
    cv2.fillPoly(image, [_fixed_point(head, frontal)], _levels(colour), cv2.LINE_AA, _SHIFT)


def _stroke(image: np.ndarray, head: Head, frontal: np.ndarray, thickness: int, colour: np.ndarray) -> None:
    cv2.polylines(image, [_fixed_point(head, frontal)], False, _levels(colour), thickness, cv2.LINE_AA, _SHIFT)


def _fixed_point(head: Head, frontal: np.ndarray) -> np.ndarray:
    return np.rint(head.place(frontal) * (1 << _SHIFT)).astype(np.int32)


def _levels(colour: np.ndarray | float) -> list[float]:
    return (255 * np.atleast_1d(colour)).tolist()
