"""The baselines, where they are installed, and their comparison with networks on predictions whose errors are known."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facekp.benchmarks.detectors import command as commands
from facekp.benchmarks.detectors.base import Baseline, MeanShape
from facekp.benchmarks.detectors.comparison import measure
from facekp.benchmarks.detectors.dlib_ert import OwnBox, TrueBox
from facekp.benchmarks.detectors.measure import evaluate_baseline
from facekp.benchmarks.detectors.mediapipe_mesh import FaceMesh
from facekp.benchmarks.detectors.methods import FOLDS, read_methods
from facekp.benchmarks.detectors.page import details, draw, overview, write
from facekp.config import DataConfig
from facekp.data.readers.danes import DanesReader
from facekp.data.splits import Split
from facekp.evaluation.catalogue import by_image
from facekp.landmarks.scheme import DANES
from facekp.runs.find import find_runs
from facekp.utils.errors import DataError, FacekpError
from tests.helpers import config
from tests.run_folders import part, write_stored

DATA = DataConfig(name="drawn")
ALTERNATELY = np.resize([1.0, -1.0], len(DANES))


class Missing(Baseline):
    """Misses every point by so many pixels, [2] or [K, 2]."""

    given = "the truth"

    def __init__(self, name, miss_px) -> None:
        super().__init__(DANES)
        self.name, self._miss_px = name, np.asarray(miss_px, float)

    def fit(self, records) -> None:
        pass

    def predict(self, record):
        return (record.keypoints + self._miss_px / record.image_size).astype(np.float32)


@pytest.fixture(scope="module")
def faces(drawn_records):
    """Labels of ten people; those beyond the fourth have no photographs of their own."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(60):
        record, noise = drawn_records[number % 24], rng.normal(0, 0.002, (len(DANES), 2))
        name = f"{number // 6 + 1:02}-{number % 6 + 1}m"
        shape = (record.keypoints + noise).astype(np.float32)
        made.append(replace(record, name=name, person=number // 6 + 1, keypoints=shape))
    return made


@pytest.fixture
def predicted(faces, tmp_path):
    """Write predictions with the given error; those of a network if there are settings."""

    def write(name, miss_px, split="course", settings=None) -> Path:
        number = FOLDS.index(split) if split in FOLDS else 4
        held_out = faces[12 * number : 12 * number + 12]
        folder = tmp_path / "runs" / f"{len(list(tmp_path.glob('runs/*')))}"
        measured = evaluate_baseline(Missing(name, miss_px), Split(split, faces[:6], held_out), DATA, folder)
        if settings is not None:
            for key in ("kind", "trained_on", "given"):
                del measured[key]
            (folder / "metrics.json").write_text(json.dumps(measured))
            write_stored(folder, {"model": {"name": name, "input_size": [80, 60]}, **settings}, parts=(part(),))
        return folder

    return write


@pytest.fixture
def runs(predicted) -> str:
    """Two seeds of a network, two detectors that share an error of (2, 2), and a baseline; the folder of them all."""
    predicted("full", (0, 2), settings={"seed": 0})
    predicted("full", (0, 4), settings={"seed": 1})
    predicted(FaceMesh.name, np.stack([2 + ALTERNATELY, np.full(58, 2.0)], axis=-1))
    return str(predicted(OwnBox.name, np.stack([np.full(58, 2.0), 2 + 3 * ALTERNATELY], axis=-1)).parent)


def rows_of(compared):
    return {row["name"]: row for row in compared["methods"]}


def test_a_baseline_leaves_a_folder_like_a_runs(predicted, faces):
    one, other = (predicted("one", (3, 4)), predicted("other", (0, 0)))
    measured = json.loads((one / "metrics.json").read_text())
    assert measured["by_type"]["all"]["error_px"] == pytest.approx(5, abs=1e-3)
    assert measured["by_type"]["all"]["mse_px2"] == pytest.approx(12.5, abs=1e-2)
    assert measured["trained_on"] == "6 faces"
    assert measured["metrics"]["cpu_ms"] >= 0
    assert measured["mean_shape"]["by_type"]["all"]["mse_px2"] > 12.5
    run, exact = (folder.predictions for folder in find_runs([str(one), str(other)])[0].values())
    assert run.images == tuple(record.name for record in faces[-12:])
    assert run.predicted_px - run.true_px == pytest.approx(np.broadcast_to((3, 4), run.true_px.shape), abs=2e-3)
    assert by_image(exact.errors)["error_px"].max() < 1e-3


def test_the_mean_shape_is_that_of_those_learnt_from(faces):
    baseline = MeanShape(DANES)
    baseline.fit(faces[:2])
    assert baseline.predict(faces[40]) == pytest.approx((faces[0].keypoints + faces[1].keypoints) / 2)


def test_seeds_are_averaged_and_every_figure_is_there(runs, faces):
    methods = read_methods([runs], DANES)
    assert [method.name for method in methods] == [OwnBox.name, "full", FaceMesh.name]
    row = rows_of(measure(methods, faces))["full"]
    assert (row["runs"], row["trained_on"], row["given"]) == (2, "192 faces", "whole image 80x60")
    assert row["mse_px2"] == pytest.approx([2, 8], abs=1e-2)
    assert row["jaw_mse_px2"] == pytest.approx([2, 8], abs=1e-2)
    assert row["error_px"] == pytest.approx([2, 4], abs=1e-2)
    assert row["inner_nme"] == pytest.approx(row["nme"], rel=1e-3)
    eyes = np.stack([r.keypoints * r.image_size for r in faces[-12:]])
    one, other = (eyes[:, list(eye)].mean(1) for eye in DANES.eyes)
    assert row["nme"][0] == pytest.approx((2 / np.linalg.norm(one - other, axis=1)).mean(), rel=1e-3)
    assert row["mse_px2_by_type"]["type 3, turned right"] == pytest.approx([2, 8], abs=1e-2)
    assert row["folds"]["mse_px2"] == []
    assert row["cpu_ms"] == []  # it has left no weights


def test_differences_are_of_the_same_images_and_say_whether_chance_would_do(runs, faces):
    compared = measure(read_methods([runs], DANES), faces)
    (pair,) = (pair for pair in compared["differences"] if pair["detector"] == FaceMesh.name)
    found = pair["course"]["mse_px2"]
    assert [found[part] for part in ("mean", "low", "high")] == pytest.approx([0.5] * 3, abs=0.01)  # 5 against 4.5
    assert found["verdict"] == "worse"
    assert pair["course"]["images"] == 12
    text = overview(compared)
    assert f"| full − {FaceMesh.name} | persons 33-40 | 12 | +0.5 (+0.5 to +0.5): worse |" in text
    assert "| full | 192 faces | whole image 80x60 | 2 | 3.00 ± 1.41 | 5.0 ± 4.2 |" in text


def test_folds_count_where_there_are_all_of_them(predicted, faces):
    for number, split in enumerate(FOLDS):
        predicted("full", (0, 2 * number), split, settings={"data": {"fold": number}})
        predicted("other", (0, 2), split)
        if number:
            predicted("half", (0, 2), split)
    predicted("full", (0, 1), settings={"data": {"fold": 0}})
    predicted("half", (0, 1))
    folder = str(predicted("other", (0, 1)).parent)
    compared = measure(read_methods([folder], DANES), faces)
    rows = rows_of(compared)
    assert rows["full"]["folds"]["mse_px2"] == pytest.approx([np.mean([0, 2, 8, 18, 32])], abs=0.01)
    assert rows["half"]["folds"]["mse_px2"] == []
    (pair,) = (pair for pair in compared["differences"] if pair["detector"] == "other")
    assert pair["folds"]["images"] == 60
    assert pair["folds"]["mse_px2"]["mean"] == pytest.approx(10, abs=0.01)
    assert pair["folds"]["mse_px2"]["low"] < 10 < pair["folds"]["mse_px2"]["high"]
    assert "folds" not in next(pair for pair in compared["differences"] if pair["detector"] == "half")


def test_every_seed_goes_through_the_folds_by_itself(predicted, faces):
    for seed, off in ((10, 4), (2, 2)):
        for number, split in enumerate(FOLDS[:-1]):
            predicted("full", (0, off), split, settings={"data": {"fold": number}, "seed": seed})
        folder = predicted("full", (0, off), settings={"data": {"fold": 0}, "seed": seed}).parent
    methods = read_methods([str(folder)], DANES)
    (row,) = measure(methods, faces)["methods"]
    assert sorted(row["folds"]["mse_px2"]) == pytest.approx([2, 8], abs=0.01)
    assert sorted(row["folds"]["error_px"]) == pytest.approx([2, 4], abs=0.01)
    predicted("full", (0, 8), settings={"data": {"fold": 0}, "seed": 3})  # on the course split alone
    (row,) = (measured := measure(read_methods([str(folder)], DANES), faces))["methods"]
    assert sorted(row["folds"]["mse_px2"]) == pytest.approx([2, 8], abs=0.01)
    assert "| full | 3.00 ± 1.41 | 5.0 ± 4.2 |" in details(measured)


def test_runs_on_the_course_split_stand_for_the_fold_of_the_same_people(predicted, faces):
    for number, split in enumerate(FOLDS[:-1]):
        predicted("other", (0, 2 * number), split)
    folder = str(predicted("other", (0, 8)).parent)
    (row,) = measure(read_methods([folder], DANES), faces)["methods"]
    assert row["folds"]["mse_px2"] == pytest.approx([np.mean([0, 2, 8, 18, 32])], abs=0.01)


def test_runs_belong_together_by_their_settings(predicted):
    for augment in ("augmentation", "none"):
        for seed in (0, 1):
            predicted("full", (seed, 1), settings={"augment": {"name": augment}, "seed": seed})
    folder = str(predicted("full", (1, 1), "random images", settings={"seed": 0}).parent)
    methods = read_methods([folder], DANES)
    assert {method.name: len(method.course) for method in methods} == {
        "full augment.name=augmentation": 2,
        "full augment.name=none": 2,
    }


def test_what_does_not_fit_is_named(predicted, capsys):
    predicted("one", (1, 1))
    folder = predicted("two", (1, 1), "random images")
    assert [method.name for method in read_methods([str(folder.parent)], DANES)] == ["one"]
    assert "random images" in capsys.readouterr().out
    predicted("three", (1, 1), FOLDS[0])
    with pytest.raises(DataError, match="three has no run on split course"):
        read_methods([str(folder.parent)], DANES)
    (folder / "predictions.csv").unlink()
    write_stored(folder)
    with pytest.raises(DataError, match="did not finish"):
        read_methods([str(folder.parent)], DANES)


def test_the_comparison_is_published_whole_and_the_same_again(runs, faces, tmp_path):
    docs, readme = tmp_path / "docs", tmp_path / "README.md"
    readme.write_text("before\n<!-- comparison -->\nof last year\n<!-- /comparison -->\nafter\n")
    write(measure(read_methods([runs], DANES), faces), docs, [readme])
    first = {path.name: path.read_bytes() for path in docs.iterdir()}
    assert set(first) == {"comparison.json", "comparison.md", "comparison.svg"}
    once = readme.read_text()
    assert once.startswith("before\n<!-- comparison -->\n")
    assert once.endswith("<!-- /comparison -->\nafter\n")
    assert "of last year" not in once
    assert faces[-1].name not in first["comparison.json"].decode()  # nothing of single images
    write(measure(read_methods([runs], DANES), faces), docs, [readme])
    assert {path.name: path.read_bytes() for path in docs.iterdir()} == first
    assert readme.read_text() == once


def test_the_figure_shows_every_method_whose_cost_is_known(runs, faces):
    compared = measure(read_methods([runs], DANES), faces)
    (axes,) = draw(compared).axes
    assert {text.get_text() for text in axes.texts} == {OwnBox.name, FaceMesh.name}
    for line, text in zip(axes.lines, axes.texts, strict=True):
        assert line.get_ydata() == pytest.approx([100 * rows_of(compared)[text.get_text()]["inner_nme"][0]])


@pytest.mark.parametrize(("kind", "package"), [(FaceMesh, "mediapipe"), (TrueBox, "dlib"), (OwnBox, "dlib")])
def test_a_baseline_that_is_not_installed_says_what_to_do(monkeypatch, kind, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(FacekpError, match="make detectors") as raised:
        kind(DANES)
    assert str(raised.value).startswith(f"{package} is not installed")


def test_publishing_comes_after_measuring(monkeypatch, tmp_path, drawn_root):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"first give python -m facekp detectors measure"):
        commands.publish(config("train", f"data.root={drawn_root}", f"run_dir={tmp_path}"))


@pytest.mark.danes
@pytest.mark.parametrize(("kind", "package"), [(FaceMesh, "mediapipe"), (TrueBox, "dlib"), (OwnBox, "dlib")])
def test_a_baseline_learns_from_a_few_people_what_another_looks_like(danes_root, kind, package):
    pytest.importorskip(package, reason=f"{package} is not installed here; make detectors installs it")
    records = DanesReader().read(danes_root, "mended")
    learnt, held_out = records[:30], records[-6:]
    errors = {}
    for baseline in (kind(DANES), MeanShape(DANES)):
        baseline.fit(learnt)
        px = [(baseline.predict(record) - record.keypoints) * record.image_size for record in held_out]
        errors[baseline.name] = np.square(px).mean()
        assert not baseline.missed
    assert errors[kind.name] < errors[MeanShape.name] / 4
