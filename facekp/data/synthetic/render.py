"""From the pieces of a stand-in portrait to a photograph: visibility, background, grain."""

from __future__ import annotations

import cv2
import numpy as np

from facekp.data.synthetic.camera import HEIGHT, WIDTH, Camera
from facekp.data.synthetic.head import Head
from facekp.data.synthetic.parts import Part, portrait

_NEAR, _FAR = 1.0, 1000.0
_BOARD = (0.27, 0.31, 0.14)  # the dark green board behind everyone, BGR
_SOFTNESS_PX = 0.6  # blur of the lens; it smooths the edges as well
_GRAIN = 7.0  # of 255
_GREY = np.array([[0.114, 0.587, 0.299]] * 3, np.float32)


def render(head: Head, camera: Camera) -> np.ndarray:
    """The photograph of a head, uint8 [480, 640, 3] BGR."""
    front, cover = _rasterise(portrait(head, camera), camera)
    image = cv2.copyTo(front, cover, _background(head, cover))
    image = cv2.GaussianBlur(image, (0, 0), _SOFTNESS_PX)
    if head.person.grey:
        image = cv2.transform(image, _GREY)
    rng = np.random.default_rng(head.shot.seed)
    grain = cv2.merge([rng.integers(0, 256, (HEIGHT, WIDTH), np.uint8)] * 3)
    return cv2.addWeighted(image, head.shot.exposure, grain, _GRAIN / 255, -_GRAIN / 2)


def _rasterise(parts: list[Part], camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """What the camera sees of the parts, uint8 [480, 640, 3] BGR, and a mask of where it sees any, uint8 [480, 640].

    The rasteriser interpolates over each triangle where its corners lie in the atlas of all colours; one look-up then
    colours every pixel.
    """
    atlas, places = _atlas([part.colours for part in parts], [part.points.shape[:2] for part in parts])
    pixels = np.concatenate([camera.project(part.points).reshape(-1, 3) for part in parts])
    starts = np.cumsum([0] + [part.points.shape[0] * part.points.shape[1] for part in parts])
    triangles = [start + _triangles(*part.points.shape[:2]) for start, part in zip(starts, parts, strict=False)]
    seen = np.full((HEIGHT, WIDTH, 3), -1, np.float32)
    depth = np.full((HEIGHT, WIDTH), _FAR, np.float32)
    settings = cv2.TriangleRasterizeSettings()
    settings.setShadingType(cv2.RASTERIZE_SHADING_SHADED)
    settings.setCullingMode(cv2.RASTERIZE_CULLING_CCW)
    corners, order = _unproject(pixels)[None], np.concatenate(triangles)[None]
    field_of_view = np.pi / 2
    pose = np.eye(4, dtype=np.float32)
    seen, _ = cv2.triangleRasterize(
        corners, order, places[None], seen, depth, pose, field_of_view, _NEAR, _FAR, settings
    )
    cover = cv2.inRange(seen[..., 0], 0.0, 1.0)
    height, width = atlas.shape[:2]
    front = cv2.remap(atlas, seen[..., 0] * width, seen[..., 1] * height, cv2.INTER_LINEAR)
    return front, cover


def _atlas(colours: list[np.ndarray], grids: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """All colours below one another, and where each vertex lies there: float32 [V, 3], x and y in 0..1, and 0."""
    atlas = np.zeros((sum(c.shape[0] for c in colours), max(c.shape[1] for c in colours), 3), np.uint8)
    places, top = [], 0
    for image, (rows, columns) in zip(colours, grids, strict=True):
        height, width = image.shape[:2]
        atlas[top : top + height, :width] = image
        x, y = np.meshgrid(np.linspace(0, width - 1, columns), np.linspace(top, top + height - 1, rows))
        places.append(np.stack([x / atlas.shape[1], y / atlas.shape[0], np.zeros_like(x)], axis=-1).reshape(-1, 3))
        top += height
    return atlas, np.concatenate(places).astype(np.float32)


def _triangles(rows: int, columns: int) -> np.ndarray:
    """Two triangles for each cell of a grid, int32 [T, 3]."""
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    return np.concatenate([np.stack(corners, axis=-1).reshape(-1, 3) for corners in ((a, b, c), (b, d, c))])


def _unproject(pixels: np.ndarray) -> np.ndarray:
    """Pixels and distance -> the room of a rasteriser with a field of view of 90 degrees, y up and -z ahead."""
    x, y, distance = pixels.T
    half = HEIGHT / 2
    return np.stack([(x - WIDTH / 2) * distance / half, (half - y) * distance / half, -distance], axis=1).astype(
        np.float32
    )


def _background(head: Head, cover: np.ndarray) -> np.ndarray:
    """The board behind, uint8 [480, 640, 3] BGR; a light from the side brightens it and throws a shadow on it."""
    small = (WIDTH // 4, HEIGHT // 4)
    x, y = np.linspace(-1, 1, small[0]), np.linspace(-1, 1, small[1])[:, None]
    spot = head.shot.side_light
    light = (0.75 + 0.45 * spot) * (1 - 0.3 * x**2 - 0.15 * y**2) + 0.4 * spot * x
    if spot:
        shadow = cv2.GaussianBlur(cv2.resize(cover, small), (0, 0), 4)
        light *= 1 - 0.5 / 255 * np.roll(shadow, -16, axis=1)
    board = (np.clip(light[..., None] * _BOARD, 0, 1) * 255).astype(np.uint8)
    return cv2.resize(board, (WIDTH, HEIGHT))
