"""The stand-in set's head as a surface in space, and where the 58 points lie on it.

The head looks along +z; x runs to the image's right and y down, in centimetres, from the point between the eyes on the
axis of the skull. It is a stack of horizontal sections, each two half ellipses (front and back), to which the front
adds relief: nose, sockets, lips, chin. Because relief only moves the surface along z, a point of the face is found by
its frontal (x, y) alone: its angle around the head is arcsin(x / half width).
"""

from __future__ import annotations

import numpy as np

from facekp.data.synthetic.person import Person, Shot

# y, half width, z where it is widest, z in front, z behind; from the crown to below the chin
_SECTIONS = np.array(
    [
        [-12.2, 0.0, -1.5, -1.5, -1.5],
        [-11.7, 2.8, -1.5, 1.8, -4.6],
        [-10.3, 5.1, -1.5, 4.9, -7.6],
        [-7.7, 6.75, -1.4, 7.4, -9.6],
        [-4.8, 7.35, -1.2, 8.6, -10.3],
        [-1.9, 7.35, -0.8, 8.9, -10.2],
        [0.3, 7.1, -0.5, 8.5, -9.6],
        [2.5, 6.95, -0.2, 8.3, -8.6],
        [4.8, 6.7, 0.1, 8.5, -6.5],
        [6.9, 6.0, 0.9, 8.7, -3.5],
        [8.8, 4.85, 2.3, 8.6, -0.8],
        [10.3, 3.55, 4.0, 8.6, 1.5],
        [11.3, 1.9, 5.7, 8.3, 4.0],
        [11.7, 0.0, 6.9, 6.9, 6.9],
    ]
)
# y, how far the ridge stands out, its half width
_NOSE = np.array(
    [
        [-2.2, 0.0, 1.1],
        [-0.6, 0.2, 0.9],
        [0.3, 0.55, 0.85],
        [1.6, 1.25, 0.95],
        [3.0, 2.05, 1.1],
        [3.6, 2.15, 1.15],
        [4.1, 1.85, 1.1],
        [4.5, 0.95, 1.0],
        [4.9, 0.2, 0.95],
        [5.4, 0.0, 0.95],
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
    """Points of a stack of sections at an angle (0 is the front, positive to the image's right) and a height.

    Args:
        sections: float [R, 5], rows of y, half width, z where widest, z in front, z behind; y ascending.
        theta: radians, any shape that broadcasts with ``y``.
        y: centimetres.

    Returns:
        float32 [..., 3].
    """
    columns = (np.interp(y, sections[:, 0], column).astype(np.float32) for column in sections[:, 1:].T)
    width, middle, front, back = columns
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
        self.sections = self._sections()

    def _sections(self) -> np.ndarray:
        sections = _SECTIONS.copy()
        y = sections[:, 0]
        jaw = np.clip((y - 2.0) / 7.0, 0, 1)
        sections[:, 1] *= self.person.width * (1 + (self.person.jaw_width - 1) * jaw)
        sections[:, 0] = np.where(y > 0, y * self.chin / _CHIN, y)
        return through(sections, 16)

    def angle(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The angle at which the front of the head has a frontal x, radians; +-90 degrees where it has none."""
        width = np.interp(y, self.sections[:, 0], self.sections[:, 1])
        return np.arcsin(np.clip(x / np.maximum(width, 1e-6), -1, 1))

    def surface(self, theta: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Points of the head, float32 [..., 3], at angles in radians and heights in centimetres that broadcast."""
        points = solid(self.sections, theta, y)
        facing = np.clip(2.5 * np.cos(theta), 0, 1)
        points[..., 2] += facing * self._relief(points[..., 0], points[..., 1])
        return points

    def _relief(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """How far the face stands out from the plain sections, along z."""
        side = np.abs(x)
        relief = -1.05 * bump(side, y, (_EYE_X * self.person.eye_gap - 0.25, 0.0), (1.6, 1.0))  # socket
        relief += 0.6 * bump(side, y, (_EYE_X * self.person.eye_gap, 0.05), (1.1, 0.65))  # eyeball
        relief += 0.4 * bump(side, y, (2.6, -1.6), (2.4, 0.65))  # ridge above the eye
        relief += (0.35 + 0.45 * max(self.shot.smile, 0.0)) * bump(side, y, (4.2, 3.1), (1.5, 1.2))  # cheek
        relief -= 0.2 * bump(side, y, (4.7, 6.2), (1.3, 1.8))  # hollow below it
        relief += 0.4 * bump(x, y, (0.0, self.chin - 1.6), (1.3, 0.9))
        return relief + self._lips(x, y) + self._nose(side, y)

    def _lips(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        thickness, gap = _LIP * self.person.lip_thickness, self.shot.mouth_gap
        lips = 0.45 * bump(x, y, (0.0, self.mouth_y), (2.6, 1.5))
        lips += 0.32 * bump(x, y, (0.0, self.mouth_y - 0.55 * thickness - gap / 4), (1.5, 0.4))
        lips += 0.42 * bump(x, y, (0.0, self.mouth_y + 0.85 * thickness + gap / 2), (1.3, 0.45))
        lips -= 0.3 * bump(x, y, (0.0, self.mouth_y), (2.2, 0.22))
        return lips - 0.45 * bump(x, y, (0.0, self.mouth_y + 1.8 * thickness + gap), (1.5, 0.42))

    def _nose(self, side: np.ndarray, y: np.ndarray) -> np.ndarray:
        person, stretch = self.person, self.nose_base / _NOSE_BASE
        height, width = (np.interp(y, _NOSE[:, 0] * stretch, column) for column in _NOSE[:, 1:].T)
        nose = height * np.exp(-((side / (width * person.nose_width)) ** 2))
        nose += 0.35 * bump(side, y, (0.0, 3.4 * stretch), (0.85, 0.6))
        wing = 0.95 * bump(side, y, (1.25 * person.nose_width, 3.8 * stretch), (0.5, 0.52))
        return person.nose_height * nose + wing

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

    def lip_line(self, opening: float, drop: float = 0.0) -> np.ndarray:
        """Frontal line between the corners of the mouth, float [17, 2]: closed at 0, the open lips at -0.5 and 0.5.

        Args:
            opening: share of the mouth's gap that the line lies below its middle.
            drop: cm that the line hangs lower still in its middle.
        """
        outline, across = self.mouth(), np.linspace(0, 1, 17)[:, None]
        corners = outline[0] + (outline[4] - outline[0]) * across
        middle = 0.6 * outline[2] + 0.4 * outline[6] + (0.0, opening * self.shot.mouth_gap + drop)
        return corners + (1 - (2 * across - 1) ** 2) * (middle - (outline[0] + outline[4]) / 2)

    def jaw(self) -> np.ndarray:
        """Angle and height, float [13, 2], of the edge of the jaw from the image's left over the chin to its right."""
        y = np.linspace(_JAW_TOP * self.person.length, self.chin, 200)
        edge = solid(self.sections, np.pi / 2, y)[:, :2]
        length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(edge, axis=0), axis=1))])
        side = np.interp(np.linspace(0, length[-1], 7), length, y)
        return np.stack([np.pi / 2 * np.sign(np.arange(13) - 6.0), np.concatenate([side, side[-2::-1]])], axis=1)
