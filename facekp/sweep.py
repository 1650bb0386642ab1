"""The table that closes a sweep."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

TABLE = "sweep.csv"
_FIGURES = ("error_px", "mse_px2", "nme", "error_px_turned")


class SweepTable(Callback):
    """Print the runs of a sweep, best first, and write them to sweep.csv in the sweep's folder."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        folder = Path(config.hydra.sweep.dir)
        rows = [_row(run) for run in sorted(folder.iterdir()) if (run / ".hydra" / "overrides.yaml").is_file()]
        rows.sort(key=lambda row: float(row.get("error_px", "inf")))
        names = list(dict.fromkeys(name for row in rows for name in row))
        with (folder / TABLE).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names, restval="")
            writer.writeheader()
            writer.writerows(rows)
        _print(rows, names, folder)


def _row(run: Path) -> dict[str, str]:
    overrides = OmegaConf.load(run / ".hydra" / "overrides.yaml")
    row = {"run": run.name} | dict(str(override).split("=", 1) for override in overrides)
    if (run / "metrics.json").is_file():
        metrics = json.loads((run / "metrics.json").read_text())["metrics"]
        return row | {"status": "finished"} | {name: f"{metrics[name]:.5g}" for name in _FIGURES}
    return row | {"status": "failed"}


def _print(rows: list[dict[str, str]], names: list[str], folder: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    differing = [name for name in names if name in ("run", "status") or len({row.get(name) for row in rows}) > 1]
    table = Table(title=f"{len(rows)} runs, by error on the validation faces ({os.path.relpath(folder / TABLE)})")
    for name in differing:
        table.add_column(name, justify="right" if name in _FIGURES else "left")
    for row in rows:
        table.add_row(*(row.get(name, "") for name in differing))
    console = Console()
    (console if console.is_terminal else Console(width=160)).print(table)
