"""Files spoilt at random, the same for the same random numbers."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
from PIL import Image

HEADER = 700
JPEG_FRAME = (b"\xff\xc0", b"\xff\xc2")  # followed by length, precision, height, width


def encoded(image: Image.Image) -> dict[str, bytes]:
    """One picture in every format that is read."""
    ways = {
        "jpg": {"format": "JPEG"},
        "progressive.jpg": {"format": "JPEG", "progressive": True},
        "png": {"format": "PNG"},
        "bmp": {"format": "BMP"},
        "tif": {"format": "TIFF", "compression": "tiff_lzw"},
        "webp": {"format": "WEBP"},
        "ppm": {"format": "PPM"},
    }
    files = {}
    for suffix, how in ways.items():
        stream = io.BytesIO()
        image.save(stream, **how)
        files[suffix] = stream.getvalue()
    return files


def cut(raw: bytearray, rng: np.random.Generator) -> None:
    del raw[rng.integers(len(raw)) :]


def flip_bits(raw: bytearray, rng: np.random.Generator) -> None:
    for place in rng.integers(len(raw), size=rng.integers(1, 30)):
        raw[place] ^= 1 << rng.integers(8)


def edit_header(raw: bytearray, rng: np.random.Generator) -> None:
    for place in rng.integers(min(HEADER, len(raw)), size=rng.integers(1, 6)):
        raw[place] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.integers(256)))


def move_bytes(raw: bytearray, rng: np.random.Generator) -> None:
    start, length, to = rng.integers(len(raw), size=3)
    block = raw[start : start + length % 500]
    if rng.random() < 0.5:
        del raw[start : start + len(block)]
    raw[to:to] = block


def enlarge(raw: bytearray, rng: np.random.Generator) -> None:
    """Declare another size; in files other than JPEG, wherever it may stand."""
    frame = max(raw.find(mark) for mark in JPEG_FRAME)
    sizes = rng.choice((0, 1, 9000, 0x7FFF, 0xFFFF), size=2)
    if raw[:2] == b"\xff\xd8" and frame > 0:
        raw[frame + 5 : frame + 9] = struct.pack(">HH", *sizes)
    else:
        place = rng.integers(8, 30)
        raw[place : place + 4] = struct.pack(rng.choice((">I", "<I")), sizes[0])


WAYS: tuple[Callable[[bytearray, np.random.Generator], None], ...] = (cut, flip_bits, edit_header, move_bytes, enlarge)


def spoilt(good: bytes, rng: np.random.Generator) -> bytes:
    """The bytes of a file after one or two accidents."""
    raw = bytearray(good)
    for way in rng.choice(len(WAYS), size=rng.integers(1, 3)):
        if raw:
            WAYS[way](raw, rng)
    return bytes(raw)
