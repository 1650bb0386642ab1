import json
from pathlib import Path
from statistics import stdev

import pytest
from omegaconf import OmegaConf

from facekp.evaluation.catalogue import HEADLINE
from facekp.reporting import publish as command
from facekp.reporting.publish import dots, groups_of, publish, row_of
from facekp.runs.find import runs_in
from facekp.utils.errors import DataError
from tests.run_folders import measured, part, write_stored

ERRORS = {"default": (10.0, 12.0, 14.0), "none": (20.0, 21.0, 25.0)}


def write_run(run: Path, number: int, overrides: list[str], error: float) -> None:
    parts = (part(training_seconds=60.0, finished=None), part(training_seconds=30.0))
    write_stored(run, overrides=tuple(overrides), parts=parts)
    told = measured(error, data="danes", split=f"person fold {number} of 6")
    (run / "metrics.json").write_text(json.dumps(told))
    (run / "report.html").touch()


@pytest.fixture
def sweep(tmp_path) -> Path:
    folder = tmp_path / "2026-01-01"
    jobs = [(augment, seed, error) for augment, errors in ERRORS.items() for seed, error in enumerate(errors)]
    for number, (augment, seed, error) in enumerate(jobs):
        overrides = ["model=full", f"augment={augment}", f"seed={seed}", "sweep=mine"]
        write_run(folder / f"{number} of mine", number, overrides, error)
    stored = {"overrides": {"task": ["sweep=mine"]}, "runtime": {"choices": {"sweep": "mine"}}}
    OmegaConf.save({"hydra": stored}, folder / "multirun.yaml")
    return folder


@pytest.fixture
def readme(tmp_path) -> Path:
    path = tmp_path / "README.md"
    path.write_text(
        "before\n<!-- mine -->\nof last year\n<!-- /mine -->\nafter\n<!-- other -->\nkept\n<!-- /other -->\n"
    )
    return path


def test_every_run_is_kept_and_every_setting_summarised(sweep, readme, tmp_path):
    docs = tmp_path / "docs"
    publish(sweep, docs, [readme])
    assert {path.name for path in docs.iterdir()} == {"mine.json", "mine.md", "mine.svg"}
    runs = json.loads((docs / "mine.json").read_text())
    assert [run["error_px"] for run in runs] == [*ERRORS["default"], *ERRORS["none"]]
    assert [run["mse_px2_raw"] for run in runs[:2]] == [121, 169]
    assert {run["mean_shape_mse_px2"] for run in runs} == {1600}
    table = (docs / "mine.md").read_text()
    assert f"| `augment=default` | 3 | 2 | 12.00 ± {stdev(ERRORS['default']):.2f} |" in table
    for heading in (*(metric.title() for metric in HEADLINE.values()), "error on turned faces, px"):
        assert f"| {heading} |" in table
    assert "Danes, mended labels, held-out faces of split person folds of 6, last weights" in table


def test_only_its_own_part_of_the_readme_is_replaced(sweep, readme, tmp_path):
    publish(sweep, tmp_path / "docs", [readme])
    once = readme.read_text()
    assert once.startswith("before\n<!-- mine -->\n")
    assert once.endswith("<!-- /mine -->\nafter\n<!-- other -->\nkept\n<!-- /other -->\n")
    assert "of last year" not in once
    assert "`augment=none`" in once
    first = {path.name: path.read_bytes() for path in (tmp_path / "docs").iterdir()}
    publish(sweep, tmp_path / "docs", [readme])
    assert readme.read_text() == once
    assert {path.name: path.read_bytes() for path in (tmp_path / "docs").iterdir()} == first


def test_pages_are_written_anew_from_the_numbers_alone(sweep, readme, tmp_path, monkeypatch):
    docs = tmp_path / "docs" / "results"
    publish(sweep, docs, [readme])
    first = {path.name: path.read_bytes() for path in docs.iterdir()}
    (docs / "mine.md").write_text("with last year's headings")
    (docs.parent / "results.md").write_text("<!-- mine -->\nof last year\n<!-- /mine -->\n")
    monkeypatch.setattr(command, "CONF", tmp_path / "conf")
    command.main([str(docs / "mine.json")])
    assert {path.name: path.read_bytes() for path in docs.iterdir()} == first
    assert "`augment=none`" in (docs.parent / "results.md").read_text()
    (docs / "mine.json").write_text("[{}]")
    with pytest.raises(SystemExit, match=r"mine\.json cannot be read: .* publish its sweep again"):
        command.main([str(docs / "mine.json")])


def test_the_figure_shows_every_run(sweep):
    groups = groups_of([row_of(run) for run in runs_in(sweep)])
    (axes,) = dots(groups, "").axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["augment=default", "augment=none"]
    shown = [line.get_xdata().tolist() for line in axes.lines if line.get_marker() == "o"]
    assert shown == [[error**2 for error in errors] for errors in ERRORS.values()]


def test_unfinished_or_foreign_folders_are_named(sweep, readme, tmp_path):
    with pytest.raises(DataError, match=r"is not the folder of a sweep of conf/sweep"):
        publish(tmp_path, tmp_path / "docs", [readme])
    (sweep / "2 of mine" / "metrics.json").unlink()
    with pytest.raises(DataError, match="2 of mine did not finish"):
        publish(sweep, tmp_path / "docs", [readme])
    assert "of last year" in readme.read_text()
    assert not (tmp_path / "docs").exists()
