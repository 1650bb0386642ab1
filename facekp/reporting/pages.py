"""Self-contained HTML pages, which load nothing from the network."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from facekp.utils.files import write_text
from facekp.utils.terminal import printable

WORDS = {
    "held-out faces": "those of people whom the network has not seen in training",
    "mean shape": "the mean of the training points, predicted for every face: what a network must be better than",
    "raw, mended labels": "as their files have them; with the eye labels in order where a few files have them mixed up",
    "frontal, turned": "image types 1, 2 and 5; types 3 and 4, with the head turned by about 30 degrees",
    "inner": "all points but those of the jaw",
}
"""Words of the pages, and what they mean."""


def write_page(path: Path, template: str, **content: Any) -> None:
    """Render a template of templates/ and write the page, complete or not at all.

    Args:
        content: the variables of the template; texts are escaped, and control characters are made visible.
    """
    pages = Environment(
        loader=PackageLoader("facekp.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: printable(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    write_text(path, pages.get_template(template).render(content))


def inlined(folder: Path) -> dict[str, str]:
    """Each PNG file of a folder as a data URI, by its name without the ending."""
    return {path.stem: data_uri(path.read_bytes(), "png") for path in sorted(folder.glob("*.png"))}


def data_uri(image: bytes, kind: str) -> str:
    """An image as a data URI."""
    return f"data:image/{kind};base64,{b64encode(image).decode('ascii')}"
