"""The stand-in set's camera: how a head is posed, how space falls on the image, and which points the head hides."""

from __future__ import annotations

import cv2
import numpy as np

from facekp.data.synthetic.head import Head

WIDTH, HEIGHT = 640, 480

_DISTANCE = 110.0
_PIXELS_PER_CM = 13.8
_CENTRE = np.array([325.0, 233.0])
_ROOM_PX = 10.0  # that the photographer leaves below the chin
_PIVOT = np.array([0.0, 5.0, -1.5])  # a head turns about its neck
_PATH = np.linspace(0.0, 1.0, 65)
_BEYOND = 0.7  # radians past the middle of the face, where the contour of a turned chin can lie


def rotation(pitch: float, yaw: float, roll: float) -> np.ndarray:
    """The matrix that raises a face, turns it to the image's right or tilts it clockwise by degrees; one at a time."""
    return cv2.Rodrigues(np.radians((pitch, yaw, roll)))[0]


class Camera:
    """Poses the head of one shot and projects it.

    Args:
        head: the head whose person and shot give pose, size and place in the image.
    """

    def __init__(self, head: Head) -> None:
        person, shot = head.person, head.shot
        self._roll = rotation(0, 0, shot.roll)
        self._rotation = self._roll @ rotation(-shot.pitch, 0, 0) @ rotation(0, shot.yaw, 0)
        self._scale = _PIXELS_PER_CM * person.scale * shot.scale
        self._centre = _CENTRE + person.place + shot.place
        chin_px = self.project(self.pose(head.surface(np.array(0.0), np.array(head.chin))))[1]
        self._centre[1] -= max(0.0, chin_px - (HEIGHT - _ROOM_PX))

    def pose(self, points: np.ndarray) -> np.ndarray:
        """Points of the head as they stand in the room, float [..., 3]."""
        return points @ self._rotation.T + (_PIVOT - self._rotation @ _PIVOT)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Points of the room in the image, float [..., 3]: x and y in pixels, and the distance in centimetres."""
        distance = _DISTANCE - points[..., 2]
        pixels = self._centre + self._scale * points[..., :2] * (_DISTANCE / distance)[..., None]
        return np.concatenate([pixels, distance[..., None]], axis=-1)

    def keypoints(self, head: Head) -> np.ndarray:
        """The 58 points of the scheme, float32 [58, 2], relative to the image.

        Where the turned head hides a point, the point slides along the surface to the contour that is seen in its
        stead, which is where annotators put it: it is sought along its height, from its own place to a little beyond
        the middle of the face, as the place farthest to its side in the image.
        """
        x, y = np.concatenate([head.eye(1), head.eye(-1), head.brow(1), head.brow(-1), head.mouth(), head.nose()]).T
        inner = np.stack([head.angle(x, y), y], axis=1)
        theta, y = np.concatenate([head.jaw(), inner]).T
        side = np.sign(theta)
        angles = theta + _PATH[:, None] * (-_BEYOND * side - theta)
        pixels = self.project(self.pose(head.surface(angles, y)))[..., :2]
        best = np.argmax(side * (pixels @ self._roll[:2, 0]), axis=0)
        return (pixels[best, np.arange(len(y))] / (WIDTH, HEIGHT)).astype(np.float32)
