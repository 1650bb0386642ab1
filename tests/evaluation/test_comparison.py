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
from omegaconf import OmegaConf
from torch.utils.tensorboard import SummaryWriter

from facekp.config import EvaluateConfig, EvaluateDataConfig
from facekp.data.records import Record
from facekp.evaluation.comparison import common_ground, compare
from facekp.evaluation.errors import eye_distance_px
from facekp.landmarks.scheme import DANES
from facekp.reporting.comparison_page import told_settings
from facekp.runs.folder import differing_settings, read_runs
from facekp.utils.errors import ConfigError, DataError, FacekpError
from tests.browser import browser

COLUMNS = "image,person,image_type,point,group,true_x_px,true_y_px,x_px,y_px,error_px,curve_px"
PEOPLE, TYPES = (1, 2, 3, 4), (1, 2, 3)
IMAGES = [f"{person:02d}-{image_type}m" for person in PEOPLE for image_type in TYPES]


def make_run(
    folder: Path,
    shift: float | dict[str, float] = 5.0,
    *,
    images: list[str] = IMAGES,
    points: tuple[int, ...] = (0, 1),
    truth: dict[str, np.ndarray] | None = None,
    config: dict[str, Any] | None = None,
    **told: Any,
) -> Path:
    """A run folder in which every answer lies so many pixels to the right of the truth."""
    folder.mkdir(parents=True)
    rows = [COLUMNS]
    for image in images:
        right = shift[image] if isinstance(shift, dict) else shift
        for point in points:
            x, y = (100.0 + point, 200.0) if truth is None else truth[image][point]
            person, image_type = image[:2], image[3]
            rows.append(f"{image},{person},{image_type},{point},jaw,{x},{y},{x + right},{y},{right},{right / 2}")
    (folder / "predictions.csv").write_text("\n".join(rows) + "\n")
    measured = {"data": "drawn", "labels": "mended", "split": "course", "weights": "last", "epoch": 2} | told
    (folder / "metrics.json").write_text(json.dumps(measured | {"metrics": {"nme": 0.25}}))
    (folder / ".hydra").mkdir()
    OmegaConf.save(OmegaConf.create(config or {}), folder / ".hydra" / "config.yaml")
    return folder


def compared(tmp_path: Path, *runs: Path, root: Path | None = None) -> dict[str, Any]:
    data = EvaluateDataConfig(root=str(root) if root else None)
    return compare(EvaluateConfig(compare=[str(run) for run in runs], output_dir=str(tmp_path / "out"), data=data))


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
    assert b["difference"]["error_px"] == pytest.approx({"mean": 2, "low": 2, "high": 2, "verdict": "worse"})
    assert c["difference"]["error_px"]["mean"] == pytest.approx(-3.25)
    assert c["difference"]["error_px"]["verdict"] == "better"
    assert c["difference"]["mse_px2"]["verdict"] == "better"
    assert b["error_px_by_type"].keys() == {"all", "frontal", "turned", "type 1", "type 2", "type 3"}
    assert c["error_px_by_type"]["type 3"]["mean"] == pytest.approx(-a["error_px_turned"] / 2)

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


def test_runs_meet_on_the_images_and_points_that_all_answered(tmp_path):
    shift = {image: float(i) for i, image in enumerate(IMAGES)}
    one = make_run(tmp_path / "one", shift, points=(0, 1, 2))
    other = make_run(tmp_path / "other", shift, images=IMAGES[:2:-1], points=(2, 0))
    runs = common_ground(read_runs([str(one), str(other)])[0])
    for run in runs:
        assert run.images == tuple(IMAGES[3:])
        assert run.points == (0, 2)
        np.testing.assert_array_equal(run.by_image["error_px"], range(3, 12))
        np.testing.assert_array_equal(run.true_px[0], [[100, 200], [102, 200]])
        assert run.people.tolist() == [2, 2, 2, 3, 3, 3, 4, 4, 4]
    found = compared(tmp_path, one, other)
    assert [(row["images"], row["points"], row["nme"]) for row in found["runs"]] == [(12, 3, None), (9, 2, 0.25)]
    assert "they are compared on the 9 images and 2 points" in (tmp_path / "out" / "compare.html").read_text()


def test_a_folder_stands_for_the_runs_in_it_and_failed_ones_are_named(tmp_path):
    for number in (0, 2, 10):
        make_run(tmp_path / "sweep" / str(number))
    (tmp_path / "sweep" / "1" / ".hydra").mkdir(parents=True)
    (tmp_path / "sweep" / "other").mkdir()
    found = compared(tmp_path, tmp_path / "sweep")
    assert [row["run"] for row in found["runs"]] == ["0", "2", "10"]
    assert [Path(run).name for run in found["skipped"]] == ["1"]
    assert f"Left out, for want of predictions: {tmp_path}/sweep/1." in (tmp_path / "out/compare.html").read_text()


def damage(run: Path, file: str, text: str) -> Path:
    (run / file).write_text(text)
    return run


@pytest.mark.parametrize(
    ("second", "error", "message"),
    [
        (lambda there: there / "nothing", ConfigError, "nothing is no folder; name a run"),
        (lambda there: (there / "b" / ".hydra").mkdir(parents=True) or there / "b", ConfigError, "did not finish"),
        (lambda there: there / "a", ConfigError, "a is named twice"),
        (lambda there: make_run(there / "b", labels="raw"), ConfigError, "mended labels and b on raw ones"),
        (lambda there: make_run(there / "b", images=["09-1m"]), ConfigError, "no image that all 2 runs"),
        (lambda there: make_run(there / "b", points=(5,)), ConfigError, "no point that all 2 runs"),
        (
            lambda there: make_run(there / "b", truth={image: np.full((2, 2), 7.0) for image in IMAGES}),
            ConfigError,
            "true points of .* differ between a and b",
        ),
        (lambda there: damage(make_run(there / "b"), "metrics.json", "{"), DataError, "metrics.json cannot be read"),
        (lambda there: damage(make_run(there / "b"), "metrics.json", "{}"), DataError, "metrics.json cannot be read"),
        (
            lambda there: damage(make_run(there / "b"), "predictions.csv", f"{COLUMNS}\n01-1m,1,1,0,jaw,1,2"),
            DataError,
            "predictions.csv is damaged or cut short",
        ),
        (
            lambda there: damage(make_run(there / "b"), "predictions.csv", COLUMNS),
            DataError,
            "predictions.csv is damaged or cut short",
        ),
        (lambda there: damage(make_run(there / "b"), ".hydra/config.yaml", "a: ["), DataError, "cannot be read"),
    ],
)
def test_what_cannot_be_compared_is_told(tmp_path, second, error, message):
    first = make_run(tmp_path / "a")
    with pytest.raises(error, match=message):
        compared(tmp_path, first, second(tmp_path))
    assert not (tmp_path / "out").exists()


def test_one_run_is_not_enough(tmp_path):
    with pytest.raises(ConfigError, match="a is the only run; name at least two"):
        compared(tmp_path, make_run(tmp_path / "a"))


def test_settings_are_told_where_they_differ(tmp_path):
    nose: dict[str, Any] = {
        "model": {
            "name": "nose",
            "network": {"_target_": "nets.Nose", "hidden": 8},
            "max_epochs": 14,
        },
        "optimizer": {"lr": 0.1},
        "augment": {"transforms": {"blur": {"_target_": "made.up.Blur"}}},
        "trainer": {"max_epochs": "${model.max_epochs}"},
        "callbacks": {"pictures": {"every": 5}},
        "seed": 0,
        "run_dir": "${hydra:runtime.output_dir}",
    }
    full = nose | {
        "model": {"name": "full", "network": {"_target_": "nets.Full"}, "max_epochs": 14},
        "optimizer": {"lr": 0.2},
        "augment": {"transforms": {}},
        "trainer": {"max_epochs": 25},
        "callbacks": {},
    }
    same = full | {"optimizer": {"lr": 0.3}, "trainer": {"max_epochs": 14}}
    for name, config in (("a", nose), ("b", full), ("c", same)):
        make_run(tmp_path / name, config=config)
    runs, _ = read_runs([str(tmp_path)])
    settings = differing_settings(runs)
    assert settings[0] == {
        "model.name": "nose",
        "model.network": "Nose",
        "model.network.hidden": "8",
        "optimizer.lr": "0.1",
        "augment.transforms.blur": "Blur",
        "trainer.max_epochs": "14",
        "callbacks.pictures": "every",
    }
    assert [row["trainer.max_epochs"] for row in settings] == ["14", "25", "14"]
    assert [row["augment.transforms.blur"] for row in settings] == ["Blur", "–", "–"]
    for row in settings:
        del row["augment.transforms.blur"]
    rows = [{"run": run.name, "settings": row} for run, row in zip(runs, settings, strict=True)]
    assert told_settings(rows)[:2] == ["model=nose, lr=0.1, max_epochs=14", "model=full, lr=0.2, max_epochs=25"]


def test_an_evaluation_has_the_settings_of_its_run(tmp_path):
    run = make_run(tmp_path / "run", config={"seed": 7})
    evaluation = make_run(run / "evaluate" / "best-mended", weights="best", config={})
    (evaluation / ".hydra" / "config.yaml").unlink()
    (evaluation / ".hydra").rmdir()
    runs, _ = read_runs([str(run), str(evaluation)])
    assert [found.name for found in runs] == ["run", "run/evaluate/best-mended"]
    assert runs[1].config == {"seed": 7}
    assert differing_settings(runs) == [{"weights": "last"}, {"weights": "best"}]


@pytest.fixture
def drawn_runs(
    tmp_path: Path, drawn_root: Path, drawn_records: list[Record], monkeypatch: pytest.MonkeyPatch
) -> list[Path]:
    """Two runs on the drawn faces, the second with logged losses."""
    monkeypatch.chdir(tmp_path)  # no data folder of anybody is near
    truth = {record.name: record.keypoints * record.image_size for record in drawn_records}
    data = {"name": "drawn", "reader": {"_target_": "facekp.data.readers.danes.DanesReader"}, "root": str(drawn_root)}
    runs = [
        make_run(tmp_path / name, shift, images=list(truth), points=tuple(range(58)), truth=truth, labels="raw",
                 config={"data": data | {"batch_size": "${model.batch_size}"}, "model": {"batch_size": size}})
        for name, shift, size in (("a", 5.0, 8), ("b", 9.0, 16))
    ]  # fmt: skip
    with SummaryWriter(str(runs[1] / "tensorboard")) as writer:
        for step in range(20):
            writer.add_scalar("train/loss", 1 / (step + 1), step)
        writer.add_scalar("val/loss", 0.1, 19)
    return runs


def test_photographs_are_found_through_the_settings_and_give_faces_and_nme(tmp_path, drawn_runs, drawn_records):
    found = compared(tmp_path, *drawn_runs)
    truth = np.stack([record.keypoints * record.image_size for record in drawn_records])
    eyes = eye_distance_px(truth, DANES)
    first, second = found["runs"]
    assert first["nme"] == pytest.approx((5 / eyes).mean(), rel=1e-4)
    assert second["difference"]["nme"]["mean"] == pytest.approx((4 / eyes).mean(), rel=1e-4)
    figures = {path.stem for path in (tmp_path / "out" / "figures").iterdir()}
    assert figures == {"differences", "differences_by_type", "cumulative_error", "loss_curves", "faces_1"}
    assert "The photographs were not found" not in (tmp_path / "out" / "compare.html").read_text()


def test_without_photographs_only_what_needs_them_is_missing(tmp_path, drawn_runs):
    for run in drawn_runs:
        path = run / ".hydra" / "config.yaml"
        path.write_text(path.read_text().replace("root: /", "root: /nowhere/"))
    found = compared(tmp_path, *drawn_runs)
    assert found["runs"][1]["nme"] == 0.25  # as metrics.json has it
    assert found["runs"][1]["difference"].keys() == {"error_px", "mse_px2"}
    figures = {path.stem for path in (tmp_path / "out" / "figures").iterdir()}
    assert figures == {"differences", "differences_by_type", "cumulative_error", "loss_curves"}
    assert "The photographs were not found" in (tmp_path / "out" / "compare.html").read_text()


def test_the_photographs_folder_can_be_named_and_must_be_the_right_one(tmp_path, drawn_runs, drawn_root):
    for run in drawn_runs:
        path = run / ".hydra" / "config.yaml"
        path.write_text(path.read_text().replace("root: /", "root: /nowhere/"))
    assert compared(tmp_path, *drawn_runs, root=drawn_root)["photographs"]
    with pytest.raises(FacekpError, match="elsewhere does not exist"):
        compared(tmp_path, *drawn_runs, root=tmp_path / "elsewhere")
    for run in drawn_runs:
        moved = (run / "predictions.csv").read_text().replace("01-1m", "91-1m")
        (run / "predictions.csv").write_text(moved)
    with pytest.raises(DataError, match="does not hold the faces of a"):
        compared(tmp_path, *drawn_runs, root=drawn_root)


def test_names_are_escaped_on_the_page(tmp_path):
    runs = [make_run(tmp_path / name, data="<script>alert(1)</script>") for name in ("<b>&a", "b")]
    compared(tmp_path, *runs)
    page = (tmp_path / "out" / "compare.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<b>&a" not in page
    assert "&lt;b&gt;&amp;a" in page


def test_the_page_shows_in_a_browser_without_errors_or_overflow(tmp_path, drawn_runs):
    compared(tmp_path, *drawn_runs)
    with browser(tmp_path / "profile") as page:
        for width in (400, 1400):
            page.open((tmp_path / "out" / "compare.html").as_uri(), width=width)
            assert page.run("document.documentElement.scrollWidth") <= width
            assert page.run("[...document.images].map(image => image.naturalWidth > 0 && image.alt > '')") == [True] * 5
        assert page.errors == []
        assert all(url.startswith(("file:", "data:", "about:")) for url in page.requests)


def test_comparing_loads_no_torch():
    command = "import sys, facekp.evaluation.comparison; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0
