"""The names of a sweep's runs, and its tables."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from facekp.evaluation.catalogue import COMPARED
from facekp.runs.find import runs_in
from facekp.runs.folder import RunFolder
from facekp.utils.files import write_csv
from facekp.utils.terminal import display_path

REPEATS = ("seed", "data.fold")
Row = dict[str, str]


class SweepTable(Callback):
    """Prints the runs of a sweep, best first, and writes them to sweep.csv in the sweep's folder.

    If seeds or folds were swept, their mean and standard deviation follow, also in sweep_summary.csv. The resolver
    ``swept`` names each run's folder by the run's number and its swept settings, as in ``0_lr-0.001_seed-0``.

    The command exits with status 1 if a run failed.
    """

    folder: Path | None = None
    """The folder of this process's sweep, once it has started."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        SweepTable.folder = Path(config.hydra.sweep.dir).absolute()
        SweepTable.folder.mkdir(parents=True, exist_ok=True)  # a sweeper may store something there
        listed = [f"{name}={values}" for name, values in (config.hydra.sweeper.get("params") or {}).items()]
        wanted = OverridesParser.create().parse_overrides([*listed, *config.hydra.overrides.task])
        self._swept = {override.get_key_element() for override in wanted if override.is_sweep_override()}
        self._register()

    def _register(self) -> None:
        OmegaConf.register_new_resolver("swept", lambda overrides: _label(overrides, self._swept), replace=True)

    def __setstate__(self, state: dict[str, Any]) -> None:  # launchers send it to the processes of the runs
        self.__dict__.update(state)
        self._register()

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        if close_sweep(Path(config.hydra.sweep.dir).absolute()):
            sys.exit(1)


def close_sweep(folder: Path) -> int:
    """Print and write the tables of the runs in a sweep's folder, and return how many failed."""
    rows = sorted((_row(run) for run in runs_in(folder)), key=lambda row: float(row.get("error_px", "inf")))
    _show(rows, folder / "sweep.csv", f"{len(rows)} runs, by error on the validation faces")
    done = [row for row in rows if row["status"] == "finished"]
    summary = _summary(done)
    if len(summary) < len(done):
        _show(summary, folder / "sweep_summary.csv", "mean ± standard deviation over seeds and folds")
    print(f"Sweep       {display_path(folder)}")
    print(f"Dashboard   tensorboard --logdir {display_path(folder)}")
    return sum(row["status"] == "failed" for row in rows)


def _label(overrides: Iterable[str], swept: Collection[str]) -> str:
    """The swept settings of one run, in characters that need no quotes in a shell."""
    settings = dict(override.split("=", 1) for override in overrides)
    parts = [f"_{_last(name)}-{value}" for name, value in settings.items() if name in swept]
    return re.sub(r"[^\w.+-]+", "-", "".join(parts))[:100]


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _row(run: RunFolder) -> Row:
    row = {"run": run.path.name} | run.settings
    if run.error.is_file():
        return row | {"status": "failed"}
    if not run.metrics_json.is_file() or any(part["finished"] is None for part in run.parts[-1:]):
        return row | {"status": "unfinished"}
    return (
        row | {"status": "finished"} | {name: f"{run.measured['metrics'].get(name, math.nan):.5g}" for name in COMPARED}
    )


def _summary(rows: Sequence[Row]) -> list[Row]:
    """One row per combination of settings other than seed and fold."""
    groups: dict[tuple[tuple[str, str], ...], list[Row]] = {}
    for row in rows:
        setting = tuple((k, v) for k, v in row.items() if k not in (*COMPARED, *REPEATS, "run", "status"))
        groups.setdefault(setting, []).append(row)
    return [
        dict(setting)
        | {"runs": str(len(group))}
        | {name: _spread(float(row[name]) for row in group) for name in COMPARED}
        for setting, group in groups.items()
    ]


def _spread(values: Iterable[float]) -> str:
    numbers = list(values)
    return f"{mean(numbers):.4g} ± {float(f'{stdev(numbers):.2g}'):g}" if len(numbers) > 1 else f"{numbers[0]:.4g}"


def _show(rows: Sequence[Row], path: Path, title: str) -> None:
    """Write all columns as CSV, and print those in which the rows differ."""
    from rich.table import Table

    from facekp.utils.terminal import print_table

    names = list(dict.fromkeys(name for row in rows for name in row))
    write_csv(path, rows)
    table = Table()
    values = {name: {row.get(name) for row in rows} - ({"finished"} if name == "status" else set()) for name in names}
    differing = [n for n in names if n in ("run", *COMPARED) or len(values[n]) > (n != "status")]
    for name in differing:
        table.add_column(_last(name), justify="right" if name in COMPARED else "left")
    for row in rows:
        cells = row | {"run": row.get("run", "").partition("_")[0]}
        table.add_row(*(cells.get(name, "") for name in differing))
    print_table(table, f"{title} ({display_path(path)})")
