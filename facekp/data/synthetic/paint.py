"""Colours of the skin and the features, drawn on a map laid over the angle and height of the head.

Soft colours (blush, stubble) are computed on the coarse grid of the mesh; sharp ones (eyes, lips, brows) are drawn on
the full map through :class:`Chart`, which knows where a frontal point of the face lies on it.
"""

from __future__ import annotations

import cv2
import numpy as np

from facekp.data.synthetic.head import Head, bump, through

_GRID = (120, 121)  # rows and columns of the mesh
_MAP = (512, 544)  # rows and columns of the colours over it
_LAST_ANGLE = 2.6  # radians: what lies behind is never seen
_FRONT_DENSITY = 0.5  # the smaller, the more columns the face gets

_SHIFT = 4  # cv2 draws to 1 / 2**4 of a pixel
_MARGIN = 12  # pixels that a blurred stroke needs around its line
_LIPS = np.array((0.70, 0.64, 0.90))  # how much of the skin's colour the lips keep
_TEETH, _INSIDE, _SCLERA = (0.78, 0.85, 0.89), (0.10, 0.09, 0.20), (0.78, 0.81, 0.84)
_BLACK, _WHITE = (0.02, 0.02, 0.02), (1.0, 1.0, 1.0)


class Chart:
    """The grid of angles and heights that spans a head, and where frontal points lie on the map over it."""

    def __init__(self, head: Head) -> None:
        rows, columns = _GRID
        spread = np.linspace(-1, 1, columns)
        self.theta = _LAST_ANGLE * (_FRONT_DENSITY * spread + (1 - _FRONT_DENSITY) * spread**3)
        self.y = np.interp(np.linspace(0, 1, rows), np.linspace(0, 1, len(head.sections)), head.sections[:, 0])[:, None]
        self._columns = np.linspace(0, _MAP[1] - 1, columns)
        self._rows = np.linspace(0, _MAP[0] - 1, rows)
        self._head = head

    def to_map(self, frontal: np.ndarray) -> np.ndarray:
        """Frontal points of the face, [N, 2] in cm -> pixels of the map, [N, 2]."""
        theta = self._head.angle(frontal[:, 0], frontal[:, 1])
        column = np.interp(theta, self.theta, self._columns)
        row = np.interp(frontal[:, 1], self.y[:, 0], self._rows)
        return np.stack([column, row], axis=1)


class Patch:
    """A window of the map, in which one feature is drawn from frontal outlines.

    Args:
        colours: float32 [H, W, 3], the map; drawn on in place.
        chart: places frontal points on the map.
        around: frontal points [N, 2] that the window must hold.
    """

    def __init__(self, colours: np.ndarray, chart: Chart, around: np.ndarray) -> None:
        points = chart.to_map(around)
        left, top = np.maximum(points.min(axis=0).astype(int) - _MARGIN, 0)
        right, bottom = points.max(axis=0).astype(int) + _MARGIN
        self._colours = colours[top:bottom, left:right]
        self._chart, self._corner = chart, np.array((left, top))

    def inside(self, outline: np.ndarray) -> np.ndarray:
        """Mask of what a closed outline holds, uint8."""
        mask = np.zeros(self._colours.shape[:2], np.uint8)
        return cv2.fillPoly(mask, [self._pixels(outline)], 255, cv2.LINE_AA, _SHIFT)

    def along(self, line: np.ndarray, thickness: int, blur: float = 0.0) -> np.ndarray:
        """Mask of a stroke along an open line, uint8; thickness and blur are pixels of the map."""
        mask = np.zeros(self._colours.shape[:2], np.uint8)
        cv2.polylines(mask, [self._pixels(line)], False, 255, thickness, cv2.LINE_AA, _SHIFT)
        return cv2.GaussianBlur(mask, (0, 0), blur) if blur else mask

    def lay(self, mask: np.ndarray, colour: np.ndarray | tuple[float, ...], strength: float = 1.0) -> None:
        """Lay a colour over the map where the mask is."""
        alpha = mask.astype(np.float32)[..., None] * np.float32(strength / 255)
        self._colours += alpha * (np.asarray(colour, np.float32) - self._colours)

    def tint(self, mask: np.ndarray, factor: float, strength: float = 1.0) -> None:
        """Darken (or brighten) the map by a factor where the mask is."""
        self._colours *= 1 + mask.astype(np.float32)[..., None] * np.float32((factor - 1) * strength / 255)

    def _pixels(self, frontal: np.ndarray) -> np.ndarray:
        return np.rint((self._chart.to_map(frontal) - self._corner) * (1 << _SHIFT)).astype(np.int32)


def paint_skin(head: Head, chart: Chart, points: np.ndarray) -> np.ndarray:
    """Colours of the bare head under white light.

    Args:
        head: whose skin it is.
        chart: the grid over the head.
        points: float [n, m, 3], the unturned head at that grid.

    Returns:
        float32 [512, 544, 3], BGR in 0..1.
    """
    stubble = head.person.beard * _beard(head, points[..., 0], points[..., 1])
    bare = _blushed(head, points[..., 0], points[..., 1])
    soft = bare + stubble[..., None] * (head.person.hair - bare)
    colours = cv2.resize(soft.astype(np.float32), _MAP[::-1])
    rng = np.random.default_rng((*head.person.seed, 1))
    grain = 2 * rng.random((_MAP[0] // 2, _MAP[1] // 2), np.float32) - 1
    grain *= 0.05 + 0.5 * cv2.resize(stubble.astype(np.float32), grain.shape[::-1])
    colours *= 1 + cv2.resize(grain, _MAP[::-1])[..., None]
    _draw_nose(colours, head, chart)
    _draw_mouth(colours, head, chart)
    for side in (-1, 1):
        _draw_folds(colours, head, chart, side)
        _draw_eye(colours, head, chart, side)
        _draw_brow(colours, head, chart, side)
    return colours


def _blushed(head: Head, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    side = np.abs(x)
    blush = 0.8 * bump(side, y, (4.2, 3.4), (1.8, 1.6)) + 0.7 * bump(x, y, (0.0, 3.6), (1.2, 1.0))
    socket = 0.6 * bump(side, y, (2.5, 0.2), (1.6, 1.0))
    return head.person.skin * (1 - blush[..., None] * (0.13, 0.11, 0.0)) * (1 - socket[..., None] * (0.14, 0.18, 0.14))


def _beard(head: Head, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How much hair the lower face can grow, 0..1: none above the moustache's line nor on the lips."""
    side = np.abs(x)
    line = head.mouth_y - 1.3 + 0.35 * np.maximum(side - 1.2, 0) - 1.2 * np.maximum(side - 3.6, 0)
    lips = bump(x, y, (0.0, head.mouth_y + 0.35), (2.5, 0.95))
    return np.clip((y - line) / 0.9, 0, 1) * (1 - np.clip(1.7 * lips, 0, 1))


def _draw_eye(colours: np.ndarray, head: Head, chart: Chart, side: int) -> None:
    outline = head.eye(side)
    upper, lower = through(outline[:5]), through(np.concatenate([outline[4:], outline[:1]]))
    patch = Patch(colours, chart, outline)
    opening = patch.inside(np.concatenate([upper, lower]))
    middle = outline.mean(axis=0) + head.shot.gaze
    patch.lay(opening, _SCLERA)
    for radius, colour in ((0.64, 0.4 * head.person.iris), (0.55, head.person.iris), (0.26, _BLACK)):
        patch.lay(np.minimum(opening, patch.inside(_circle(middle, radius))), colour)
    patch.lay(np.minimum(opening, patch.inside(_circle(middle + (0.17, -0.2), 0.1))), _WHITE)
    patch.tint(np.minimum(opening, patch.along(upper, 7, 2.5)), 0.3)
    patch.lay(patch.along(upper, 2, 0.6), 0.4 * head.person.hair, 0.9)
    patch.tint(patch.along(lower, 2, 0.8), 0.6, 0.8)
    patch.tint(patch.along(through(outline[:5] - (0, 0.4)), 3, 1.5), 0.55, 0.8)


def _draw_brow(colours: np.ndarray, head: Head, chart: Chart, side: int) -> None:
    upper = through(head.brow(side))
    depth = 0.62 * head.person.brow_thickness * np.sin(np.linspace(0.5, np.pi, len(upper)))
    lower = upper + depth[:, None] * (0, 1)
    patch = Patch(colours, chart, np.concatenate([upper, lower]))
    mask = patch.inside(np.concatenate([upper, lower[::-1]]))
    patch.lay(cv2.GaussianBlur(mask, (0, 0), 1.2), 0.7 * head.person.hair, 0.85)


def _draw_mouth(colours: np.ndarray, head: Head, chart: Chart) -> None:
    outline = head.mouth()
    upper, lower = through(outline[:5]), through(np.concatenate([outline[4:], outline[:1]]))
    patch = Patch(colours, chart, outline)
    lips = _LIPS * head.person.skin
    patch.lay(patch.inside(np.concatenate([upper, lower])), lips)
    patch.tint(patch.inside(np.concatenate([upper, head.lip_line(0.0)[::-1]])), 0.86)
    if head.shot.mouth_gap:
        top, bottom = head.lip_line(-0.5), head.lip_line(0.5)
        hole = patch.inside(np.concatenate([top, bottom[::-1]]))
        patch.lay(hole, _INSIDE)
        teeth = patch.inside(np.concatenate([top, head.lip_line(-0.5, 0.75)[::-1]]))
        patch.lay(np.minimum(hole, teeth), _TEETH)
        patch.tint(np.minimum(hole, patch.along(top, 5, 2)), 0.5)
    else:
        patch.lay(patch.along(head.lip_line(0.0), 3, 0.8), 0.4 * lips)


def _draw_nose(colours: np.ndarray, head: Head, chart: Chart) -> None:
    path = head.nose()
    patch = Patch(colours, chart, path)
    for wing in (path[2:5], path[6:9]):
        patch.tint(patch.along(through(wing), 4, 1.6), 0.62)
    patch.tint(patch.along(through(path[4:7]), 3, 1.6), 0.65)
    for side in (-1, 1):
        nostril = _circle(np.array((0.76 * side * head.person.nose_width, head.nose_base - 0.27)), 1.0, (0.36, 0.2))
        patch.lay(cv2.GaussianBlur(patch.inside(nostril), (0, 0), 1.2), 0.22 * head.person.skin, 0.85)


def _draw_folds(colours: np.ndarray, head: Head, chart: Chart, side: int) -> None:
    fold = np.array([[1.95, 3.7], [2.9, 4.9], [3.4, 6.4]]) * (side, head.person.length)
    patch = Patch(colours, chart, fold)
    patch.tint(patch.along(through(fold), 5, 2.5), 0.6, 0.35 + 0.5 * max(head.shot.smile, 0.0))


def _circle(centre: np.ndarray, radius: float, axes: tuple[float, float] = (1.0, 1.0)) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    return centre + radius * np.stack([axes[0] * np.cos(turn), axes[1] * np.sin(turn)], axis=1)
