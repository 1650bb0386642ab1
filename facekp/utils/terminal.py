"""How tables and progress are printed, on a terminal and where there is none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

_WIDTH = 130  # where there is no terminal


def console(stderr: bool = False) -> Console:
    """The console of this process: as wide as its terminal, and without colours or type styles under NO_COLOR.

    Args:
        stderr: write there instead of to stdout.
    """
    stream = sys.stderr if stderr else sys.stdout
    plain = bool(os.environ.get("NO_COLOR"))  # rich itself would go on with bold and italics
    return Console(stderr=stderr, color_system=None if plain else "auto", width=None if stream.isatty() else _WIDTH)


def print_table(table: Table, title: str) -> None:
    """Print a title and a table; columns for which the terminal is too narrow are left out, the last ones first.

    Args:
        table: without a title of its own; no cell of it is folded.
        title: may be longer than the table is wide.
    """
    out = console()
    unbounded = out.options.update(max_width=sys.maxsize)
    left_out: list[str] = []
    while out.measure(table, options=unbounded).maximum > out.width and len(table.columns) > 1:
        left_out.insert(0, str(table.columns.pop().header).replace("\n", " "))
    out.print(title, style="italic", markup=False, highlight=False, soft_wrap=True)
    out.print(table)
    if left_out:
        out.print(f"no room for: {', '.join(left_out)}", style="dim", highlight=False)


def display_path(path: Path) -> str:
    """A path as a person would type it: relative to the working folder where it lies inside."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
