"""Turn a finished sweep into docs/results and the README's part of it: ``python -m facekp publish [sweep folder]``.

The sweep's file under conf/sweep gives the results their name. For ``train.py -m sweep=published`` these are written:
``published.json`` (every run), ``published.md`` (tables), ``published.svg`` (every run's error) and
``published_curves.svg``; and in README.md whatever stands between ``<!-- published -->`` and ``<!-- /published -->`` is
replaced by the first table.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from omegaconf import OmegaConf

from facekp.config import CONF
from facekp.evaluation.catalogue import CATALOGUE, HEADLINE, Metric
from facekp.reporting.figures import PREDICTION, line_styles, new_figure
from facekp.runs.resume import finished, read_parts
from facekp.runs.sweep import REPEATS
from facekp.training.tensorboard import read_scalars
from facekp.utils.errors import DataError, FacekpError
from facekp.utils.files import write_text
from facekp.utils.terminal import display_path, one_line

_POSES = ("turned", "frontal")
_ERROR, _MSE = CATALOGUE["error_px"], CATALOGUE["mse_px2"]


def _column(metric: Metric, of: str = "") -> tuple[str, float, str]:
    return metric.title(of), metric.factor, f".{metric.decimals}f"


_COLUMNS = {
    **{key: _column(metric) for key, metric in HEADLINE.items()},
    **{f"error_px_{pose}": _column(_ERROR, f"on {pose} faces") for pose in _POSES},
    "mse_px2_raw": _column(_MSE, "on raw labels"),
    "mean_shape_mse_px2": _column(_MSE, "of the mean shape"),
    "minutes": ("training, min", 1, ".1f"),
}
"""Heading, factor and format of the columns of the tables."""


@dataclass(frozen=True)
class Result:
    """One finished run of a sweep.

    Args:
        overrides: what the sweep set for it.
        name: what was evaluated on what, as in its metrics.json.
        figures: the columns of the tables.
        by_type: ``mse_px2`` of each image type.
        curve: epochs from 1 and the ``mse_px2`` of the validation faces after each.
    """

    overrides: dict[str, str]
    name: dict[str, Any]
    figures: dict[str, float]
    by_type: dict[str, float]
    curve: tuple[list[int], list[float]]

    @property
    def setting(self) -> tuple[tuple[str, str], ...]:
        """The overrides but for seed and fold."""
        return tuple((key, value) for key, value in self.overrides.items() if key not in REPEATS)


def read_result(run: Path) -> Result:
    """Read a run folder.

    Raises:
        DataError: if the run did not finish.
    """
    measured = finished(run)
    if measured is None:
        raise DataError(
            f"{display_path(run)} did not finish; give the command of its sweep again, with hydra.sweep.dir"
        )
    rows, raw = measured["by_type"], measured.get("raw_labels", measured)["by_type"]
    seconds = sum(part["training_seconds"] or 0 for part in read_parts(run))
    figures = {name: rows["all"][name] for name in HEADLINE}
    figures |= {f"error_px_{pose}": rows[pose]["error_px"] for pose in _POSES if pose in rows}
    figures["mean_shape_mse_px2"] = measured["mean_shape"]["by_type"]["all"]["mse_px2"]
    values = read_scalars(run)["val/mse_px2"][1]
    return Result(
        overrides=dict(str(line).split("=", 1) for line in OmegaConf.load(run / ".hydra" / "overrides.yaml")),
        name={key: measured[key] for key in ("data", "labels", "split", "weights", "images", "epoch")},
        figures=figures | {"mse_px2_raw": raw["all"]["mse_px2"], "minutes": seconds / 60},
        by_type={kind: row["mse_px2"] for kind, row in rows.items()},
        curve=(list(range(1, len(values) + 1)), values),
    )


def groups_of(results: list[Result]) -> dict[str, list[Result]]:
    """The results of each setting, under a name that tells in what it differs from the others."""
    settings = list(dict.fromkeys(result.setting for result in results))
    common = set.intersection(*(set(setting) for setting in settings)) if len(settings) > 1 else set()
    return {
        " ".join(f"{key}={value}" for key, value in setting if (key, value) not in common): [
            result for result in results if result.setting == setting
        ]
        for setting in settings
    }


def publish(folder: Path, docs: Path, readme: Path) -> None:
    """Write what a sweep has shown into ``docs``, and its first table into ``readme``.

    Raises:
        DataError: if the folder is no sweep of conf/sweep, or one of its runs did not finish.
    """
    composed = folder / "multirun.yaml"
    name = OmegaConf.load(composed).hydra.runtime.choices.get("sweep") if composed.is_file() else None
    if name is None:
        raise DataError(
            f"{display_path(folder)} is not the folder of a sweep of conf/sweep; give one, or none for the newest"
        )
    runs = [run for run in folder.iterdir() if (run / ".hydra").is_dir()]
    results = [read_result(run) for run in sorted(runs, key=_number)]
    groups, origin = groups_of(results), _origin(results)
    table = _table(groups, origin)
    docs.mkdir(parents=True, exist_ok=True)
    content = [{"overrides": r.overrides, **r.name, **r.figures, "mse_px2_by_type": r.by_type} for r in results]
    write_text(docs / f"{name}.json", json.dumps(content, indent=1) + "\n")
    rows = [[f"`{setting}`", *_type_cells(results)] for setting, results in groups.items()]
    by_type = markdown_table([_MSE.title(), *results[0].by_type], rows)
    pictures = f"![every run's error]({name}.svg)\n\n![validation error by epoch]({name}_curves.svg)\n"
    write_text(docs / f"{name}.md", f"# {name}\n\n{table}\n## By image type\n\n{by_type}\n## Figures\n\n{pictures}")
    with rc_context({"svg.hashsalt": name}):
        for file, figure in ((name, dots(groups, origin)), (f"{name}_curves", curves(groups, origin))):
            figure.savefig(docs / f"{file}.svg", metadata={"Date": None})
    replace_part(readme, name, table)


def replace_part(readme: Path, name: str, text: str) -> None:
    """Put a text into the place of what stands between ``<!-- name -->`` and ``<!-- /name -->``."""
    part = rf"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)"
    whole = readme.read_text(encoding="utf-8")
    write_text(readme, re.sub(part, lambda match: f"{match[1]}\n{text}\n{match[2]}", whole, flags=re.DOTALL))


def _number(run: Path) -> int:
    """Its place in the sweep."""
    return int(OmegaConf.load(run / ".hydra" / "hydra.yaml").hydra.job.num)


def _origin(results: list[Result]) -> str:
    """On what the figures were measured."""
    kept = {key: list(dict.fromkeys(str(result.name[key]) for result in results)) for key in results[0].name}
    splits = re.sub(r"person fold \d+ of", "person folds of", ", ".join(kept["split"]))
    splits = ", ".join(dict.fromkeys(splits.split(", ")))
    return (
        f"{', '.join(kept['data'])}, {', '.join(kept['labels'])} labels, held-out faces of split {splits}, last weights"
    )


def _table(groups: dict[str, list[Result]], origin: str) -> str:
    there = [name for name in _COLUMNS if any(name in r.figures for results in groups.values() for r in results)]
    head = ["setting", "runs", "epochs", *(_COLUMNS[name][0] for name in there)]
    rows = [
        [f"`{setting}`", str(len(results)), str(results[0].name["epoch"]), *(_cell(results, name) for name in there)]
        for setting, results in groups.items()
    ]
    return f"{origin[0].upper()}{origin[1:]}; mean ± standard deviation over the runs.\n\n{markdown_table(head, rows)}"


def markdown_table(head: list[str], rows: Iterable[list[str]], texts: int = 1) -> str:
    """A table in Markdown.

    Args:
        head: the columns' headings.
        rows: a cell for each.
        texts: how many columns, from the left, hold words; the others hold figures.
    """
    lines = [head, [*("---" for _ in head[:texts]), *("--:" for _ in head[texts:])], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(results: list[Result], name: str) -> str:
    _, factor, form = _COLUMNS[name]
    return spread_text([factor * result.figures[name] for result in results if name in result.figures], form)


def _type_cells(results: list[Result]) -> list[str]:
    _, factor, form = _column(_MSE)
    return [spread_text([factor * result.by_type[kind] for result in results], form) for kind in results[0].by_type]


def spread_text(values: Sequence[float], form: str) -> str:
    """A mean, and its standard deviation where there are several values."""
    return f"{mean(values):{form}} ± {stdev(values):{form}}" if len(values) > 1 else f"{mean(values):{form}}"


def dots(groups: dict[str, list[Result]], caption: str) -> Figure:
    """The ``mse_px2`` of every run, a row for each setting, with the mean (bar) and its standard deviation (line)."""
    figure = new_figure(8, 1.4 + 0.35 * len(groups), "mean squared error of every run", caption)
    axes = figure.subplots()
    for row, results in enumerate(groups.values()):
        values = [result.figures["mse_px2"] for result in results]
        axes.plot(values, np.full(len(values), row), "o", color=PREDICTION, markersize=4, alpha=0.6)
        spread = stdev(values) if len(values) > 1 else 0
        axes.errorbar(mean(values), row, xerr=spread, fmt="|", color="black", markersize=12, capsize=3)
    axes.set_yticks(range(len(groups)), list(groups), fontsize=8)
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_xlim(left=0)
    axes.set_xlabel(_MSE.title())
    axes.grid(axis="x", alpha=0.3)
    return figure


def curves(groups: dict[str, list[Result]], caption: str) -> Figure:
    """The validation ``mse_px2`` after each epoch: the mean of a setting's runs, and the range from least to most."""
    figure = new_figure(9, 4.5, "validation error while training", caption)
    axes = figure.subplots()
    for (setting, results), (dash, colour) in zip(groups.items(), line_styles(), strict=False):
        shortest = min(len(result.curve[0]) for result in results)
        values = np.array([result.curve[1][:shortest] for result in results])
        epochs = results[0].curve[0][:shortest]
        axes.plot(epochs, values.mean(0), dash, color=colour, label=setting)
        axes.fill_between(epochs, values.min(0), values.max(0), color=colour, alpha=0.15, linewidth=0)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.tick_params(which="both", labelsize=8)
    axes.set_xlabel("epoch")
    axes.set_ylabel(_MSE.title())
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    return figure


def main(arguments: list[str]) -> None:
    """Publish the sweep that is named, by default the newest of outputs/sweeps, in this repository."""
    if {"-h", "--help"} & set(arguments):
        print(__doc__)
        return
    root = CONF.parent
    try:
        chosen = (
            Path(arguments[0]) if arguments else max(Path("outputs/sweeps").glob("*"), default=Path("outputs/sweeps"))
        )
        publish(chosen.absolute(), root / "docs" / "results", root / "README.md")
    except FacekpError as error:
        sys.exit(f"Error: {one_line(str(error))}")
    print(f"Written to {display_path(root / 'docs' / 'results')}")
