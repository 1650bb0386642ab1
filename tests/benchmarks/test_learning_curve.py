"""The learning curves of made-up runs whose errors are known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facekp.benchmarks.detectors import learning_curve
from facekp.benchmarks.detectors.base import MeanShape
from facekp.benchmarks.detectors.learning_curve import fit_dlib, measure
from facekp.benchmarks.detectors.learning_curve_page import details, draw, overview, publish
from facekp.config import DataConfig
from facekp.data.splits import Split
from facekp.landmarks.scheme import DANES
from facekp.utils.errors import DataError
from tests.run_folders import IMAGES, make_run, write_stored

SIZES = (2, 4, 8)


@pytest.fixture
def people(drawn_records):
    """Eight people to train on, with one image each."""
    return [replace(drawn_records[0], name=f"{person + 10}-1m", person=person + 10) for person in range(8)]


@pytest.fixture
def write(people, tmp_path):
    """Write a run that was trained on some people, and misses every point by so many pixels."""

    def write_run(model: str, size: int, seed: int, shift: float | dict[str, float]) -> Path:
        folder = tmp_path / "sweep" / f"{model}-{size}-{seed}-{len(list(tmp_path.glob('sweep/*')))}"
        make_run(folder, shift, points=tuple(range(len(DANES))), model=model, seed=seed)
        Split("course", people[:size], people[size:]).save(folder / "split.json")
        return folder

    return write_run


@pytest.fixture
def sweep(write) -> str:
    """Two seeds of a network whose error halves with four times the people, and of one whose error stays."""
    for size in SIZES:
        for seed in (0, 1):
            write("halving", size, seed, 8 * size**-0.5)
            write("staying", size, seed, {image: 2 + seed + int(image[:2]) for image in IMAGES})
    return str(write("staying", 8, 2, 3).parent)


@pytest.fixture
def measured(sweep, write, people):
    for size in SIZES[:2]:
        write("staying", size, 2, 3)
    return measure([sweep], people, DANES)


def test_a_power_law_is_found_exactly(measured):
    (halving,) = (method for method in measured["methods"] if method["name"] == "halving")
    assert halving["sizes"] == list(SIZES)
    assert halving["error_px"]["values"] == pytest.approx(np.outer(8 / np.sqrt(SIZES), [1, 1]))
    for metric, factor, at_100 in (("error_px", 0.5**0.5, 0.8), ("mse_px2", 0.5, 0.32), ("inner_nme", 0.5**0.5, 0.008)):
        assert halving[metric]["factor"] == pytest.approx(dict.fromkeys(("mean", "low", "high"), factor))
        assert halving[metric]["at_100"] == pytest.approx(dict.fromkeys(("mean", "low", "high"), at_100))
        assert halving[metric]["foreseen"] == pytest.approx(np.mean(halving[metric]["values"][-1]))


def test_the_interval_is_over_people_and_seeds_that_belong_together(measured):
    (staying,) = (method for method in measured["methods"] if method["name"] == "staying")
    assert staying["error_px"]["factor"] == pytest.approx({"mean": 1, "low": 1, "high": 1})  # by every sample alike
    at_100 = staying["error_px"]["at_100"]
    assert 2.9 < at_100["low"] < at_100["mean"] < at_100["high"] < 7
    assert (measured["data"], measured["labels"], measured["images"], measured["people"]) == ("drawn", "mended", 12, 4)


def test_a_method_needs_the_same_seeds_for_every_number_of_people(sweep, people):
    with pytest.raises(DataError, match="staying has no run with 2 people and seed 2"):
        measure([sweep], people, DANES)


def test_what_makes_no_curve_is_named(write, people):
    write("one", 2, 0, 1.0)
    sweep = str(write("one", 4, 0, 1.0).parent)
    with pytest.raises(DataError, match="one has runs with 2 numbers of people"):
        measure([sweep], people, DANES)
    again = write("one", 4, 0, 1.0)
    with pytest.raises(DataError, match="is a second run of one with 4 people and seed 0"):
        measure([sweep], people, DANES)
    (again / "split.json").unlink()
    with pytest.raises(DataError, match=r"has no split\.json"):
        measure([sweep], people, DANES)
    (again / "predictions.csv").unlink()
    write_stored(again)
    with pytest.raises(DataError, match="did not finish"):
        measure([sweep], people, DANES)


def test_the_curves_are_published_whole_and_the_same_again(measured, tmp_path):
    docs, page = tmp_path / "docs", tmp_path / "results.md"
    page.write_text("before\n<!-- learning_curve -->\nof last year\n<!-- /learning_curve -->\nafter\n")
    publish(measured, docs, [page])
    first = {path.name: path.read_bytes() for path in docs.iterdir()}
    assert set(first) == {f"learning_curve.{ending}" for ending in ("json", "md", "svg")}
    assert json.loads(first["learning_curve.json"]) == measured
    assert f"\n{overview(measured)}\n" in page.read_text()
    publish(json.loads(first["learning_curve.json"]), docs, [page])  # from the numbers alone
    assert {path.name: path.read_bytes() for path in docs.iterdir()} == first


def test_the_tables_tell_every_size_the_line_and_how_well_it_foretells(measured):
    row = (
        "| error, px | halving | 5.66 ± 0.00 | 4.00 ± 0.00 | 2.83 ± 0.00 | 0.71 (0.71 to 0.71) | 0.80 (0.80 to 0.80) |"
    )
    assert row in overview(measured)
    assert "| error, px | halving | 8 | 2.83 | 2.83 | +0 % |" in details(measured)


def test_the_figure_has_every_run_and_the_line_up_to_more_people(measured):
    for panel, metric in zip(draw(measured).axes, ("mse_px2", "inner_nme"), strict=True):
        assert [text.get_text() for text in panel.get_xticklabels()] == ["2", "4", "8", "100"]
        dashed = {tuple(line.get_xdata()): line.get_ydata()[-1] for line in panel.lines if line.get_linestyle() == "--"}
        factor = 100 if metric == "inner_nme" else 1
        last = measured["methods"][-1]
        assert dashed[8, 100] == pytest.approx(factor * last[metric]["at_100"]["mean"])
        assert sum(len(line.get_xdata()) == len(SIZES) for line in panel.lines) == 2 + 3 + 2  # runs, and means


def test_dlib_is_fitted_to_the_people_of_the_runs(monkeypatch, tmp_path, drawn_records, drawn_split):
    class Named(MeanShape):
        def __init__(self, scheme, seed) -> None:
            super().__init__(scheme)

    for kind in ("TrueBox", "OwnBox"):
        monkeypatch.setattr(learning_curve, kind, type(kind, (Named,), {"name": kind, "slug": kind}))
    data = DataConfig(name="drawn", split="person_folds", folds=4)
    persons = sorted({record.person for record in drawn_split.train})
    for size, seed in ((1, 5), (3, 5)):
        folder = make_run(tmp_path / "sweep" / str(size), seed=seed)
        some = [record for record in drawn_split.train if record.person in persons[:size]]
        Split("course", some, drawn_split.val).save(folder / "split.json")
    folders = fit_dlib([str(tmp_path / "sweep")], data, drawn_records, DANES, tmp_path / "out")
    assert [Path(folder).name for folder in folders] == ["TrueBox-1-5", "TrueBox-3-5", "OwnBox-1-5", "OwnBox-3-5"]
    trained = [{name[:2] for name in json.loads((Path(each) / "split.json").read_text())["train"]} for each in folders]
    assert [len(each) for each in trained] == [1, 3, 1, 3]
    assert trained[0] < trained[1]
    assert trained[0] == trained[2]
    measured = json.loads((Path(folders[0]) / "metrics.json").read_text())
    assert (measured["model"], measured["seed"], measured["kind"]) == ("TrueBox", 5, "baseline")

    times = [(Path(each) / "metrics.json").stat().st_mtime_ns for each in folders]
    (Path(folders[1]) / "split.json").unlink()  # as if it had been interrupted
    assert fit_dlib([str(tmp_path / "sweep")], data, drawn_records, DANES, tmp_path / "out") == folders
    again = [(Path(each) / "metrics.json").stat().st_mtime_ns > time for each, time in zip(folders, times, strict=True)]
    assert again == [False, True, False, False]
