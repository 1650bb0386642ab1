"""Loading of photographs as grey images of a given size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from facekp.landmarks.frames import Letterbox
from facekp.utils.errors import DataError
from facekp.utils.files import open_regular

_REMEDY = "replace it with the original file"
_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "PPM")  # Pillow runs other programs for some of the others
_MAX_PIXELS = 2**30 // 12  # 89 million, above which Pillow warns; decoding takes at most 4 bytes per pixel


def read_image_size(path: Path) -> tuple[int, int]:
    """(width, height) of an image, from its header alone.

    Raises:
        DataError: if the file is not a readable image, or has too many pixels.
    """
    with _opened(path) as image:
        return image.size


def load_grey(path: Path, input_size: tuple[int, int]) -> np.ndarray:
    """Load one photograph as the input of a network.

    A JPEG is decoded at 1/2, 1/4 or 1/8 of its size if that is large enough. The aspect ratio is kept: the photograph
    is centred between black bars (see :class:`facekp.landmarks.frames.Letterbox`).

    Args:
        path: the image file.
        input_size: (width, height) of the result.

    Returns:
        uint8 [height, width].

    Raises:
        DataError: if the file is not a readable image, has too many pixels, or is damaged or cut short.
    """
    with _opened(path) as image:
        left, top, width, height = Letterbox(image.size, input_size).placement
        try:
            image.draft("L", (width, height))
            grey = image.convert("L").resize((width, height), Image.Resampling.BOX)
        except Exception as error:  # damaged bytes make the decoders raise almost anything
            raise DataError(f"{path} is damaged or cut short ({_reason(error)}); {_REMEDY}") from error
    canvas = np.zeros((input_size[1], input_size[0]), np.uint8)
    canvas[top : top + height, left : left + width] = np.asarray(grey)
    return canvas


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    with ExitStack() as stack:
        try:
            image = stack.enter_context(Image.open(stack.enter_context(open_regular(path)), formats=_FORMATS))
        except UnidentifiedImageError as error:
            raise DataError(f"{path} is not an image that can be read; {_REMEDY}") from error
        except Exception as error:
            raise DataError(f"{path} cannot be opened as an image ({_reason(error)}); {_REMEDY}") from error
        width, height = image.size
        if width * height > _MAX_PIXELS:
            raise DataError(f"{path} has {width}x{height} pixels, more than any photograph; make it smaller")
        yield image


def _reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(said.split()) or type(error).__name__
