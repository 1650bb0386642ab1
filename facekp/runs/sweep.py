"""The names of a sweep's runs, and its tables."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import product
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobReturn
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from facekp.config import checked
from facekp.evaluation.catalogue import COMPARED, HEADLINE
from facekp.runs.find import runs_in
from facekp.runs.folder import RunFolder
from facekp.runs.resume import sweeping
from facekp.utils.errors import DataError, FacekpError
from facekp.utils.files import name_of, write_csv
from facekp.utils.terminal import counted, display_path, one_line, print_table

REPEATS = ("seed", "data.fold")
Row = dict[str, str]


class SweepTable(Callback):
    """Prints each run of a sweep, at the end all, best first, and writes them to sweep.csv in the sweep's folder.

    If seeds or folds were swept, their mean and standard deviation follow, also in sweep_summary.csv. The resolver
    ``swept`` names each run's folder by the run's number and its swept settings, as in ``0_lr-0.001_seed-0``.

    The command exits with status 1 if a run failed, and before the first run if the settings of one are refused.
    """

    folder: Path | None = None
    """The folder of this process's sweep, once it has started."""
    compare: Callable[[Path], Path] | None = None
    """Writes a page that compares the runs of a sweep's folder, and returns its path."""

    def on_multirun_start(self, config: DictConfig, config_name: str | None = None, **kwargs: Any) -> None:
        listed = [f"{name}={values}" for name, values in (config.hydra.sweeper.get("params") or {}).items()]
        loader = GlobalHydra.instance().config_loader()
        wanted = OverridesParser.create(loader).parse_overrides([*listed, *config.hydra.overrides.task])
        self._swept = {override.get_key_element() for override in wanted if override.is_sweep_override()}
        jobs = _jobs(wanted)
        self._total = config.hydra.sweeper.get("n_trials") or len(jobs)
        _check(config_name, jobs, self._swept)
        SweepTable.folder = Path(config.hydra.sweep.dir).absolute()
        self._register()

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        if sweeping():
            values = " ".join(_values(config.hydra.overrides.task, self._swept))
            print(f"\nrun {config.hydra.job.num + 1} of {self._total}: {values}")

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        run = RunFolder(config.hydra.runtime.output_dir)
        if sweeping() and run.metrics_json.is_file() and not run.error.is_file():
            metrics = run.measured["metrics"]
            pairs = [(metric, metrics.get(name, math.nan)) for name, metric in HEADLINE.items()]
            known = [(metric, value) for metric, value in pairs if not math.isnan(value)]
            print("; ".join(f"{metric.heading} {metric.text(value)} {metric.unit}".strip() for metric, value in known))

    def _register(self) -> None:
        OmegaConf.register_new_resolver("swept", lambda overrides: _label(overrides, self._swept), replace=True)

    def __setstate__(self, state: dict[str, Any]) -> None:  # launchers send it to the processes of the runs
        self.__dict__.update(state)
        self._register()

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        folder = Path(config.hydra.sweep.dir).absolute()
        failed = close_sweep(folder)
        if self.compare:
            print("Comparing the runs, drawing ...")
            try:
                print(f"Page        {display_path(self.compare(folder))}")
            except FacekpError as error:
                print(f"No page     {one_line(str(error))}")
        if failed:
            sys.exit(1)


def _jobs(overrides: Iterable[Override]) -> list[tuple[str, ...]]:
    """The overrides of each run of a grid, without those that a search chooses from an interval."""
    choices: dict[str, list[str]] = {}
    for override in overrides:
        name = override.get_key_element()
        if override.is_discrete_sweep():
            choices[name] = [f"{name}={value}" for value in override.sweep_string_iterator()]
        elif not override.is_sweep_override():
            choices[name] = [override.input_line or name]
    return list(product(*choices.values()))


def _check(config_name: str | None, jobs: Sequence[tuple[str, ...]], swept: Collection[str]) -> None:
    """Exit if a value is invalid in every run that has it; errors of composition are left to Hydra."""
    refused: dict[tuple[str, ...], str] = {}
    for number, job in enumerate(jobs, 1):
        try:
            checked(compose(config_name, [*job, "run_dir=."]))
        except HydraException:
            return
        except FacekpError as error:
            refused[job] = f"run {number} of {len(jobs)} ({' '.join(_values(job, swept))}): {error}"
    for job, text in refused.items():
        if any(all(other in refused for other in jobs if value in other) for value in job):
            sys.exit(f"Error: {text}; nothing has been run")


def close_sweep(folder: Path) -> int:
    """Print and write the tables of the runs in a sweep's folder, and return how many failed or are damaged."""
    rows = sorted((_row(run) for run in runs_in(folder)), key=lambda row: float(row.get("error_px", "inf")))
    write_csv(folder / "sweep.csv", rows)
    _show(rows, f"{counted(len(rows), 'run')}, by error on the validation faces ({display_path(folder / 'sweep.csv')})")
    done = [row for row in rows if row["status"] == "finished"]
    summary = _summary(done)
    if len(summary) < len(done):
        path = folder / "sweep_summary.csv"
        write_csv(path, summary)
        _show(
            [_with_spread(row) for row in summary],
            f"mean ± standard deviation over seeds and folds ({display_path(path)})",
        )
    print(f"Sweep       {display_path(folder)}")
    print(f"Dashboard   tensorboard --logdir {display_path(folder)}")
    return sum(row["status"] in ("failed", "damaged") for row in rows)


def _label(overrides: Iterable[str], swept: Collection[str]) -> str:
    """The swept settings of one run, as the end of a folder's name."""
    return name_of("".join(f"_{value.replace('=', '-', 1)}" for value in _values(overrides, swept)))


def _values(overrides: Iterable[str], swept: Collection[str]) -> list[str]:
    """The swept settings of one run, as in ``lr=0.001``."""
    settings = dict(override.split("=", 1) for override in overrides if "=" in override)
    return [f"{_last(name)}={value}" for name, value in settings.items() if name in swept]


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _row(run: RunFolder) -> Row:
    row = {"run": run.path.name}
    try:
        row |= run.settings
        if run.error.is_file():
            return row | {"status": "failed"}
        if not run.metrics_json.is_file() or any(part["finished"] is None for part in run.parts[-1:]):
            return row | {"status": "unfinished"}
        metrics = {name: run.measured["metrics"].get(name, math.nan) for name in COMPARED}
    except DataError as error:
        print(f"Error: {one_line(str(error))}", file=sys.stderr)
        return row | {"status": "damaged"}
    known = {name: f"{value:.5g}" for name, value in metrics.items() if not math.isnan(value)}
    return row | {"status": "finished"} | known


def _summary(rows: Sequence[Row]) -> list[Row]:
    """One row per combination of settings other than seed and fold."""
    groups: dict[tuple[tuple[str, str], ...], list[Row]] = {}
    for row in rows:
        setting = tuple((k, v) for k, v in row.items() if k not in (*COMPARED, *REPEATS, "run", "status"))
        groups.setdefault(setting, []).append(row)
    summary = []
    for setting, group in groups.items():
        row = dict(setting) | {"runs": str(len(group))}
        for name in [name for name in COMPARED if all(name in each for each in group)]:
            values = [float(each[name]) for each in group]
            row[f"{name}_mean"] = f"{mean(values):.5g}"
            row[f"{name}_sd"] = f"{stdev(values):.5g}" if len(values) > 1 else ""
        summary.append(row)
    return summary


def _with_spread(row: Row) -> Row:
    """A row of the summary as it is printed."""
    told = {name: value for name, value in row.items() if not name.startswith(COMPARED)}
    for name in [name for name in COMPARED if f"{name}_sd" in row]:
        spread = row[f"{name}_sd"]
        deviation = spread and f" ± {float(f'{float(spread):.2g}'):g}"
        told[name] = f"{float(row[f'{name}_mean']):.4g}{deviation}"
    return told


def _show(rows: Sequence[Row], title: str) -> None:
    """Print the columns in which the rows differ."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    values = {name: {row.get(name) for row in rows} - ({"finished"} if name == "status" else set()) for name in names}
    differing = [n for n in names if n in ("run", *COMPARED) or len(values[n]) > (n != "status")]
    cells = [row | {"run": row.get("run", "").partition("_")[0]} for row in rows]
    texts = [_last(name) for name in differing if name not in COMPARED]
    print_table(list(map(_last, differing)), [[row.get(n, "") for n in differing] for row in cells], title, texts)
