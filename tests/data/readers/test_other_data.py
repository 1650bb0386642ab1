"""Other people's data from beginning to end: a run on each kind of folder, and its checkpoint evaluated again."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluate import evaluate
from facekp.config import EvaluateConfig
from facekp.data.readers.asf import write_asf
from facekp.landmarks.scheme import Scheme
from facekp.landmarks.scheme_files import load_scheme
from facekp.utils.errors import CheckpointError, ConfigError
from tests.data.readers.folders import coco, draw, write_coco, write_pts
from tests.helpers import blank_figures, config
from train import train

SIZES = ((160, 120), (90, 200), (333, 77), (128, 128), (64, 48))
FACES = 20
EYES = ["left_eye", "right_eye", "nose"]


def train_on(data: str, root: Path, run_dir: Path, *overrides: str) -> dict:
    run_dir.mkdir()
    short = ("model=full", "trainer.max_epochs=1", "model.samples_per_image=1", "trainer.accelerator=cpu")
    train(config("train", f"data={data}", f"data.root={root}", f"run_dir={run_dir}", *short, *overrides))
    return json.loads((run_dir / "metrics.json").read_text())


def evaluated_again(run_dir: Path) -> dict:
    return evaluate(config("evaluate", f"ckpt_path={run_dir}", "accelerator=cpu"))


def faces(points: int) -> list[tuple[str, tuple[int, int], np.ndarray]]:
    """Names, sizes and points in pixels, of two people called p1 and p2 and so on in turn."""
    rng = np.random.default_rng(1)
    mean = rng.uniform(0.2, 0.8, (points, 2))
    return [
        (f"p{i // 2}_{i % 2}", SIZES[i % len(SIZES)], (mean + rng.normal(0, 0.03, (points, 2))) * SIZES[i % len(SIZES)])
        for i in range(FACES)
    ]


@pytest.fixture(scope="module")
def pts_root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("pts")
    for name, size, points_px in faces(68):
        draw(root / "set" / f"{name}.png", size, points_px)
        write_pts(root / "set" / f"{name}.pts", points_px + 1)
    return root


@pytest.fixture(scope="module")
def asf_root(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("asf")
    for name, size, points_px in faces(5):
        draw(root / f"{name}.png", size, points_px)
        write_asf(root / f"{name}.asf", points_px / size, f"{name}.png", Scheme.unknown(5))
    return root


@pytest.fixture(scope="module")
def pts_run(pts_root, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "pts"
    train_on("pts", pts_root, folder)
    return folder


@pytest.fixture(autouse=True)
def blank() -> Iterator[None]:
    """Runs of a test itself have blank figures; those of the other fixtures have them drawn."""
    with blank_figures():
        yield


def test_68_points_are_learnt_and_reported_by_their_groups(pts_run):
    metrics = json.loads((pts_run / "metrics.json").read_text())
    assert (metrics["data"], metrics["labels"], metrics["split"], metrics["images"]) == (
        "pts",
        "raw",
        "random images",
        FACES // 5,
    )
    groups = [group.name for group in load_scheme("ibug68").groups]
    assert list(metrics["by_group"]) == [*groups, "inner", "all"]
    assert list(metrics["by_type"]) == ["all"]
    assert np.isfinite(metrics["by_type"]["all"]["nme"])
    assert {"cumulative_error", "spread_faces"} <= {path.stem for path in (pts_run / "figures").glob("*.png")}


def test_answers_are_written_in_pixels_of_each_photograph(pts_run):
    true = {name: points_px for name, _, points_px in faces(68)}
    with (pts_run / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 68 * FACES // 5
    for row in rows:
        expected = true[Path(row["image"]).name][int(row["point"])] + 0.5  # from the corner of the first pixel
        np.testing.assert_allclose([float(row["true_x_px"]), float(row["true_y_px"])], expected, atol=2e-3)


def test_the_checkpoint_is_judged_with_the_reader_that_it_was_made_with(pts_run):
    trained = json.loads((pts_run / "metrics.json").read_text())
    np.testing.assert_equal(evaluated_again(pts_run), trained)  # NaN, of faces that are turned, equals NaN


def test_a_checkpoint_can_be_judged_on_other_faces_with_a_warning_of_those_it_was_trained_on(
    pts_run, pts_root, tmp_path, capsys
):
    def judged(output: str, **data: Any) -> dict[str, Any]:
        return evaluate(EvaluateConfig(str(pts_run), data=data, output_dir=str(tmp_path / output)))

    count = len(list(pts_root.rglob("*.pts")))
    seen = len(json.loads((pts_run / "split.json").read_text())["train"])
    everybody = judged("all", split="all")
    assert everybody["images"] == count
    assert everybody["split"] == f"all images ({seen} of {count} people trained on)"
    assert f"of {count} people, {seen} were in the training set" in capsys.readouterr().err
    one = shutil.copytree(pts_root, tmp_path / "one")
    for path in one.rglob("*"):
        if path.is_file():
            path.rename(path.with_stem(f"other_{path.stem}"))
    reader = {"_target_": "facekp.data.readers.pts.PtsReader"}
    elsewhere = judged("other", name="other", reader=reader, root=str(one), labels="raw", split="all")
    assert (elsewhere["data"], elsewhere["split"], elsewhere["images"]) == ("other", "all images", count)
    assert capsys.readouterr().err == ""
    with pytest.raises(CheckpointError, match=r"trained on the landmarks ibug68, the data have none; choose data with"):
        judged("none", name="other", reader=reader | {"scheme": "none"}, root=str(one), labels="raw", split="all")


def test_a_network_cannot_be_trained_on_nobody(pts_root, tmp_path):
    with pytest.raises(ConfigError, match=r"data\.split=all leaves nobody to train on"):
        train_on("pts", pts_root, tmp_path / "run", "data.split=all")


def test_a_split_can_be_used_again(pts_run, pts_root, tmp_path):
    metrics = train_on("pts", pts_root, tmp_path / "again", f"data.split={pts_run / 'split.json'}", "seed=5")
    assert (tmp_path / "again" / "split.json").read_bytes() == (pts_run / "split.json").read_bytes()
    assert metrics["split"] == "random images"


def test_the_nose_is_found_in_its_scheme(pts_root, tmp_path):
    metrics = train_on("pts", pts_root, tmp_path / "nose", "model=nose")
    assert list(metrics["by_group"]) == ["all"]


def test_points_of_which_nothing_is_known_need_no_scheme(asf_root, tmp_path, capsys):
    settings = ("model.flip_test=true", "data.split=person_folds", "data.folds=4", r"data.reader.person='p(\d+)_'")
    metrics = train_on("asf", asf_root, tmp_path / "run", *settings)
    assert metrics["split"] == "person fold 0 of 4"
    assert list(metrics["by_group"]) == ["all"]
    assert np.isnan(metrics["by_group"]["all"]["nme"])
    assert metrics["by_group"]["all"]["curve_px"] == metrics["by_group"]["all"]["error_px"]
    figures = {path.stem for path in (tmp_path / "run" / "figures").glob("*.png")}
    assert "spread_faces" in figures
    assert not {"best_faces", "worst_faces", "cumulative_error", "error_by_type_and_group"} & figures
    printed = capsys.readouterr().out
    assert "Mirroring   off: the scheme none does not tell which points swap in a mirror\n" in printed
    tables = printed.split("Evaluating, drawing")[1].split("Report")[0]
    assert not [word for word in ("nan", "NME", "curve") if word in tables]
    np.testing.assert_equal(evaluated_again(tmp_path / "run"), metrics)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("model=nose",), "scheme none, have no selection 'nose_tip'; choose model=full or model=heatmap"),
        (("data.reader.scheme=ibug86",), "there is no scheme ibug86"),
        (("data.labels=mended",), r"data\.labels=mended is for the Danes set"),
    ],
)
def test_what_does_not_go_together_is_told(asf_root, tmp_path, overrides, message):
    with pytest.raises(ConfigError, match=message):
        train_on("asf", asf_root, tmp_path / "run", *overrides)


def test_a_scheme_can_stand_in_the_settings_themselves(asf_root, tmp_path):
    scheme = "{points: 5, groups: {row: {points: 0-4}}, mirror: [[0, 1]], eyes: [0, 1], selections: {tip: [2]}}"
    metrics = train_on("asf", asf_root, tmp_path / "run", f"data.reader.scheme={scheme}", "model.selection=tip")
    assert list(metrics["by_group"]) == ["all"]
    np.testing.assert_equal(evaluated_again(tmp_path / "run"), metrics)


def test_coco_points_are_learnt_by_their_names(tmp_path):
    written = []
    for name, size, points_px in faces(3):
        draw(tmp_path / "images" / f"{name}.png", size, points_px)
        written.append((f"{name}.png", size, np.c_[points_px, np.full(3, 2)].flatten().tolist()))
    path = write_coco(tmp_path / "faces.json", coco(EYES, written))
    metrics = train_on("coco", tmp_path / "images", tmp_path / "run", f"data.reader.annotations={path}")
    assert list(metrics["by_group"]) == [*EYES, "all"]
    assert metrics["images"] == FACES // 5
    assert np.isfinite(metrics["metrics"]["nme"])
    np.testing.assert_equal(evaluated_again(tmp_path / "run"), metrics)


def test_the_coco_file_must_be_named(tmp_path):
    with pytest.raises(ConfigError, match=r"data\.reader\.annotations must be given"):
        train_on("coco", tmp_path, tmp_path / "run")
