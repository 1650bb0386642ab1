"""Compare runs with the first of them: ``python -m facekp compare <run folder> <run folder> ... [overrides]``.

A folder of run folders, such as a sweep's, stands for all of its runs. Overrides are those of ``evaluate.py``, such as
``output_dir=...``; ``python evaluate.py compare=[<run folder>,<run folder>]`` does the same.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from facekp.config import EvaluateConfig
from facekp.evaluation.comparison import PredictionTable, common_ground, compare_tables
from facekp.evaluation.errors import image_masks
from facekp.reporting.comparison_page import draw, print_comparison, write_comparison_page
from facekp.runs.command_line import hydra_main, run_command
from facekp.runs.find import find_runs
from facekp.runs.folder import RunFolder
from facekp.runs.resume import quoted
from facekp.runs.settings import differing_overrides, differing_settings
from facekp.utils.files import write_csv, write_text
from facekp.utils.terminal import display_path


def compare(config: EvaluateConfig, printed: bool = True) -> dict[str, Any]:
    """Write compare.html, compare.csv, compare.json and figures/*.png for the given runs.

    Returns:
        The content of compare.json.

    Raises:
        ConfigError: if the runs cannot be compared.
        DataError: if a file of a run is damaged.
    """
    folders, left_out = find_runs(config.compare)
    runs = common_ground({name: folder.predictions for name, folder in folders.items()})
    losses = {name: folder.scalars for name, folder in folders.items()}
    compared = _described(folders, runs) | {"skipped": [display_path(run.path) for run in left_out]}
    folder = Path(config.output_dir or Path("outputs", "compare", f"{datetime.now():%Y-%m-%d_%H-%M-%S}"))
    write_text(folder / "compare.json", json.dumps(compared, indent=1) + "\n")
    write_csv(folder / "compare.csv", [_flat(row) for row in compared["runs"]])
    write_comparison_page(folder, compared, draw(compared, runs, losses))
    if printed:
        print_comparison(compared)
        print(f"Page        {display_path(folder / 'compare.html')}")
    return compared


def main(arguments: list[str]) -> None:
    """Compare the run folders that are named."""
    if not arguments or {"-h", "--help"} & set(arguments):
        print(__doc__)
        sys.exit(0 if arguments else 2)
    overrides = [argument for argument in arguments if "=" in argument and not Path(argument).exists()]
    folders = ",".join(quoted(argument) for argument in arguments if argument not in overrides)
    sys.argv[1:] = [*overrides, f"compare=[{folders}]"]
    run_command(hydra_main("evaluate", compare))


def _described(folders: Mapping[str, RunFolder], runs: Mapping[str, PredictionTable]) -> dict[str, Any]:
    """All metrics of the runs on common ground, and their origin."""
    measured = [folder.measured for folder in folders.values()]
    (first, *_) = runs.values()
    rows = [
        {
            "run": name,
            "folder": display_path(folder.path),
            "overrides": overrides,
            "settings": settings,
            "images": len(folder.predictions.images),
            "points": len(folder.predictions.point_indices),
            **metrics,
        }
        for (name, folder), overrides, settings, metrics in zip(
            folders.items(),
            differing_overrides(list(folders.values())),
            differing_settings(list(folders.values())),
            compare_tables(list(runs.values())),
            strict=True,
        )
    ]
    return {
        "data": measured[0]["data"],
        "labels": first.labels,
        "splits": sorted({each["split"] for each in measured}),
        "weights": sorted({each["weights"] for each in measured}),
        "images": len(first.images),
        "images_by_type": {kind: int(mask.sum()) for kind, mask in image_masks(first.types).items()},
        "people": len(set(first.people.tolist())),
        "points": len(first.point_indices),
        "runs": rows,
    }


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A run as a row of compare.csv, with its settings, metrics and differences."""
    nested = ("settings", "difference", "error_px_by_type")
    differences = {
        f"difference_{name}_{part}": value
        for name, difference in row.get("difference", {}).items()
        for part, value in difference.items()
    }
    return {name: value for name, value in row.items() if name not in nested} | row["settings"] | differences
