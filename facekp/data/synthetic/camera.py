"""The stand-in set's camera: how a head is posed, how space falls on the image, and which points the head hides."""

from __future__ import annotations

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


class Camera:
    """Poses the head of one shot and projects it.

    Args:
        head: the head whose person and shot give pose, size and place in the image.
    """

    def __init__(self, head: Head) -> None:
        person, shot = head.person, head.shot
        self.rotation = (_roll(shot.roll) @ _pitch(shot.pitch) @ yaw(shot.yaw)).astype(np.float32)
        self.scale = _PIXELS_PER_CM * person.scale * shot.scale
        self.centre = _CENTRE + person.place + shot.place
        chin_px = self.project(self.pose(head.surface(np.array(0.0), np.array(head.chin))))[1]
        self.centre[1] -= max(0.0, chin_px - (HEIGHT - _ROOM_PX))

    def pose(self, points: np.ndarray) -> np.ndarray:
        """Points of the head as they stand in the room, float [..., 3]."""
        return points @ self.rotation.T + (_PIVOT - self.rotation @ _PIVOT).astype(np.float32)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Points of the room in the image, float [..., 3]: x and y in pixels, and the distance in centimetres."""
        distance = _DISTANCE - points[..., 2]
        pixels = self.centre + self.scale * points[..., :2] * (_DISTANCE / distance)[..., None]
        return np.concatenate([pixels, distance[..., None]], axis=-1)


def keypoints(head: Head, camera: Camera) -> np.ndarray:
    """The 58 points of the scheme, float32 [58, 2], relative to the image.

    Where the turned head hides a point, the point slides along the surface to the contour that is seen in its stead,
    which is where annotators put it.
    """
    x, y = np.concatenate([head.eye(1), head.eye(-1), head.brow(1), head.brow(-1), head.mouth(), head.nose()]).T
    inner = np.stack([head.angle(x, y), y], axis=1)
    points_px = _seen(head, camera, *np.concatenate([head.jaw(), inner]).T)
    return (points_px / (WIDTH, HEIGHT)).astype(np.float32)


def _seen(head: Head, camera: Camera, theta: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Where points at angles and heights are seen, pixels [N, 2].

    Each is sought along its height, from its own place to a little beyond the middle of the face, as the place farthest
    to its side in the image: its own unless the head hides it, the contour otherwise.
    """
    side = np.sign(theta)
    angles = theta + _PATH[:, None] * (-_BEYOND * side - theta)
    pixels = camera.project(camera.pose(head.surface(angles, y)))[..., :2]
    sideways = _roll(head.shot.roll)[:2, 0]
    best = np.argmax(side * (pixels @ sideways), axis=0)
    return pixels[best, np.arange(len(y))]


def yaw(degrees: float) -> np.ndarray:
    """The rotation that turns a face to the image's right, float [3, 3]."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _pitch(degrees: float) -> np.ndarray:
    """Lower the face."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0], [0, c, s], [0, -s, c]])


def _roll(degrees: float) -> np.ndarray:
    """Tilt the face clockwise as one sees it."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
