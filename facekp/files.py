"""Files that are either as they were or complete, never in between."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a text file aside and put it in the place of what was there."""
    aside = path.with_name(path.name + ".part")
    aside.write_text(text, encoding="utf-8", newline="")
    os.replace(aside, path)
