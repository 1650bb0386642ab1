"""A run from beginning to end inside this process, on drawn faces: what it leaves behind, and what agrees with what."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from evaluate import evaluate
from facekp.data.records import name_of_type
from facekp.inference.load import SHIPPED
from facekp.landmarks.scheme import DANES
from facekp.models.checkpoint import read_checkpoint
from facekp.models.module import KeypointModule
from facekp.runs.find import measured_of
from facekp.runs.folder import RunFolder
from facekp.runs.messages import error_message
from facekp.utils.errors import CheckpointError, ConfigError
from tests.helpers import assert_same_results, blank_figures, config
from train import train


def settings(root: Path, run_dir: Path, *overrides: str) -> list[str]:
    return [
        f"data.root={root}",
        f"run_dir={run_dir}",
        "data.split=person_folds",
        "data.folds=4",
        "trainer.accelerator=cpu",
        "model.samples_per_image=1",
        "callbacks.pictures.every_n_epochs=2",
        *overrides,
    ]


@pytest.fixture(scope="module")
def run_dir(drawn_root, tmp_path_factory) -> Path:
    """A finished run of the nose network: three epochs on three people, one held out."""
    folder = tmp_path_factory.mktemp("runs") / "nose"
    folder.mkdir()
    train(config("train", *settings(drawn_root, folder, "model=nose", "trainer.max_epochs=3")))
    return folder


@pytest.fixture(scope="module")
def full_dir(drawn_root, tmp_path_factory) -> Path:
    """A finished run of the full network."""
    folder = tmp_path_factory.mktemp("runs") / "full"
    folder.mkdir()
    with blank_figures():
        train(config("train", *settings(drawn_root, folder, "model=full", "trainer.max_epochs=2")))
    return folder


@pytest.fixture(scope="module")
def heatmap_dir(drawn_root, tmp_path_factory) -> Path:
    """A finished run of the heatmap network, a smaller one than is shipped."""
    folder = tmp_path_factory.mktemp("runs") / "heatmap"
    folder.mkdir()
    smaller = "model.input_size=[160,120]", "model.network.crop_size=96"
    train(config("train", *settings(drawn_root, folder, "model=heatmap", "trainer.max_epochs=2", *smaller)))
    return folder


@pytest.fixture(autouse=True)
def blank() -> Iterator[None]:
    """Runs of a test itself have blank figures; those of the other fixtures have them drawn."""
    with blank_figures():
        yield


@pytest.fixture(scope="module")
def events(run_dir) -> EventAccumulator:
    found = EventAccumulator(str(run_dir), size_guidance={"images": 0, "scalars": 0, "tensors": 0})
    found.Reload()
    return found


def test_the_run_folder_holds_all_that_the_run_made(run_dir, drawn_split):
    there = {str(path.relative_to(run_dir)) for path in run_dir.rglob("*") if path.is_file()}
    assert {"split.json", "metrics.json", "predictions.csv", "checkpoints/best.ckpt", "checkpoints/last.ckpt"} <= there
    assert {"run.json", "report.html"} <= there
    figures = {path.stem for path in (run_dir / "figures").glob("*.png")}
    assert figures == {
        "ground_truth",
        "spread_faces",
        "turned_faces",
        "cumulative_error",
        "error_by_type_and_group",
        "numbered_points",
        "error_vectors",
        "loss_curves",
        *(f"filters_{n}" for n in (1, 2, 3)),
        *(f"responses_{n}" for n in (1, 2, 3)),
    }
    assert not [name for name in there if name.endswith(".part")]
    split = json.loads((run_dir / "split.json").read_text())
    assert split["val"] == [record.name for record in drawn_split.val]


def test_metrics_tell_their_origin_and_have_every_row(run_dir):
    metrics = json.loads((run_dir / "metrics.json").read_text())
    assert metrics["data"] == "danes"
    assert metrics["labels"] == "mended"
    assert metrics["split"] == "person fold 0 of 4"
    assert (metrics["model"], metrics["weights"], metrics["epoch"], metrics["images"]) == ("nose", "last", 3, 6)
    assert list(metrics["by_type"]) == [*map(name_of_type, range(1, 7)), "frontal", "turned", "all"]
    assert list(metrics["by_group"]) == ["all"]
    assert metrics["by_type"]["frontal"]["images"] == 3
    assert metrics["by_type"]["turned"]["images"] == 2
    assert metrics["mean_shape"]["by_type"]["all"]["error_px"] == metrics["metrics"]["mean_shape_error_px"]


def test_the_full_network_is_reported_by_every_group(full_dir):
    metrics = json.loads((full_dir / "metrics.json").read_text())
    assert list(metrics["by_group"]) == [*(group.name for group in DANES.groups), "inner", "all"]


def test_predictions_tell_how_sure_they_are_if_the_network_knows(full_dir, heatmap_dir):
    for folder, knows in ((full_dir, False), (heatmap_dir, True)):
        with (folder / "predictions.csv").open(newline="") as file:
            confidence = [row["confidence"] for row in csv.DictReader(file)]
        assert (folder / "figures" / "confidence.png").is_file() is knows
        assert ("<h2>Confidence</h2>" in (folder / "report.html").read_text()) is knows
        if knows:
            assert all(0 <= float(value) <= 1 for value in confidence)
        else:
            assert set(confidence) == {""}


@pytest.mark.parametrize("folder", ["run_dir", "full_dir", "heatmap_dir"])
def test_evaluating_the_stored_checkpoint_gives_what_training_reported(folder, request, capsys):
    folder = request.getfixturevalue(folder)
    trained = json.loads((folder / "metrics.json").read_text())
    evaluated = evaluate(config("evaluate", f"ckpt_path={folder}", "accelerator=cpu"))
    assert evaluated == trained
    last = {
        tag.removeprefix("val/"): values[-1] for tag, (_, values) in RunFolder(folder).scalars.items() if "val/" in tag
    }
    for name, value in evaluated["metrics"].items():
        assert last[name] == pytest.approx(value, rel=1e-6)  # TensorBoard keeps 32 bits
    assert measured_of(folder / "checkpoints" / "last.ckpt") == {
        name: trained[name] for name in ("data", "labels", "split", "images", "metrics")
    }
    assert measured_of(folder / "checkpoints" / "best.ckpt") is None
    written = folder / "evaluate" / "last-mended"
    assert (written / "predictions.csv").read_text() == (folder / "predictions.csv").read_text()
    assert (written / "report.html").is_file()
    printed = capsys.readouterr().out
    for word in ("turned", "frontal", "mean shape", "PCK@0.05", "person fold 0 of 4", "mended"):
        assert word in printed


def test_best_weights_are_named_so_and_were_the_best(run_dir):
    best = evaluate(config("evaluate", f"ckpt_path={run_dir}", "weights=best", "accelerator=cpu"))
    errors = RunFolder(run_dir).scalars["val/error_px"][1]
    assert best["weights"] == "best"
    assert best["metrics"]["error_px"] == pytest.approx(min(errors), rel=1e-6)
    assert best["epoch"] == int(np.argmin(errors)) + 1


def test_raw_labels_can_be_asked_for_without_losing_the_other_results(run_dir):
    before = (run_dir / "metrics.json").read_text()
    raw = evaluate(config("evaluate", f"ckpt_path={run_dir}", "data.labels=raw", "accelerator=cpu"))
    assert raw["labels"] == "raw"
    assert (run_dir / "evaluate" / "last-raw" / "metrics.json").is_file()
    assert (run_dir / "metrics.json").read_text() == before


def test_predictions_csv_agrees_with_the_metrics(full_dir, drawn_split):
    with (full_dir / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 58 * len(drawn_split.val)
    for record in drawn_split.val:
        mine = [row for row in rows if row["image"] == record.name]
        true = np.array([(float(row["true_x_px"]), float(row["true_y_px"])) for row in mine])
        np.testing.assert_allclose(true, record.keypoints * (640, 480), atol=2e-3)
    predicted = np.array([(float(row["x_px"]), float(row["y_px"])) for row in rows])
    true = np.array([(float(row["true_x_px"]), float(row["true_y_px"])) for row in rows])
    metrics = json.loads((full_dir / "metrics.json").read_text())["metrics"]
    assert np.linalg.norm(predicted - true, axis=1).mean() == pytest.approx(metrics["error_px"], abs=1e-2)
    assert np.mean([float(row["error_px"]) for row in rows]) == pytest.approx(metrics["error_px"], abs=1e-3)


def test_tensorboard_has_the_pictures_and_the_first_come_with_the_first_epoch(events, drawn_split):
    steps = {tag: [event.step for event in events.Images(tag)] for tag in events.Tags()["images"]}
    batches = -(-len(drawn_split.train) // 16)
    assert steps.pop("view/predictions") == [0, 2 * batches - 1, 3 * batches - 1]
    sheets = (
        "ground truth",
        "augmented training faces",
        "mean shapes",
        "numbered points",
        "one face under augmentation",
    )
    assert steps == {f"view/{name}": [0] for name in sheets}
    second_epoch = events.Scalars("val/loss")[1].wall_time
    assert all(events.Images(tag)[0].wall_time < second_epoch for tag in (*steps, "view/predictions"))


def test_tensorboard_lays_training_and_validation_on_one_chart(events):
    layout = events.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0]
    assert b"train/loss" in layout
    assert b"val/loss" in layout


def test_tensorboard_has_hyperparameters_with_the_final_figures(events, run_dir):
    metrics = json.loads((run_dir / "metrics.json").read_text())["metrics"]
    scalars = RunFolder(run_dir).scalars
    assert scalars["val/error_px"][1][-1] == pytest.approx(metrics["error_px"], rel=1e-6)
    plugin = EventAccumulator(str(run_dir))
    plugin.Reload()
    assert "_hparams_/session_start_info" in plugin.summary_metadata
    assert "train/lr" in scalars


def test_checkpoints_hold_plain_data_and_what_made_them(run_dir):
    checkpoint = read_checkpoint(run_dir / "checkpoints" / "last.ckpt")
    data, seed = checkpoint.data_settings()
    assert (checkpoint.model.name, checkpoint.epoch, data.split, seed) == ("nose", 3, "person_folds", 0)
    assert KeypointModule.load_from_checkpoint(checkpoint.path).point_indices == [52]


def test_the_same_seed_gives_the_same_run_with_any_number_of_workers(drawn_root, tmp_path):
    short = ("model=nose", "trainer.max_epochs=2", "callbacks.pictures=null")
    for workers in (0, 2):
        folder = tmp_path / str(workers)
        folder.mkdir()
        train(config("train", *settings(drawn_root, folder, *short), f"data.num_workers={workers}"))
    assert_same_results(tmp_path / "0", tmp_path / "2")


@pytest.mark.slow
def test_a_resumed_run_ends_where_an_uninterrupted_one_does(drawn_root, tmp_path):
    def overrides(folder: Path, epochs: int, *more: str) -> list[str]:
        folder.mkdir(exist_ok=True)
        wanted = ("model=nose", "schedule=constant", f"trainer.max_epochs={epochs}", *more)
        return settings(drawn_root, folder, *wanted)

    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(config("train", *overrides(whole, 4)))
    train(config("train", *overrides(parts, 2)))
    train(config("train", *overrides(parts, 4, f"resume={parts}")))
    assert_same_results(whole, parts)


def test_a_checkpoint_of_another_model_is_refused_and_nothing_is_lost(run_dir, drawn_root, tmp_path):
    before = (run_dir / "checkpoints" / "last.ckpt").read_bytes()
    with pytest.raises(CheckpointError, match=r"was made with model\.network=.*NoseNet.* go on with model=nose"):
        train(config("train", *settings(drawn_root, tmp_path, "model=full", f"resume={run_dir}")))
    assert (run_dir / "checkpoints" / "last.ckpt").read_bytes() == before


def test_a_run_that_has_finished_is_not_gone_on_with_unless_it_is_given_more_epochs(run_dir, drawn_root):
    with pytest.raises(ConfigError, match=r"has finished its 3 epochs; to go on, add trainer\.max_epochs="):
        train(config("train", *settings(drawn_root, run_dir, "trainer.max_epochs=3", f"resume={run_dir}")))


def test_a_run_is_not_begun_where_another_one_lies(run_dir, drawn_root):
    with pytest.raises(ConfigError, match=r"holds a run already; go on with it by resume="):
        train(config("train", *settings(drawn_root, run_dir)))


@pytest.mark.parametrize(
    ("path", "message"), [("nowhere", "nowhere does not exist"), ("empty", r"has no checkpoints/last\.ckpt")]
)
def test_a_missing_checkpoint_is_named(tmp_path, path, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match=message):
        evaluate(config("evaluate", f"ckpt_path={tmp_path / path}"))


def test_a_network_that_refuses_its_settings_is_named(drawn_root, tmp_path):
    with pytest.raises(ConfigError, match=r"model\.network: facekp\.models\.nose\.NoseNet refuses its settings"):
        train(config("train", *settings(drawn_root, tmp_path, "model=nose", "+model.network.colour=red")))


def test_results_can_be_moved_away_with_their_checkpoint(run_dir, tmp_path):
    alone = Path(shutil.copy(run_dir / "checkpoints" / "last.ckpt", tmp_path / "mine.ckpt"))
    measured = evaluate(config("evaluate", f"ckpt_path={alone}", "accelerator=cpu"))
    assert (tmp_path / "evaluate" / "mine-mended" / "metrics.json").is_file()
    assert measured["weights"] == "mine"
    assert not (tmp_path / "evaluate" / "mine-mended" / "figures" / "loss_curves.png").exists()


@pytest.mark.parametrize("none", ["~logger", "logger.tensorboard=null"])
def test_a_run_needs_no_logger(drawn_root, tmp_path, none):
    train(config("train", *settings(drawn_root, tmp_path, "model=nose", "trainer.max_epochs=1", none)))
    assert (tmp_path / "report.html").is_file()
    assert not list(tmp_path.glob("*tfevents*"))


def test_a_share_of_too_few_batches_is_one_sentence(drawn_root, tmp_path):
    few = settings(drawn_root, tmp_path, "model=nose", "trainer.max_epochs=1", "trainer.limit_train_batches=0.05")
    with pytest.raises(MisconfigurationException) as caught:
        train(config("train", *few))
    sentence = error_message(caught.value)
    assert sentence is not None
    assert "Try at least `limit_train_batches=" in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("weights", [SHIPPED, Path("link", SHIPPED.name)], ids=["absolute", "relative"])
def test_nothing_is_written_into_the_package(weights, drawn_root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("link").symlink_to(SHIPPED.parent)
    before = sorted(SHIPPED.parent.rglob("*"))
    people = "data.split=all", "data.persons=[1,1]"
    evaluate(config("evaluate", f"ckpt_path={weights}", f"data.root={drawn_root}", *people, "accelerator=cpu"))
    assert sorted(SHIPPED.parent.rglob("*")) == before
    (results,) = tmp_path.glob("outputs/evaluate/*/metrics.json")
    assert results.parent.name.startswith(SHIPPED.stem)


@pytest.mark.parametrize("below", ["", "below/more"])
def test_results_cannot_be_written_where_a_file_is(run_dir, tmp_path, below):
    (tmp_path / "file").touch()
    place = f"output_dir={tmp_path / 'file' / below}"
    for wanted in (f"ckpt_path={run_dir}", f"compare=[{run_dir},{shutil.copytree(run_dir, tmp_path / 'copy')}]"):
        with pytest.raises(OSError, match=r"File exists|Not a directory") as caught:
            evaluate(config("evaluate", wanted, place))
        assert "cannot be used" in str(error_message(caught.value))
    assert (tmp_path / "file").read_bytes() == b""


def test_too_little_memory_is_one_sentence():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50)
    assert "make data.batch_size, model.input_size or model.network smaller" in str(error_message(caught.value))
