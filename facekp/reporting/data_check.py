"""A check of a data set before training: its content, and labels that are wrong or may be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from facekp.config import Config
from facekp.data.images import load_grey
from facekp.data.readers.danes import swapped_eyes
from facekp.data.records import Record, name_of_type
from facekp.data.shape_model import ShapeFits, fit_others
from facekp.landmarks.scheme import DANES, Scheme
from facekp.reporting.data_browse import read_chosen
from facekp.utils.errors import DataError
from facekp.utils.terminal import console, display_path, print_table

_SUSPECTS = 12


@dataclass(frozen=True)
class Report:
    """The result of a check.

    Args:
        misordered: by image, the eyes that are mis-ordered in the raw labels.
        mended: whether they are correct in the checked records.
        outside: by image, the points outside the frame.
        fits: how well the labels fit a shape model, or why there is none.
    """

    records: Sequence[Record]
    scheme: Scheme
    misordered: dict[str, list[str]]
    mended: bool
    outside: dict[str, list[int]]
    fits: ShapeFits | str


def run(config: Config, folder: Path) -> Report:
    """Check the data set of a config, print a report, and draw suspicious labels in ``folder/suspects.png``.

    Args:
        config: checked, see :func:`facekp.config.checked`; only ``data`` matters.

    Raises:
        ConfigError: if the settings leave no face.
        DataError: if the data cannot be used.
    """
    records, scheme = read_chosen(config.data)
    report = check(records, scheme)
    name = f"{config.data.name}, {config.data.labels} labels"
    _print_counts(records, f"{name}: {len(records)} photographs, {len(scheme)} points each")
    findings = Table.grid(padding=(0, 2))
    for kind, finding in _findings(report):
        findings.add_row(kind, finding)
    console().print(findings)
    if isinstance(report.fits, ShapeFits):
        print(f"Drawn in  {display_path(_show_suspects(report, report.fits, name, folder))}")
    return report


def check(records: Sequence[Record], scheme: Scheme) -> Report:
    """Check labels for faults."""
    outside = {r.name: np.flatnonzero(((r.keypoints < 0) | (r.keypoints > 1)).any(1)).tolist() for r in records}
    try:
        fits: ShapeFits | str = fit_others(records)
    except DataError as error:
        fits = str(error)
    return Report(
        records,
        scheme,
        misordered=_misordered({record.name: record.raw_keypoints for record in records}, scheme),
        mended=not _misordered({record.name: record.keypoints for record in records}, scheme),
        outside={name: points for name, points in outside.items() if points},
        fits=fits,
    )


def _misordered(labels: Mapping[str, np.ndarray], scheme: Scheme) -> dict[str, list[str]]:
    if scheme != DANES:  # the rule holds for its eyes only
        return {}
    faulty = {name: swapped_eyes(keypoints) for name, keypoints in labels.items()}
    return {name: [scheme.group_of(eye[0]).name for eye in eyes] for name, eyes in faulty.items() if eyes}


def _print_counts(records: Sequence[Record], title: str) -> None:
    cells = Counter((record.sex or "?", record.image_type or 0) for record in records)
    sexes, types = sorted({sex for sex, _ in cells}), sorted({kind for _, kind in cells})
    rows = {sex: [cells[sex, kind] for kind in types] for sex in sexes}
    rows["all"] = [sum(column) for column in zip(*rows.values(), strict=True)]
    counts = [[sex, *map(str, [*row, sum(row)])] for sex, row in rows.items()]
    print_table(["sex", *map(name_of_type, types), "all"], counts, title)


def _findings(report: Report) -> Iterator[tuple[str, str]]:
    photographs = Counter(record.person for record in report.records)
    counts = {count: [p for p in sorted(photographs) if photographs[p] == count] for count in photographs.values()}
    each = [f"{count} of each of {_ranges(persons)}" for count, persons in counts.items()]
    yield f"{len(photographs)} people", "; ".join(each)
    if report.scheme == DANES:
        eyes = [f"{image} {group}" for image, groups in report.misordered.items() for group in groups]
        state = "corrected here" if report.mended else "not corrected; data.labels=mended corrects them"
        yield "mis-ordered eyes", f"{len(eyes)}, {state}: {', '.join(eyes)}" if eyes else "none"
    outside = [f"{image} {_ranges(points)}" for image, points in report.outside.items()]
    yield "points outside the frame", _listed(outside) if outside else "none"
    if isinstance(report.fits, ShapeFits):
        mean = report.fits.residual_px.mean()
        yield "shape model", f"mean residual {mean:.2f} px, each person with a model of the others"
    else:
        yield "shape model", f"none: {report.fits}"


def _show_suspects(report: Report, fits: ShapeFits, caption: str, folder: Path) -> Path:
    """Print a table of the labels that fit worst, and draw them."""
    from facekp.reporting.faces import FacePanel, face_grid

    rows, panels = [], []
    for index in fits.worst(_SUSPECTS):
        record, mean = report.records[index], fits.residual_px[index].mean()
        group, there = fits.worst_group(index, report.scheme)
        rows.append([record.name, f"{mean:.2f}", group, f"{there:.2f}"])
        title = f"{record.name}   {mean:.1f} px, {group} {there:.1f}"
        image = load_grey(record.image, record.image_size)
        panels.append(FacePanel(title, image, record.keypoints, fits.nearest[index]))
    print_table(
        ["image", "residual px", "worst group", "px there"],
        rows,
        "\nThe labels that fit worst. Check them by eye: not all of them are wrong.",
        texts=["worst group"],
    )
    folder.mkdir(parents=True, exist_ok=True)
    title = "labels that fit a shape model of other people worst"
    points, shape = range(len(report.scheme)), "nearest shape of the model"
    figure = face_grid(panels, report.scheme, points, title, caption, prediction=shape)
    figure.savefig(folder / "suspects.png")
    return folder / "suspects.png"


def _listed(names: Sequence[str], at_most: int = 9) -> str:
    return f"{len(names)} ({', '.join(names[:at_most])}{', ...' if len(names) > at_most else ''})"


def _ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers as ranges: 1, 2, 3, 5 as ``1-3, 5``."""
    ends = [number for number in numbers if number + 1 not in numbers]
    starts = [number for number in numbers if number - 1 not in numbers]
    return ", ".join(f"{a}-{b}" if a < b else str(a) for a, b in zip(starts, ends, strict=True))
