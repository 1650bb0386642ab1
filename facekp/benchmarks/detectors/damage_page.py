"""Errors under growing damage: the numbers, their tables and one figure, for docs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter

from facekp.benchmarks.detectors.base import Baseline
from facekp.benchmarks.detectors.damage import DAMAGES, damaged
from facekp.benchmarks.detectors.methods import origin_of
from facekp.data.records import Record
from facekp.evaluation.catalogue import CATALOGUE
from facekp.evaluation.comparison import difference_of
from facekp.evaluation.errors import Predictions, errors_of
from facekp.inference.scenes import MARKED
from facekp.landmarks.scheme import Scheme
from facekp.reporting.comparison_page import difference_text
from facekp.reporting.figures import BASELINE, line_styles, new_figure, wrapped
from facekp.reporting.published import markdown_table, spread_table, write_published

_METRICS = {"inner_nme": (CATALOGUE["nme"], "of inner points"), "mse_px2": (CATALOGUE["mse_px2"], "")}
_COUNTS = {
    "missed": "no face seen",
    "gross": f"NME of inner points above {100 * MARKED:.0f} %",
    "unannounced": "of these, with a face seen",
}
_COLUMNS = {key: (metric.title(of), metric.text) for key, (metric, of) in _METRICS.items()}
_COLUMNS |= {key: (heading, "{:.0f}".format) for key, heading in _COUNTS.items()}
_ALL = "all damage"
_HIGHEST = 120  # in the figure
Methods = Mapping[str, Sequence[Baseline]]
"""Every method by its name, with its runs: one for each seed of a network."""
Measured = Mapping[str, Any]


def measure(methods: Methods, records: Sequence[Record], scheme: Scheme, origin: Mapping[str, str]) -> dict[str, Any]:
    """Predict photographs at every level of every damage.

    Args:
        methods: fitted.
        records: the photographs, undamaged.
        origin: ``data`` and ``labels``.

    Returns:
        All numbers of the page, for JSON. A method has for each metric and each damage a list of levels, the first
        without damage, and for each level a list of its runs.
    """
    plain = _values(methods, records, scheme)
    with TemporaryDirectory() as folder:
        grid = [
            [plain]
            + [
                _values(methods, [damaged(each, name, level, scheme, Path(folder)) for each in records], scheme)
                for level in levels
            ]
            for name, (_, levels) in DAMAGES.items()
        ]
    values = {name: np.array([[level[name] for level in levels] for levels in grid]) for name in methods}
    people = np.array([record.person for record in records])
    return {
        **origin,
        "images": len(records),
        "people": len(np.unique(people)),
        "levels": {name: list(kind.levels) for name, kind in DAMAGES.items()},
        "methods": [_row(name, runs, values[name]) for name, runs in methods.items()],
        "differences": [
            {"network": mine, "detector": other, **_differences(values[mine], values[other], people)}
            for mine in methods
            if methods[mine][0].kind == "network"
            for other in methods
            if methods[other][0].kind == "detector"
        ],
    }


def _values(methods: Methods, records: Sequence[Record], scheme: Scheme) -> dict[str, np.ndarray]:
    """By method, float64 [R, 5, N]: the metrics and the counts on N images by R runs."""
    truth = np.stack([record.keypoints for record in records])
    sizes = np.array([record.image_size for record in records], np.float32)
    inner, every = np.array(scheme.select("inner")), scheme.select("all")
    found: dict[str, list[Any]] = {name: [] for name in methods}
    for name, runs in methods.items():
        for run in runs:
            run.missed.clear()
            keypoints = np.stack([run.predict(record) for record in records])
            errors = errors_of(Predictions(keypoints, truth, sizes, every, scheme))
            nme, missed = errors.of(points=inner).normalised.mean(1), [record.name in run.missed for record in records]
            gross = nme > MARKED
            found[name].append([nme, errors.squared_px2.mean(1), missed, gross, gross & ~np.array(missed)])
    return {name: np.array(rows, float) for name, rows in found.items()}


def _row(name: str, runs: Sequence[Baseline], values: np.ndarray) -> dict[str, Any]:
    """One method, of values [D, L, R, 5, N]."""
    told = {}
    for key, column in zip(_COLUMNS, np.moveaxis(values, 3, 0), strict=True):
        each = column.mean(-1) if key in _METRICS else column.sum(-1).astype(int)
        told[key] = dict(zip(DAMAGES, each.tolist(), strict=True))
    return {"name": name, "kind": runs[0].kind, "given": runs[0].given, "runs": len(runs), **told}


def _differences(mine: np.ndarray, other: np.ndarray, people: np.ndarray) -> dict[str, Any]:
    """Differences of the areas under the curves, for each damage and for the mean of all."""
    areas = [values.mean((1, 2)) for values in (mine, other)]  # [D, 5, N]
    one, two = (dict(zip((*DAMAGES, _ALL), [*area, area.mean(0)], strict=True)) for area in areas)
    return {
        key: {name: difference_of(one[name][row], two[name][row], people) for name in one}
        for row, key in enumerate(_METRICS)
    }


def write(found: Measured, docs: Path, pages: Sequence[Path]) -> None:
    """Write the numbers of :func:`measure`; see :func:`facekp.reporting.published.write_published`."""
    write_published(
        "damage",
        content=found,
        summary=overview(found),
        details=details(found),
        figure=("error by the level of damage", draw(found)),
        docs=docs,
        pages=pages,
    )


def overview(found: Measured) -> str:
    """The areas under the curves, how those of the first network differ from the detectors', and the counts."""
    pictures = found["images"] * sum(map(len, found["levels"].values()))
    rows = {
        (row["name"], row["given"], str(row["runs"])): {key: _reduced(row, key, found["levels"]) for key in _COUNTS}
        for row in found["methods"]
    }
    counts = spread_table(["method", "given", "runs"], rows, _COLUMNS, texts=2)
    return (
        f"{_origin(found)}; mean ± standard deviation over the runs.\n\n"
        f"Area under each curve: the mean over no damage and five levels.\n\n{_areas(found, 'inner_nme')}\n"
        f"{_differences_of(found, found['methods'][0]['name'], 'inner_nme')}\n"
        f"Of {pictures:,} damaged photographs:\n\n{counts}"
    )


def details(found: Measured) -> str:
    """The other tables of the page."""
    parts = [f"## Area under the curve of the MSE\n\n{_areas(found, 'mse_px2')}"]
    for row in found["methods"]:
        if row["kind"] == "network":
            tables = (_differences_of(found, row["name"], key) for key in _METRICS)
            parts.append(f"## {row['name']} and the detectors\n\n" + "\n".join(tables))
    parts += [f"## By level: {heading}\n\n{_by_level(found, key)}" for key, (heading, _) in _COLUMNS.items()]
    return "\n".join(parts)


def _origin(found: Measured) -> str:
    return f"{origin_of(found)} (split course)"


def _reduced(row: Mapping[str, Any], key: str, damages: Collection[str]) -> list[float]:
    """For each run, the mean of a metric over all levels, or a count on the damaged photographs."""
    first, reduce = (0, np.mean) if key in _METRICS else (1, np.sum)
    return reduce(np.concatenate([row[key][name][first:] for name in damages]), axis=0).tolist()


def _areas(found: Measured, key: str) -> str:
    scopes = {name: [name] for name in found["levels"]} | {_ALL: [*found["levels"]]}
    rows = {
        (name,): {row["name"]: _reduced(row, key, damages) for row in found["methods"]}
        for name, damages in scopes.items()
    }
    return _by_method(found, key, rows)


def _by_level(found: Measured, key: str) -> str:
    rows = {
        (f"{name} {level:g}" if level else "none",): {row["name"]: row[key][name][number] for row in found["methods"]}
        for name, levels in found["levels"].items()
        for number, level in enumerate((0, *levels))
    }
    return _by_method(found, key, rows)


def _by_method(found: Measured, key: str, rows: Mapping[Any, Mapping[str, Sequence[float]]]) -> str:
    heading, text = _COLUMNS[key]
    return spread_table([heading], rows, {row["name"]: (row["name"], text) for row in found["methods"]})


def _differences_of(found: Measured, network: str, key: str) -> str:
    pairs = [pair for pair in found["differences"] if pair["network"] == network]
    rows = [
        [
            name,
            *(f"{difference_text(_METRICS[key][0], pair[key][name])}: {pair[key][name]['verdict']}" for pair in pairs),
        ]
        for name in (*found["levels"], _ALL)
    ]
    return markdown_table([_COLUMNS[key][0], *(f"{network} − {pair['detector']}" for pair in pairs)], rows)


def draw(found: Measured) -> Figure:
    """The inner NME of each method over the levels, one panel for each damage."""
    title = f"{_COLUMNS['inner_nme'][0]}, under growing damage (cut off at {_HIGHEST})"
    figure = new_figure(10, 8, title, _origin(found))
    *panels, last = figure.subplots(3, 4, sharey=True).flat
    for panel, (name, levels) in zip(panels, found["levels"].items(), strict=True):
        panel.axhline(100 * MARKED, color=BASELINE, linewidth=0.8, linestyle=":")
        for row, (dash, colour) in zip(found["methods"], line_styles(), strict=False):
            means = 100 * np.mean(row["inner_nme"][name], axis=1)
            panel.plot(means, dash, color=colour, marker=".", linewidth=1.4, label=row["name"])
        panel.set_title(name, fontsize=10)
        panel.set_xticks(range(len(levels) + 1), ["none", *(f"{level:g}" for level in levels)], fontsize=8)
        panel.set_xlabel(wrapped(DAMAGES[name].unit, 2.4), fontsize=8)
        panel.set_yscale("log")
        panel.yaxis.set_major_locator(FixedLocator([4, 6, 10, 15, 25, 50, 100]))
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter(NullFormatter())
        panel.set_ylim(3, _HIGHEST)
        panel.grid(alpha=0.3)
    last.set_axis_off()
    last.legend(*panels[0].get_legend_handles_labels(), loc="center left", fontsize=9, frameon=False)
    return figure
