"""Publishing of results: a page with tables and figures, a file with all numbers, and parts of other pages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from facekp.utils.files import write_text

Columns = Mapping[str, tuple[str, Callable[[float], str]]]
"""The columns of a table by key: headings, and the format of their numbers."""


def write_published(
    name: str,
    content: Any,
    summary: str,
    details: str,
    figure: tuple[str, Figure],
    docs: Path,
    pages: Sequence[Path],
) -> None:
    """Write ``<name>.json``, ``<name>.md`` and ``<name>.svg`` into ``docs``, and the summary into other pages.

    The same results give identical files.

    Args:
        summary: Markdown, the beginning of the page, which :func:`replace_part` also writes to ``pages``.
        details: Markdown, the rest of the page.
        figure: shown at the end of the page, and what it shows in words.
        pages: other pages that have the summary.
    """
    shown, drawn = figure
    docs.mkdir(parents=True, exist_ok=True)
    write_text(docs / f"{name}.json", json.dumps(content, indent=1) + "\n")
    write_text(docs / f"{name}.md", f"# {name}\n\n{summary}\n{details}\n![{shown}]({name}.svg)\n")
    with rc_context({"svg.hashsalt": name}):
        drawn.savefig(docs / f"{name}.svg", metadata={"Date": None})
    replace_part(pages, name, summary)


def replace_part(pages: Sequence[Path], name: str, text: str) -> None:
    """Replace the text between ``<!-- name -->`` and ``<!-- /name -->`` in the pages that have it."""
    part = rf"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)"
    for page in pages:
        whole = page.read_text(encoding="utf-8")
        write_text(page, re.sub(part, lambda found: f"{found[1]}\n{text}\n{found[2]}", whole, flags=re.DOTALL))


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]], texts: int = 1) -> str:
    """A table in Markdown.

    Args:
        texts: number of columns with text, from the left; the others have numbers.
    """
    lines = [head, [*("---" for _ in head[:texts]), *("--:" for _ in head[texts:])], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def spread_table(
    head: Sequence[str], rows: Mapping[Any, Mapping[str, Sequence[float]]], columns: Columns, texts: int = 1
) -> str:
    """A table in Markdown of values over several runs, without empty columns.

    Args:
        rows: the numbers of the runs by column, by the texts of the first columns.
    """
    there = [name for name in columns if any(row.get(name) for row in rows.values())]
    cells = [
        [*first, *(spread_text(row.get(name, ()), columns[name][1]) for name in there)] for first, row in rows.items()
    ]
    return markdown_table([*head, *(columns[name][0] for name in there)], cells, texts)


def spread_text(values: Sequence[float], text: Callable[[float], str]) -> str:
    """A mean, with the standard deviation if there are several values; a dash if there is none."""
    if not values:
        return "–"
    return text(mean(values)) + (f" ± {text(stdev(values))}" if len(values) > 1 else "")
