"""Loading of photographs, upright, whatever orientation their EXIF data tells."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from warnings import catch_warnings

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from facekp.landmarks.frames import Letterbox
from facekp.utils.errors import DataError
from facekp.utils.files import open_regular

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pnm")
"""How the names of photographs in a folder end, in lower case."""
_REMEDY = "replace it with the original file"
_FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "WEBP", "PPM")  # Pillow runs other programs for some of the others
_MAX_PIXELS = 2**30 // 12  # 89 million, above which Pillow warns; decoding takes at most 4 bytes per pixel


def read_image_size(path: Path) -> tuple[int, int]:
    """(width, height) of an image when it is upright, from its header alone.

    Raises:
        DataError: if the file is not a readable image, or has too many pixels.
    """
    with _opened(path) as image:
        return _upright_size(image)


def load_image(path: Path, mode: str) -> np.ndarray:
    """Load one photograph at its full size.

    Args:
        path: the image file.
        mode: Pillow's name for the colours wanted: ``L`` for grey, ``RGB``.

    Returns:
        uint8 [height, width] or [height, width, channels].

    Raises:
        DataError: if the file is not a readable image, has too many pixels, or is damaged or cut short.
    """
    with _opened(path) as image, _decoding(path):
        return np.asarray(_eight_bits(_upright(image)).convert(mode))


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
    with _opened(path) as image, _decoding(path):
        size = _upright_size(image)
        left, top, width, height = Letterbox(size, input_size).placement
        image.draft("L", (width, height) if size == image.size else (height, width))
        grey = _eight_bits(_upright(image)).convert("L").resize((width, height), Image.Resampling.BOX)
    canvas = np.zeros((input_size[1], input_size[0]), np.uint8)
    canvas[top : top + height, left : left + width] = np.asarray(grey)
    return canvas


def _orientation(image: Image.Image) -> int:
    """What EXIF calls it, 1 to 8; from the header, so that an image that is not decoded yet stays so."""
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # Pillow would decode the whole image to look for it after the pixels
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # EXIF data that cannot be read tell nothing
        return 1


def _upright_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    sideways = _orientation(image) >= 5 and image.format != "TIFF"  # of which Pillow gives the upright size
    return (height, width) if sideways else (width, height)


def in_colours(image: Image.Image) -> Image.Image:
    """A Pillow image of any kind, upright and in red, green and blue."""
    return _eight_bits(_upright(image)).convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """A grey image of 16 bits or more with 8 bits; Pillow itself would cut off what is brighter than 255."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image, np.float32)
    return Image.fromarray((values / (257 if values.max() > 255 else 1)).clip(0, 255).astype(np.uint8))


def _upright(image: Image.Image) -> Image.Image:
    """A Pillow image as its EXIF orientation tells; the same image if it is upright already."""
    return image if _orientation(image) == 1 else ImageOps.exif_transpose(image)


@contextmanager
def _decoding(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # damaged bytes make the decoders raise almost anything
        raise DataError(f"{path} is damaged or cut short ({_reason(error)}); {_REMEDY}") from error


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    with ExitStack() as stack:
        try:
            stack.enter_context(catch_warnings(action="ignore", category=Image.DecompressionBombWarning))  # see below
            image = stack.enter_context(Image.open(stack.enter_context(open_regular(path)), formats=_FORMATS))
        except UnidentifiedImageError as error:
            raise DataError(f"{path} is not an image that can be read; {_REMEDY}") from error
        except Exception as error:
            raise DataError(f"{path} cannot be opened as an image ({_reason(error)}); {_REMEDY}") from error
        width, height = image.size
        if width * height > _MAX_PIXELS:
            raise DataError(f"{path} has {width}x{height} pixels, more than any photograph; make it smaller")
        if image.format in ("PNG", "WEBP") and getattr(image, "is_animated", False):
            raise DataError(f"{path} is animated; save one of its frames as an image")
        yield image


def _reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(said.split()) or type(error).__name__
