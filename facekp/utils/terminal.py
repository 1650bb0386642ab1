"""Printing to a terminal or a file."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDTH = 130  # without a terminal
_UNPRINTABLE = re.compile(  # control characters but for tab and newline, marks of direction, surrogates
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def console(stderr: bool = False) -> Console:
    """The console of this process, as wide as its terminal, and without colours and styles if NO_COLOR is set."""
    stream = sys.stderr if stderr else sys.stdout
    plain = bool(os.environ.get("NO_COLOR"))  # rich itself would keep bold and italics
    width = None if stream.isatty() else _WIDTH
    return _PlainConsole(stderr=stderr, color_system=None if plain else "auto", width=width, markup=False, emoji=False)


class _PlainConsole(Console):
    """Prints every text literally: markup such as [bold] and control characters have no effect."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text), **options)


def print_table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], title: str, texts: Collection[str] = ()
) -> None:
    """Print a title and a table. If the terminal is too narrow, the last columns are left out.

    Args:
        headings: of the columns; what follows a comma is in a second line.
        texts: headings of the columns that have texts, besides the first; numbers are aligned to the right.
    """
    table, out = Table(), console()
    for number, heading in enumerate(headings):
        table.add_column(heading.replace(", ", "\n"), justify="right" if number and heading not in texts else "left")
    for row in rows:
        table.add_row(*row)
    unbounded = out.options.update(max_width=sys.maxsize)
    left_out: list[str] = []
    while out.measure(table, options=unbounded).maximum > out.width and len(table.columns) > 1:
        left_out.insert(0, str(table.columns.pop().header).replace("\n", " "))
    out.print(title, style="italic", highlight=False, soft_wrap=True)
    out.print(table)
    if left_out:
        out.print(f"no room for: {', '.join(left_out)}", style="dim", highlight=False)


def display_path(path: Path) -> str:
    """A path for messages: relative to the working folder if it is inside."""
    return one_line(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))


def counted(number: int, one: str, more: str = "") -> str:
    """A number and what it counts, as in "1 epoch" and "2 epochs"."""
    return f"{number:,} {one if number == 1 else more or f'{one}s'}"


def one_line(text: str) -> str:
    """As :func:`printable`, and without line breaks."""
    return printable(text).replace("\n", r"\n")


def printable(text: str) -> str:
    """Text from outside, such as the name of a file, with control characters escaped as in ``repr``."""
    return _UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)
