"""Self-contained HTML pages, which load nothing from the network."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from facekp.utils.files import write_text
from facekp.utils.terminal import printable


def write_page(path: Path, template: str, **content: Any) -> None:
    """Render a template of templates/ and write the page, complete or not at all.

    Args:
        path: of the page.
        template: its file name.
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
    return {
        path.stem: f"data:image/png;base64,{b64encode(path.read_bytes()).decode('ascii')}"
        for path in sorted(folder.glob("*.png"))
    }
