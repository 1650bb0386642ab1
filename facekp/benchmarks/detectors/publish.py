"""The comparison into docs/results and README.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import rc_context

from facekp.benchmarks.detectors.comparison import measure
from facekp.benchmarks.detectors.methods import by_image, read_methods
from facekp.benchmarks.detectors.page import details, draw, overview
from facekp.data.records import Record
from facekp.landmarks.scheme import Scheme
from facekp.reporting.publish import replace_part
from facekp.utils.files import write_text

_NAME = "comparison"


def publish(paths: Sequence[str], records: Sequence[Record], scheme: Scheme, docs: Path, readme: Path) -> None:
    """Compare the methods whose run folders are named, and write what comes of it.

    Args:
        paths: run folders of ours and of peers, or folders of such.
        records: all photographs of the data.
        scheme: their landmarks.
        docs: where ``comparison.json``, ``.md`` and ``.svg`` go.
        readme: its part between ``<!-- comparison -->`` and ``<!-- /comparison -->`` is replaced.

    Raises:
        ConfigError, DataError: see :func:`facekp.benchmarks.detectors.methods.read_methods`.
    """
    methods = read_methods(paths, scheme)
    compared = measure(methods, records, scheme)
    errors = {m.name: np.concatenate([by_image(run, scheme)["inner_nme"] for run in m.course]) for m in methods}
    docs.mkdir(parents=True, exist_ok=True)
    write_text(docs / f"{_NAME}.json", json.dumps(compared, indent=1) + "\n")
    text = f"# {_NAME}\n\n{overview(compared)}\n{details(compared)}\n![how good, and at what cost]({_NAME}.svg)\n"
    write_text(docs / f"{_NAME}.md", text)
    with rc_context({"svg.hashsalt": _NAME}):
        draw(compared, errors).savefig(docs / f"{_NAME}.svg", metadata={"Date": None})
    replace_part(readme, _NAME, overview(compared))
