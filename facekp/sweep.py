"""The tables that close a sweep."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from facekp.cli import shown

_FIGURES = ("error_px", "mse_px2", "nme", "error_px_turned")
_REPEATS = ("seed", "data.fold")
Row = dict[str, str]


class SweepTable(Callback):
    """Print the runs of a sweep, best first, and write them to sweep.csv in the sweep's folder.

    Where seeds or folds were swept, their mean and standard deviation follow, also in sweep_summary.csv.
    """

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        folder = Path(config.hydra.sweep.dir).absolute()
        runs = [run for run in sorted(folder.iterdir()) if (run / ".hydra" / "overrides.yaml").is_file()]
        rows = sorted((_row(run) for run in runs), key=lambda row: float(row.get("error_px", "inf")))
        _show(rows, folder / "sweep.csv", f"{len(rows)} runs, by error on the validation faces")
        summary = _summary([row for row in rows if row["status"] == "finished"])
        if len(summary) < len(rows):
            _show(summary, folder / "sweep_summary.csv", "mean ± standard deviation over seeds and folds")


def _row(run: Path) -> Row:
    overrides = OmegaConf.load(run / ".hydra" / "overrides.yaml")
    row = {"run": run.name} | dict(str(override).split("=", 1) for override in overrides)
    if not (run / "metrics.json").is_file():
        return row | {"status": "failed"}
    metrics = json.loads((run / "metrics.json").read_text())["metrics"]
    return row | {"status": "finished"} | {name: f"{metrics[name]:.5g}" for name in _FIGURES}


def _summary(rows: Sequence[Row]) -> list[Row]:
    """One row for each setting of everything but seed and fold."""
    groups: dict[tuple[tuple[str, str], ...], list[Row]] = {}
    for row in rows:
        setting = tuple((k, v) for k, v in row.items() if k not in (*_FIGURES, *_REPEATS, "run", "status"))
        groups.setdefault(setting, []).append(row)
    return [
        dict(setting)
        | {"runs": str(len(group))}
        | {name: _spread(float(row[name]) for row in group) for name in _FIGURES}
        for setting, group in groups.items()
    ]


def _spread(values: Iterable[float]) -> str:
    numbers = list(values)
    return f"{mean(numbers):.4g} ± {stdev(numbers):.2g}" if len(numbers) > 1 else f"{numbers[0]:.4g}"


def _show(rows: Sequence[Row], path: Path, title: str) -> None:
    """Write all columns as CSV; print those in which the rows differ."""
    from rich.console import Console
    from rich.table import Table

    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)
    table = Table(title=f"{title} ({shown(path)})", title_justify="left")
    differing = [name for name in names if name in ("run", *_FIGURES) or len({row.get(name) for row in rows}) > 1]
    for name in differing:
        table.add_column(name, justify="right" if name in _FIGURES else "left")
    for row in rows:
        table.add_row(*(row.get(name, "") for name in differing))
    console = Console()
    (console if console.is_terminal else Console(width=130)).print(table)
