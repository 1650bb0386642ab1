"""Runs side by side: what is paired, what is told, and what is refused."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch.utils.tensorboard import SummaryWriter

from facekp.config import EvaluateConfig
from facekp.reporting.comparison import compare, main
from facekp.utils.errors import ConfigError, DataError
from tests.browser import browser
from tests.run_folders import IMAGES, PEOPLE, make_run, write_stored


def compared(tmp_path: Path, *runs: Path) -> dict[str, Any]:
    return compare(EvaluateConfig(compare=[str(run) for run in runs], output_dir=str(tmp_path / "out")))


def test_each_run_is_measured_and_set_against_the_first(tmp_path, capsys):
    reference = {image: float(i) for i, image in enumerate(IMAGES, start=1)}
    worse = {image: error + 2 for image, error in reference.items()}
    better = {image: error / 2 for image, error in reference.items()}
    runs = [make_run(tmp_path / name, shift) for name, shift in (("a", reference), ("b", worse), ("c", better))]
    found = compared(tmp_path, *runs)
    a, b, c = found["runs"]
    assert (found["images"], found["people"], found["points"]) == (12, 4, 2)
    assert a["error_px"] == pytest.approx(6.5)
    assert a["mse_px2"] == pytest.approx(np.mean([error**2 / 2 for error in reference.values()]))
    assert a["curve_px"] == pytest.approx(3.25)
    assert a["error_px_turned"] == pytest.approx(np.mean([reference[f"0{person}-3m"] for person in PEOPLE]))
    assert a["error_px_frontal"] == pytest.approx(6.0)
    assert "difference" not in a
    assert a["nme"] == pytest.approx(a["error_px"] / 100)
    assert c["difference"]["nme"]["mean"] == pytest.approx(-a["nme"] / 2)
    assert b["difference"]["error_px"] == pytest.approx({"mean": 2, "low": 2, "high": 2, "verdict": "worse"})
    assert c["difference"]["error_px"]["mean"] == pytest.approx(-3.25)
    assert c["difference"]["error_px"]["verdict"] == "better"
    assert c["difference"]["mse_px2"]["verdict"] == "better"
    assert b["error_px_by_type"].keys() == {
        "all",
        "frontal",
        "turned",
        "type 1, neutral",
        "type 2, happy",
        "type 3, turned right",
    }
    assert c["error_px_by_type"]["type 3, turned right"]["mean"] == pytest.approx(-a["error_px_turned"] / 2)

    out = tmp_path / "out"
    assert json.loads((out / "compare.json").read_text()) == found
    with (out / "compare.csv").open() as file:
        table = {row["run"]: row for row in csv.DictReader(file)}
    assert float(table["b"]["difference_error_px_low"]) == pytest.approx(2)
    assert table["c"]["difference_error_px_verdict"] == "better"
    assert table["a"]["difference_error_px_mean"] == ""
    printed = capsys.readouterr().out
    for word in ("better", "worse", "+2.00 (+2.00 to +2.00)", "compare.html"):
        assert word in printed


def test_a_run_against_itself_shows_no_difference(tmp_path):
    runs = [make_run(tmp_path / name) for name in "ab"]
    difference = compared(tmp_path, *runs)["runs"][1]["difference"]["error_px"]
    assert difference == {"mean": 0, "low": 0, "high": 0, "verdict": "no difference shown"}


def test_runs_are_compared_on_what_all_of_them_predict(tmp_path):
    one = make_run(tmp_path / "one", points=(0, 1, 2))
    other = make_run(tmp_path / "other", images=IMAGES[:2:-1], points=(2, 0))
    found = compared(tmp_path, one, other)
    assert [(row["images"], row["points"]) for row in found["runs"]] == [(12, 3), (9, 2)]
    assert (found["images"], found["points"]) == (9, 2)
    assert "they are compared on the 9 images and 2 points" in (tmp_path / "out" / "compare.html").read_text()


def test_a_folder_stands_for_the_runs_in_it_and_failed_ones_are_named(tmp_path):
    for number in (0, 2, 10):
        make_run(tmp_path / "sweep" / str(number))
    write_stored(tmp_path / "sweep" / "1")
    (tmp_path / "sweep" / "other").mkdir()
    found = compared(tmp_path, tmp_path / "sweep")
    assert [row["run"] for row in found["runs"]] == ["0", "2", "10"]
    assert [Path(run).name for run in found["skipped"]] == ["1"]
    assert f"Left out, without predictions: {tmp_path}/sweep/1." in (tmp_path / "out/compare.html").read_text()


def damaged(run: Path) -> Path:
    (run / "metrics.json").write_text("{")
    return run


@pytest.mark.parametrize(
    ("second", "error", "message"),
    [
        (lambda there: there / "nothing", ConfigError, "nothing is not a folder; name a run"),
        (lambda there: write_stored(there / "b") or there / "b", ConfigError, "did not finish"),
        (lambda there: there / "a", ConfigError, "a is named twice"),
        (lambda there: make_run(there / "b", labels="raw"), ConfigError, "mended labels and b on raw ones"),
        (lambda there: make_run(there / "b", images=["09-1m"]), ConfigError, "no image that all 2 runs predict"),
        (lambda there: make_run(there / "b", points=(5,)), ConfigError, "no point that all 2 runs predict"),
        (
            lambda there: make_run(there / "b", truth={image: np.full((2, 2), 7.0) for image in IMAGES}),
            ConfigError,
            "true points of .* differ between a and b",
        ),
        (lambda there: damaged(make_run(there / "b")), DataError, "metrics.json cannot be read"),
    ],
)
def test_what_cannot_be_compared_is_told(tmp_path, second, error, message):
    first = make_run(tmp_path / "a")
    with pytest.raises(error, match=message):
        compared(tmp_path, first, second(tmp_path))
    assert not (tmp_path / "out").exists()


def test_a_command_takes_folders_as_they_are_typed(tmp_path, monkeypatch):
    folders = [make_run(tmp_path / name) for name in ("it's a=1", "b")]
    monkeypatch.setattr(sys, "argv", ["facekp"])
    main([*map(str, folders), f"output_dir={tmp_path / 'out'}"])
    assert [row["run"] for row in json.loads((tmp_path / "out" / "compare.json").read_text())["runs"]] == [
        "it's a=1",
        "b",
    ]


def test_one_run_is_not_enough(tmp_path):
    with pytest.raises(ConfigError, match="a is the only run; name at least two"):
        compared(tmp_path, make_run(tmp_path / "a"))


@pytest.fixture
def logged_runs(tmp_path: Path) -> list[Path]:
    """Two runs, the second with logged losses."""
    runs = [make_run(tmp_path / name, shift) for name, shift in (("a", 5.0), ("b", 9.0))]
    with SummaryWriter(str(runs[1] / "tensorboard")) as writer:
        for step in range(20):
            writer.add_scalar("train/loss", 1 / (step + 1), step)
        writer.add_scalar("val/loss", 0.1, 19)
    return runs


def test_losses_are_drawn_where_they_were_logged(tmp_path, logged_runs):
    compared(tmp_path, *logged_runs)
    figures = {path.stem for path in (tmp_path / "out" / "figures").iterdir()}
    assert figures == {"differences", "cumulative_error", "loss_curves"}


def test_names_are_escaped_on_the_page(tmp_path):
    runs = [make_run(tmp_path / name, data="<script>alert(1)</script>") for name in ("<b>&a", "b")]
    compared(tmp_path, *runs)
    page = (tmp_path / "out" / "compare.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<b>&a" not in page
    assert "&lt;b&gt;&amp;a" in page


def test_the_page_shows_in_a_browser_without_errors_or_overflow(tmp_path, logged_runs):
    compared(tmp_path, *logged_runs)
    with browser(tmp_path / "profile") as page:
        for width in (400, 1400):
            page.open((tmp_path / "out" / "compare.html").as_uri(), width=width)
            assert page.run("document.documentElement.scrollWidth") <= width
            assert page.run("[...document.images].map(image => image.naturalWidth > 0 && image.alt > '')") == [True] * 3
        assert page.errors == []
        assert all(url.startswith(("file:", "data:", "about:")) for url in page.requests)


def test_comparing_loads_no_torch():
    command = "import sys, facekp.reporting.comparison; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0
