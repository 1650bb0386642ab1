"""Photographs in any form, upright, as a predictor takes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from facekp.data.images import in_colours, load_image
from facekp.utils.errors import DataError
from facekp.utils.files import user_path

Picture = str | Path | np.ndarray | Image.Image
"""The path of a photograph, a Pillow image, or an array: uint8, grey [H, W], RGB [H, W, 3] or RGBA [H, W, 4]."""


def as_pillow(picture: Picture) -> Image.Image:
    """A photograph, upright, as a Pillow image in red, green and blue.

    Raises:
        DataError: if it cannot be read, or is an array of another kind.
    """
    if isinstance(picture, (str, Path)):
        return Image.fromarray(load_image(user_path(picture), "RGB"))
    if isinstance(picture, Image.Image):
        return in_colours(picture)
    kinds = {2: "L", 3: {3: "RGB", 4: "RGBA"}.get(picture.shape[-1])}
    if picture.dtype != np.uint8 or not kinds.get(picture.ndim) or 0 in picture.shape:
        raise DataError(
            f"an array of {picture.dtype} {list(picture.shape)} is no photograph; "
            "give uint8 [H, W], [H, W, 3] (red, green, blue) or [H, W, 4]"
        )
    return in_colours(Image.fromarray(picture))
