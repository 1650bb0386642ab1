"""A drawn head as a surface in space, where the 58 points lie on it, and where they are seen in the image.

The head looks along +z; x runs to the image's right and y down, in centimetres, from the point between the eyes on the
axis of the skull. It is a stack of horizontal sections, each two half ellipses (front and back), to which the front
adds nose, sockets, lips and chin. These only move the surface along z, so a point of the face is found by its frontal
(x, y) alone: its angle around the head is arcsin(x / half width).
"""

from __future__ import annotations

import cv2
import numpy as np

from facekp.data.synthetic.person import Person, Shot

WIDTH, HEIGHT = 640, 480

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
_NOSE_RIDGE = np.array([[-2.2, 0.0], [0.3, 0.55], [3.0, 2.05], [3.6, 2.15], [4.1, 1.85], [4.9, 0.2], [5.4, 0.0]]).T
_CHIN, _JAW_TOP, _MOUTH, _NOSE_BASE, _EYE_X = 11.7, 4.9, 6.75, 4.5, 3.08

# outlines along the scheme's paths, cm; the mouth in units of its half width and height
_EYE = np.array(
    [[1.42, 0], [0.8, -0.48], [0, -0.63], [-0.8, -0.37], [-1.42, 0.13], [-0.7, 0.37], [0, 0.48], [0.8, 0.37]]
)
_BROW = np.array([[1.45, -1.4], [2.05, -2.05], [4.05, -2.45], [5.15, -1.95], [5.75, -1.05]])
_NOSE = np.array([[0.75, 0.3], [1.02, 2.35], [1.62, 3.25], [1.72, 4.05], [0.85, 4.45]])
_MOUTH_TOP = np.array([[-1.0, 0.0], [-0.3, -1.0], [0.0, -0.8], [0.3, -1.0], [1.0, 0.0]])
_MOUTH_BOTTOM = np.array([[0.45, 0.9], [0.0, 1.0], [-0.45, 0.9]])

_DISTANCE = 110.0  # of the camera, cm
_PIXELS_PER_CM = 13.0
_CENTRE = np.array([325.0, 218.0])
_PIVOT = np.array([0.0, 5.0, -1.5])  # a head turns about its neck
_PATH = np.linspace(0.0, 1.0, 65)
_BEYOND = 0.7  # radians past the middle of the face, where the contour of a turned chin can lie


def through(points: np.ndarray, steps: int = 8) -> np.ndarray:
    """A smooth curve through the points (Catmull and Rom, 1974): float [K, D] -> float [(K - 1) * steps + 1, D]."""
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    before, start, end, after = padded[:-3, None], padded[1:-2, None], padded[2:-1, None], padded[3:, None]
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    bend = (2 * before - 5 * start + 4 * end - after) * t**2 + (3 * start - before - 3 * end + after) * t**3
    curve = start + 0.5 * ((end - before) * t + bend)
    return np.concatenate([curve.reshape(-1, points.shape[1]), points[-1:]])


def solid(sections: np.ndarray, theta: np.ndarray | float, y: np.ndarray) -> np.ndarray:
    """Points of a stack of sections, float [..., 3], at angles and heights that broadcast.

    Args:
        sections: float [R, 5], rows of y, half width, z where widest, z in front, z behind; y ascending.
        theta: radians, 0 in front and positive to the image's right.
        y: centimetres.
    """
    width, middle, front, back = (np.interp(y, sections[:, 0], column) for column in sections[:, 1:].T)
    depth = np.cos(theta)
    z = middle + np.where(depth > 0, front - middle, middle - back) * depth
    return np.stack(np.broadcast_arrays(width * np.sin(theta), y, z), axis=-1)


class Head:
    """One person's head in one shot: its surface, its pose, and the camera before it."""

    def __init__(self, person: Person, shot: Shot) -> None:
        self.person, self.shot = person, shot
        self.mouth_y = _MOUTH * person.length + person.mouth_drop
        self.nose_base = _NOSE_BASE * person.length * person.nose_length
        self.chin = _CHIN * person.length + 0.8 * shot.mouth_gap
        self.sections = through(_SECTIONS)
        y = self.sections[:, 0]
        self.sections[:, 1] *= person.width * (1 + (person.jaw_width - 1) * np.clip((y - 2.0) / 7.0, 0, 1))
        self.sections[:, 0] = np.where(y > 0, y * self.chin / _CHIN, y)
        self._roll, pitch, yaw = (
            cv2.Rodrigues(np.radians(turn))[0]
            for turn in ((0.0, 0.0, shot.roll), (-shot.pitch, 0.0, 0.0), (0.0, shot.yaw, 0.0))
        )
        self._rotation = self._roll @ pitch @ yaw

    def surface(self, theta: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Points of the head, float [..., 3], at angles in radians and heights in centimetres that broadcast."""
        points = solid(self.sections, theta, y)
        side, down, stretch = np.abs(points[..., 0]), points[..., 1], self.nose_base / _NOSE_BASE
        relief = np.interp(down, _NOSE_RIDGE[0] * stretch, _NOSE_RIDGE[1]) * np.exp(-((side / 1.05) ** 2))
        for height, centre, size in (
            (-0.9, (_EYE_X - 0.2, 0.0), (1.7, 1.1)),  # socket
            (0.5, (_EYE_X, 0.05), (1.1, 0.65)),  # eyeball
            (0.9, (1.25, 3.8 * stretch), (0.5, 0.52)),  # wing of the nose
            (0.5, (4.2, 3.1), (1.5, 1.2)),  # cheek
            (0.7, (0.0, self.mouth_y), (2.4, 1.2)),  # lips
            (-0.4, (0.0, self.mouth_y + 1.6), (1.5, 0.42)),  # below them
            (0.4, (0.0, self.chin - 1.6), (1.3, 0.9)),  # chin
        ):
            across, along = (side - centre[0]) / size[0], (down - centre[1]) / size[1]
            relief += height * np.exp(-(across**2 + along**2))
        points[..., 2] += np.clip(2.5 * np.cos(theta), 0, 1) * relief
        return points

    def pose(self, points: np.ndarray) -> np.ndarray:
        """Points of the head as they stand in the room, float [..., 3]."""
        return points @ self._rotation.T + (_PIVOT - self._rotation @ _PIVOT)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Points of the room in the image, float [..., 3]: x and y in pixels, and the distance in centimetres."""
        distance = _DISTANCE - points[..., 2]
        zoom = _PIXELS_PER_CM * self.person.scale * _DISTANCE / distance
        pixels = _CENTRE + self.person.place + self.shot.place + points[..., :2] * zoom[..., None]
        return np.concatenate([pixels, distance[..., None]], axis=-1)

    def place(self, frontal: np.ndarray) -> np.ndarray:
        """Frontal points of the face, float [..., 2] in centimetres, in the image, float [..., 2] in pixels."""
        return self.project(self.pose(self.surface(self._angle(frontal), frontal[..., 1])))[..., :2]

    def keypoints(self) -> np.ndarray:
        """The 58 points of the scheme, float32 [58, 2], relative to the image.

        Where the turned head hides a point, the point slides along the surface to the contour that is seen in its
        stead, which is where annotators put it: it is sought along its height, from its own place to a little beyond
        the middle of the face, as the place farthest to its side in the image.
        """
        inner = np.concatenate([self.eye(1), self.eye(-1), self.brow(1), self.brow(-1), self.mouth(), self.nose()])
        theta = np.concatenate([np.pi / 2 * np.sign(np.arange(13) - 6.0), self._angle(inner)])
        y = np.concatenate([self._jaw(), inner[:, 1]])
        side = np.sign(theta)
        pixels = self.project(self.pose(self.surface(theta + _PATH[:, None] * (-_BEYOND * side - theta), y)))[..., :2]
        best = np.argmax(side * (pixels @ self._roll[:2, 0]), axis=0)
        return (pixels[best, np.arange(len(y))] / (WIDTH, HEIGHT)).astype(np.float32)

    def eye(self, side: int) -> np.ndarray:
        """Frontal outline of an eye, float [8, 2], from its outer corner; side is -1 or +1, the sign of x."""
        return (_EYE * self.person.eye_size + (_EYE_X * self.person.eye_gap, 0.1)) * (side, 1)

    def brow(self, side: int) -> np.ndarray:
        """Frontal upper edge of a brow, float [5, 2], from its inner end."""
        return (_BROW - (0.0, self.person.brow_height + self.shot.brow_raise)) * (side * self.person.eye_gap, 1)

    def nose(self) -> np.ndarray:
        """Frontal path of the nose, float [11, 2]: down its image-left side, under it, and up again."""
        half = _NOSE * (self.person.nose_width, self.nose_base / _NOSE_BASE)
        return np.concatenate([half * (-1, 1), [(0.0, self.nose_base + 0.05)], half[::-1]])

    def mouth(self) -> np.ndarray:
        """Frontal outline of the lips, float [8, 2], from the image-left corner over the top."""
        smile, gap, lips = self.shot.smile, self.shot.mouth_gap, 0.62 * self.person.lip_thickness
        half = 2.5 * self.person.mouth_width + 0.6 * smile
        outline = np.concatenate([_MOUTH_TOP * (half, lips + gap / 4), _MOUTH_BOTTOM * (half, lips * 1.4 + gap)])
        outline[:, 1] += self.mouth_y - 0.55 * smile * (outline[:, 0] / half) ** 2
        return outline

    def _jaw(self) -> np.ndarray:
        """Heights, float [13], that divide both edges of the jaw evenly, from the image's left over the chin."""
        y = np.linspace(_JAW_TOP * self.person.length, self.chin, 200)
        steps = np.linalg.norm(np.diff(solid(self.sections, np.pi / 2, y)[:, :2], axis=0), axis=1)
        length = np.concatenate([[0.0], np.cumsum(steps)])
        side = np.interp(np.linspace(0, length[-1], 7), length, y)
        return np.concatenate([side, side[-2::-1]])

    def _angle(self, frontal: np.ndarray) -> np.ndarray:
        width = np.interp(frontal[..., 1], self.sections[:, 0], self.sections[:, 1])
        return np.arcsin(np.clip(frontal[..., 0] / np.maximum(width, 1e-6), -1, 1))
