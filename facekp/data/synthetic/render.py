"""A photograph of a stand-in head: surfaces in the room, their colours, light, visibility, background, grain.

A surface is a grid of points, float [n, m, 6]: x, y, z in the room in cm, the place of their colour in the texture in
pixels, and the light that reaches them. Rows run down and columns to the image's right.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from facekp.data.synthetic import paint
from facekp.data.synthetic.camera import HEIGHT, WIDTH, Camera, rotation
from facekp.data.synthetic.head import Head, solid, through

# sections as in head.py: y, half width, z where it is widest, z in front, z behind
_NECK = np.array([[3, 4.7, -2, 2.6, -7.5], [9, 5, -2.3, 2.3, -8], [14, 5.5, -3, 2, -9], [19, 7, -3, 3, -9]])
_BODY = np.array(
    [[12.6, 5.9, -3, 2.4, -9], [14, 9.8, -3.4, 4.6, -10], [18, 20, -4, 7.1, -11], [32, 22.5, -4, 9.5, -11]]
)
_LONG_HAIR = np.array([[-8, 6.6, -2, 2, -10.5], [-4, 8, -2.4, 2, -11.6], [6, 9, -2.6, 2, -11.5], [15, 8, -3, 1, -9]])

# short hair: its lower end at angles from the front, and what a full fringe adds or each cm of baldness takes there
_HAIRLINE_ANGLE = np.radians((0, 25, 42, 56, 66, 77, 84, 92, 104, 120, 180))
_HAIRLINE = np.array((-6.6, -6.5, -6.0, -4.6, -2.6, 0.8, 1.6, 0.6, -0.6, 4.0, 6.5))
_FRINGE = np.array((2.2, 2.2, 2.0, 1.2, 0.4, 0, 0, 0, 0, 0, 0))
_BALDNESS = np.array((1, 1.2, 1.3, 1.2, 0.8, 0.1, 0, 0, 0, 0, 0))

# parts of the texture: left, top, right, bottom
_FOREHEAD = (150, 100, 250, 180)
_STRANDS = (2, paint.HEIGHT + 2, paint.WIDTH - 2, paint.HEIGHT + 158)
_CLOTHES = (2, paint.HEIGHT + 162, paint.WIDTH - 2, paint.HEIGHT + 286)
_OPEN_COLLAR = np.array([[156, 0], [204, 44], [252, 0]])

_AMBIENT = 0.42
_CEILING, _FLASH_POWER = np.array((-0.15, -0.60, 0.80)), 0.66
_SPOT, _SPOT_POWER = np.array((0.86, -0.28, 0.42)), 0.85
_WRAP = 0.18  # light that bends around edges, as skin lets it
_BOARD = (0.27, 0.31, 0.14)  # the dark green board behind everyone, BGR
_SOFTNESS_PX = 0.6  # blur of the lens; it smooths the edges as well
_GRAIN = 7.0  # of 255
_GREY = np.array([[0.114, 0.587, 0.299]] * 3, np.float32)


def render(head: Head, camera: Camera) -> np.ndarray:
    """The photograph of a head, uint8 [480, 640, 3] BGR."""
    x, y, light = cv2.split(_rasterise(list(_portrait(head, camera)), camera))
    cover = cv2.inRange(x, 0.0, np.inf)
    front = cv2.multiply(cv2.remap(_texture(head), x, y, cv2.INTER_LINEAR), cv2.merge([light] * 3), dtype=cv2.CV_8U)
    image = cv2.copyTo(front, cover, _background(head.shot.side_light, cover))
    image = cv2.GaussianBlur(image, (0, 0), _SOFTNESS_PX)
    if head.person.grey:
        image = cv2.transform(image, _GREY)
    grain = np.random.default_rng(head.shot.seed).integers(0, 256, (HEIGHT, WIDTH), np.uint8)
    return cv2.addWeighted(image, head.shot.exposure, cv2.merge([grain] * 3), _GRAIN / 255, -_GRAIN / 2)


def _texture(head: Head) -> np.ndarray:
    """The face, combed hair and woven clothes below one another, uint8 [H, W, 3] BGR."""
    rng = np.random.default_rng((*head.person.seed, 2))
    broad, fine = rng.uniform(-1, 1, (3, 60)), rng.uniform(-1, 1, (8, paint.WIDTH))
    tones = [cv2.resize(each, (paint.WIDTH, 160), interpolation=cv2.INTER_CUBIC) for each in (broad, fine)]
    strands = head.person.hair * (1 + 0.22 * np.sum(tones, axis=0)[..., None])
    threads = rng.uniform(0.93, 1.07, (128, paint.WIDTH, 1)) * rng.uniform(0.95, 1.05, (paint.WIDTH, 1))
    clothes = head.person.clothes * threads
    clothes[:9] *= 1.25  # the seam
    if head.person.open_collar:
        cv2.fillPoly(clothes, [_OPEN_COLLAR], (0.85 * head.person.skin).tolist())
    rest = np.clip(255 * np.concatenate([strands, clothes]), 0, 255).astype(np.uint8)
    return np.concatenate([paint.paint_face(head), rest])


def _portrait(head: Head, camera: Camera) -> Iterator[np.ndarray]:
    """The surfaces that stand before the board: head, hair, ears, neck and body."""
    person = head.person

    def surface(
        points: np.ndarray, places: np.ndarray, gloss: float = 0.0, shade: np.ndarray | float = 1.0
    ) -> np.ndarray:
        return np.dstack([points, places, shade * _light(points.astype(np.float32), head.shot.side_light, gloss)])

    def spread(points: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
        columns, rows = np.linspace(box[0], box[2], points.shape[1]), np.linspace(box[1], box[3], points.shape[0])
        return np.stack(np.meshgrid(columns, rows), axis=-1)

    across = np.linspace(-1, 1, 121)
    theta, y = 1.3 * (across + across**3), head.sections[::2, :1]  # dense in front
    points = head.surface(theta, y)
    below_jaw = np.clip(4 * (np.abs(theta) - 1.5), 0, 1) * np.clip((y - 5) / 1.5, 0, 1)
    yield surface(camera.pose(points), paint.to_picture(points[..., :2]), 0.13, 1 - 0.45 * below_jaw)

    points = camera.pose(_hair(head))
    yield surface(points, spread(points, _STRANDS), 0.35)
    if person.hair_length:
        y = np.linspace(-8, person.hair_length, 40)[:, None]
        points = camera.pose(solid(through(_LONG_HAIR) * (1, person.width, 1, 1, 1), np.linspace(1.4, 4.9, 61), y))
        yield surface(points, spread(points, _STRANDS), 0.3)
    for side in () if person.hair_length else (-1, 1):
        turn, lift = np.linspace(-np.pi, np.pi, 25), np.linspace(-np.pi / 2, np.pi / 2, 17)[:, None]
        ear = np.dstack(np.broadcast_arrays(np.cos(lift) * np.sin(turn), np.sin(lift), np.cos(lift) * np.cos(turn)))
        shell = np.exp(-((ear[..., 1] / 0.6) ** 4) - (ear[..., 2] / 0.55) ** 4)
        ear = (ear * (0.45, 2.9, 1.6)) @ rotation(0, 28.0 * side, 0)
        points = camera.pose(ear + (side * (7.35 * person.width), 1.7, -1.9))
        yield surface(points, spread(points, _FOREHEAD), 0.0, 1 - 0.4 * shell)

    y = np.linspace(4, 18, 41)[:, None]
    points = solid(through(_NECK) * (1, person.neck_width, 1, 1, 1), np.linspace(-2, 2, 41), y)
    yield surface(points, spread(points, _FOREHEAD), 0.0, 1 - 0.45 * np.clip((head.chin + 2.5 - y) / 4, 0, 1))
    points = solid(through(_BODY), np.linspace(-1.8, 1.8, 61), np.linspace(12.6, 31, 41)[:, None])
    yield surface(points, spread(points, _CLOTHES))


def _hair(head: Head) -> np.ndarray:
    """A shell that leaves the skull above the hairline and dives below the skin elsewhere, float [n, m, 3]."""
    person = head.person
    rng = np.random.default_rng((*person.seed, 3))
    theta, y = np.linspace(-2.8, 2.8, 161), head.sections[:142:2, :1]
    line = np.interp(np.abs(theta), _HAIRLINE_ANGLE, _HAIRLINE + person.fringe * _FRINGE - person.baldness * _BALDNESS)
    tufts = cv2.GaussianBlur(rng.normal(0, 0.5, (1, theta.size)), (0, 0), 1.0)[0]
    line += tufts * np.where(np.abs(theta) < 1, 1.0, 0.3)  # longer in front
    line += person.parting * np.sin(1.5 * theta) * np.clip(2 - 2 * np.abs(theta), 0, 1)
    above = line - y
    volume = person.hair_thickness * (0.3 + 0.7 * np.clip((-1.0 - y) / 7, 0, 1))
    volume = volume * cv2.resize(rng.normal(1, 0.14, (7, 18)), above.shape[::-1], interpolation=cv2.INTER_CUBIC)
    height = np.where(above > 0, 0.1 + volume * np.clip(above / 2.5, 0, 1) ** 0.6, np.maximum(5.0 * above, -2.5))
    skull = solid(head.sections, theta, y)
    outward = skull - (0.0, -2.0, -1.2)
    outward[..., 1] *= np.clip((-3 - y) / 5, 0, 1)  # at the sides it stands off level
    return skull + outward * (height / np.linalg.norm(outward, axis=-1))[..., None]


def _light(points: np.ndarray, spot: float, gloss: float) -> np.ndarray:
    """Light at each point, float32 [n, m]: Lambert's law for two lamps, gloss after Blinn and Phong, dark hollows."""
    normal = np.cross(cv2.Sobel(points, cv2.CV_32F, 1, 0), cv2.Sobel(points, cv2.CV_32F, 0, 1))
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-6
    others = 1 - 0.5 * spot  # are turned down where the spot is on
    light = np.full(points.shape[:2], _AMBIENT * others, np.float32)
    for direction, power in ((_CEILING, _FLASH_POWER * others), (_SPOT, _SPOT_POWER * spot)):
        halfway = direction + (0, 0, 1)
        light += power * np.maximum(_WRAP + (1 - _WRAP) * normal @ direction, 0)
        light += gloss * power * np.maximum(normal @ (halfway / np.linalg.norm(halfway)), 0) ** 24
    hollow = cv2.GaussianBlur(points[..., 2], (0, 0), 3) - points[..., 2]
    return light * (1 - np.clip(0.7 * hollow, 0, 0.45))


def _rasterise(surfaces: list[np.ndarray], camera: Camera) -> np.ndarray:
    """Place in the texture and light of what each pixel shows, float32 [480, 640, 3]; -1 where nothing is."""
    triangles, start = [], 0
    for surface in surfaces:
        index = start + np.arange(surface[..., 0].size).reshape(surface.shape[:2])
        a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
        triangles += [np.stack(cell, axis=-1).reshape(-1, 3) for cell in ((a, b, c), (b, d, c))]
        start += index.size
    points = np.concatenate([surface.reshape(-1, 6) for surface in surfaces])
    x, y, distance = camera.project(points[:, :3]).T
    half = HEIGHT / 2  # the rasteriser sees 90 degrees, y up and -z ahead
    corners = np.stack([(x - WIDTH / 2) * distance / half, (half - y) * distance / half, -distance], axis=1)
    settings = cv2.TriangleRasterizeSettings()
    settings.setShadingType(cv2.RASTERIZE_SHADING_SHADED)
    settings.setCullingMode(cv2.RASTERIZE_CULLING_NONE)
    seen, depth = np.full((HEIGHT, WIDTH, 3), -1, np.float32), np.full((HEIGHT, WIDTH), 1000, np.float32)
    vertices, values = corners[None].astype(np.float32), points[None, :, 3:].astype(np.float32)
    order, pose = np.concatenate(triangles)[None].astype(np.int32), np.eye(4, dtype=np.float32)
    return cv2.triangleRasterize(vertices, order, values, seen, depth, pose, np.pi / 2, 1.0, 1000.0, settings)[0]


def _background(spot: float, cover: np.ndarray) -> np.ndarray:
    """The board behind, uint8 [480, 640, 3] BGR; the spot brightens it and throws the shadow of what covers it."""
    small = (WIDTH // 4, HEIGHT // 4)
    x, y = np.linspace(-1, 1, small[0]), np.linspace(-1, 1, small[1])[:, None]
    light = (0.75 + 0.45 * spot) * (1 - 0.3 * x**2 - 0.15 * y**2) + 0.4 * spot * x
    shadow = cv2.GaussianBlur(cv2.resize(cover, small), (0, 0), 4)
    light *= 1 - spot * 0.5 / 255 * np.roll(shadow, -16, axis=1)
    board = (np.clip(light[..., None] * _BOARD, 0, 1) * 255).astype(np.uint8)
    return cv2.resize(board, (WIDTH, HEIGHT))
