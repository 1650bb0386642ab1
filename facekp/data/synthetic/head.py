"""The stand-in set's head as a surface in space, and where the 58 points lie on it.

The head looks along +z; x runs to the image's right and y down, in centimetres, from the point between the eyes on the
axis of the skull. It is a stack of horizontal sections, each two half ellipses (front and back), to which the front
adds relief: nose, sockets, lips, chin. Because relief only moves the surface along z, a point of the face is found by
its frontal (x, y) alone: its angle around the head is arcsin(x / half width).
"""

from __future__ import annotations

import numpy as np

from facekp.data.synthetic.person import Person, Shot

# y from the crown to below the chin, half width, z where it is widest, z in front, z behind
_SECTIONS = np.array(
    [
        [-12.2, -11.7, -10.3, -7.7, -4.8, -1.9, 0.3, 2.5, 4.8, 6.9, 8.8, 10.3, 11.3, 11.7],
        [0.0, 2.8, 5.1, 6.75, 7.35, 7.35, 7.1, 6.95, 6.7, 6.0, 4.85, 3.55, 1.9, 0.0],
        [-1.5, -1.5, -1.5, -1.4, -1.2, -0.8, -0.5, -0.2, 0.1, 0.9, 2.3, 4.0, 5.7, 6.9],
        [-1.5, 1.8, 4.9, 7.4, 8.6, 8.9, 8.5, 8.3, 8.5, 8.7, 8.6, 8.6, 8.3, 6.9],
        [-1.5, -4.6, -7.6, -9.6, -10.3, -10.2, -9.6, -8.6, -6.5, -3.5, -0.8, 1.5, 4.0, 6.9],
    ]
).T
# y, how far the ridge of the nose stands out, its half width
_NOSE = np.array(
    [
        [-2.2, -0.6, 0.3, 1.6, 3.0, 3.6, 4.1, 4.5, 4.9, 5.4],
        [0.0, 0.2, 0.55, 1.25, 2.05, 2.15, 1.85, 0.95, 0.2, 0.0],
        [1.1, 0.9, 0.85, 0.95, 1.1, 1.15, 1.1, 1.0, 0.95, 0.95],
    ]
)
_CHIN = 11.7
_JAW_TOP = 4.9
_MOUTH = 6.75
_NOSE_BASE = 4.5
_LIP = 0.62
_EYE_X, _EYE_HALF_WIDTH, _EYE_HALF_HEIGHT = 3.08, 1.42, 0.6

# outlines in units of their feature's half width and height, from the outer corner and along the scheme's path
_EYE = np.array(
    [[1, 0.0], [0.58, -0.8], [0.0, -1.05], [-0.58, -0.62], [-1, 0.22], [-0.5, 0.62], [0.0, 0.8], [0.55, 0.62]]
)
_BROW = np.array([[1.45, -1.4], [2.05, -2.05], [4.05, -2.45], [5.15, -1.95], [5.75, -1.05]])
_NOSE_SIDE = np.array([[0.75, 0.3], [1.02, 2.35], [1.62, 3.25], [1.72, 4.05], [0.85, 4.45]])
_MOUTH_TOP = np.array([[-1.0, 0.0], [-0.3, -1.0], [0.0, -0.8], [0.3, -1.0], [1.0, 0.0]])
_MOUTH_BOTTOM = np.array([[0.45, 0.9], [0.0, 1.0], [-0.45, 0.9]])


def through(points: np.ndarray, steps: int = 8) -> np.ndarray:
    """A smooth curve through the points (Catmull and Rom, 1974): float [K, D] -> float [(K - 1) * steps + 1, D]."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    before, start, end, after = padded[:-3, None], padded[1:-2, None], padded[2:-1, None], padded[3:, None]
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    bend = (2 * before - 5 * start + 4 * end - after) * t**2 + (3 * start - before - 3 * end + after) * t**3
    curve = start + 0.5 * ((end - before) * t + bend)
    return np.concatenate([curve.reshape(-1, points.shape[1]), points[-1:]])


def solid(sections: np.ndarray, theta: np.ndarray | float, y: np.ndarray) -> np.ndarray:
    """Points of a stack of sections, float32 [..., 3], at angles and heights that broadcast.

    Args:
        sections: float [R, 5], rows of y, half width, z where widest, z in front, z behind; y ascending.
        theta: radians, 0 in front and positive to the image's right.
        y: centimetres.
    """
    width, middle, front, back = (np.interp(y, sections[:, 0], column) for column in sections[:, 1:].T)
    theta, y = np.asarray(theta, np.float32), np.asarray(y, np.float32)
    depth = np.cos(theta)
    z = middle + np.where(depth > 0, front - middle, middle - back) * depth
    return np.stack(np.broadcast_arrays(width * np.sin(theta), y, z), axis=-1)


def bump(x: np.ndarray, y: np.ndarray, centre: tuple[float, float], size: tuple[float, float]) -> np.ndarray:
    """A smooth hill of height 1."""
    across, down = (x - centre[0]) / size[0], (y - centre[1]) / size[1]
    return np.exp(-(across * across + down * down))


class Head:
    """One person's head with the expression of one shot."""

    def __init__(self, person: Person, shot: Shot) -> None:
        self.person, self.shot = person, shot
        self.mouth_y = _MOUTH * person.length + person.mouth_drop
        self.nose_base = _NOSE_BASE * person.length * person.nose_length
        self.chin = _CHIN * person.length + 0.8 * shot.mouth_gap
        sections = _SECTIONS.copy()
        y = sections[:, 0]
        sections[:, 1] *= person.width * (1 + (person.jaw_width - 1) * np.clip((y - 2.0) / 7.0, 0, 1))
        sections[:, 0] = np.where(y > 0, y * self.chin / _CHIN, y)
        self.sections = through(sections, 16)

    def angle(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The angle at which the front of the head has a frontal x, radians; +-90 degrees where it has none."""
        width = np.interp(y, self.sections[:, 0], self.sections[:, 1])
        return np.arcsin(np.clip(x / np.maximum(width, 1e-6), -1, 1))

    def surface(self, theta: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Points of the head, float32 [..., 3], at angles in radians and heights in centimetres that broadcast."""
        points = solid(self.sections, theta, y)
        points[..., 2] += np.clip(2.5 * np.cos(theta), 0, 1) * self._relief(points[..., 0], points[..., 1])
        return points

    def _relief(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """How far the face stands out from the plain sections, along z: the ridge of the nose and a sum of bumps."""
        person, shot, mouth, side = self.person, self.shot, self.mouth_y, np.abs(x)
        eye, lip, stretch = _EYE_X * person.eye_gap, _LIP * person.lip_thickness, self.nose_base / _NOSE_BASE
        ridge, width = (np.interp(y, _NOSE[0] * stretch, row) for row in _NOSE[1:])
        relief = person.nose_height * ridge * np.exp(-((side / (width * person.nose_width)) ** 2))
        for height, centre, size in (
            (-1.05, (eye - 0.25, 0.0), (1.6, 1.0)),  # socket
            (0.6, (eye, 0.05), (1.1, 0.65)),  # eyeball
            (0.4, (2.6, -1.6), (2.4, 0.65)),  # ridge above the eye
            (0.35 + 0.45 * max(shot.smile, 0.0), (4.2, 3.1), (1.5, 1.2)),  # cheek
            (-0.2, (4.7, 6.2), (1.3, 1.8)),  # hollow below it
            (0.35 * person.nose_height, (0.0, 3.4 * stretch), (0.85, 0.6)),  # tip of the nose
            (0.95, (1.25 * person.nose_width, 3.8 * stretch), (0.5, 0.52)),  # its wings
            (0.45, (0.0, mouth), (2.6, 1.5)),  # both lips
            (0.32, (0.0, mouth - 0.55 * lip - shot.mouth_gap / 4), (1.5, 0.4)),  # upper lip
            (0.42, (0.0, mouth + 0.85 * lip + shot.mouth_gap / 2), (1.3, 0.45)),  # lower lip
            (-0.3, (0.0, mouth), (2.2, 0.22)),  # between them
            (-0.45, (0.0, mouth + 1.8 * lip + shot.mouth_gap), (1.5, 0.42)),  # below them
            (0.4, (0.0, self.chin - 1.6), (1.3, 0.9)),  # chin
        ):
            relief += height * bump(side, y, centre, size)
        return relief

    def eye(self, side: int) -> np.ndarray:
        """Frontal outline of an eye, float [8, 2], from its outer corner; side is -1 or +1, the sign of x."""
        person = self.person
        half = np.array([_EYE_HALF_WIDTH * person.eye_size, _EYE_HALF_HEIGHT * person.eye_opening * self.shot.lid])
        outline = _EYE * half
        outline[:, 1] -= person.eye_slant * outline[:, 0]
        return (outline + (_EYE_X * person.eye_gap, 0.1)) * (side, 1)

    def brow(self, side: int) -> np.ndarray:
        """Frontal upper edge of a brow, float [5, 2], from its inner end."""
        person, shot = self.person, self.shot
        arch = np.array([0.0, 0.5, 1.0, 0.8, 0.3])
        brow = _BROW * (person.eye_gap * person.width, 1)
        brow[:, 1] -= person.brow_height + shot.brow_raise + 0.6 * (person.brow_arch - 1) * arch
        return brow * (side, 1)

    def nose(self) -> np.ndarray:
        """Frontal path of the nose, float [11, 2]: down its image-left side, under it, and up again."""
        half = _NOSE_SIDE * (self.person.nose_width, self.nose_base / _NOSE_BASE)
        return np.concatenate([half * (-1, 1), [(0.0, self.nose_base + 0.05)], half[::-1]])

    def mouth(self) -> np.ndarray:
        """Frontal outline of the lips, float [8, 2], from the image-left corner over the top."""
        shot, lips = self.shot, _LIP * self.person.lip_thickness
        smile, half = shot.smile, 2.55 * self.person.mouth_width + 0.65 * shot.smile
        if shot.smile < 0.3:
            half -= 0.25 * shot.mouth_gap
        top = _MOUTH_TOP * (half, lips * (1 - 0.25 * max(smile, 0)) + shot.mouth_gap / 4)
        bottom = _MOUTH_BOTTOM * (half, lips * 1.4 + shot.mouth_gap * 0.95)
        outline = np.concatenate([top, bottom]) + (0.0, self.mouth_y)
        outline[:, 1] -= 0.55 * smile * (outline[:, 0] / half) ** 2 + 0.25 * max(smile, 0)
        return outline

    def lip_line(self, drop: float) -> np.ndarray:
        """Frontal line between the corners of the mouth, float [17, 2]; ``drop`` cm below the closed lips."""
        outline, across = self.mouth(), np.linspace(0, 1, 17)[:, None]
        corners = outline[0] + (outline[4] - outline[0]) * across
        middle = 0.6 * outline[2] + 0.4 * outline[6] + (0.0, drop)
        return corners + (1 - (2 * across - 1) ** 2) * (middle - (outline[0] + outline[4]) / 2)

    def jaw(self) -> np.ndarray:
        """Angle and height, float [13, 2], of the edge of the jaw from the image's left over the chin to its right."""
        y = np.linspace(_JAW_TOP * self.person.length, self.chin, 200)
        edge = solid(self.sections, np.pi / 2, y)[:, :2]
        length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(edge, axis=0), axis=1))])
        side = np.interp(np.linspace(0, length[-1], 7), length, y)
        return np.stack([np.pi / 2 * np.sign(np.arange(13) - 6.0), np.concatenate([side, side[-2::-1]])], axis=1)
