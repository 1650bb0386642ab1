"""Arguments of Lightning's Trainer that the schema does not describe."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.profilers import AdvancedProfiler
from torch.utils.tensorboard import SummaryWriter

from facekp.runs.folder import RunFolder
from facekp.training.trainer import build_trainer
from facekp.utils.errors import ConfigError
from tests.helpers import config
from train import train


@pytest.fixture
def run(drawn_root, tmp_path, monkeypatch):
    """Train the nose network on 18 drawn faces, in batches of 4, for two epochs; returns the run folder."""
    monkeypatch.setattr("facekp.reporting.results.draw", lambda *_: [])  # takes longer than the training does
    monkeypatch.setattr("facekp.reporting.report.write_report", lambda *_: tmp_path / "report.html")
    settings = (
        *("model=nose", f"data.root={drawn_root}", "data.split=person_folds", "data.folds=4", "data.batch_size=4"),
        *("data.samples_per_image=1", "augment=none", "trainer.max_epochs=2", "trainer.accelerator=cpu"),
        *("callbacks.pictures=null", f"run_dir={tmp_path}"),
    )

    def begin(*overrides: str) -> Path:
        train(config("train", *settings, *overrides))
        return tmp_path

    return begin


def steps(folder: Path) -> int:
    return json.loads((folder / "run.json").read_text())["parts"][-1]["steps"]


def test_fast_dev_run_goes_through_everything_without_checkpoint_and_logger(run):
    folder = run("+trainer.fast_dev_run=true")
    assert steps(folder) == 1
    assert (folder / "metrics.json").is_file()
    assert not (folder / "checkpoints").exists()
    assert not list(folder.glob("*tfevents*"))


def test_overfit_batches_sees_the_same_few_batches_in_every_epoch(run, monkeypatch):
    seen: list[list[int]] = []
    monkeypatch.setattr(
        "facekp.training.callbacks.GracefulStop.on_train_batch_end",
        lambda _self, _trainer, _module, _outputs, batch, _index: seen.append(batch["index"].tolist()),
    )
    folder = run("+trainer.overfit_batches=2")
    assert steps(folder) == 4
    assert seen == [[0, 1, 2, 3], [4, 5, 6, 7]] * 2


def test_accumulated_batches_are_one_step_with_their_mean_loss(run):
    folder = run("+trainer.accumulate_grad_batches=4")
    assert steps(folder) == 4
    logged, losses = RunFolder(folder).scalars["train/loss"]
    assert logged == [0, 1, 2, 3]
    assert all(0 < loss < 1 for loss in losses)


def test_a_profile_is_printed(run, caplog):
    run("+trainer.profiler=simple")
    assert "run_training_batch" in caplog.text


def test_an_object_is_created_from_its_settings(tmp_path):
    wanted = "+trainer.profiler={_target_: lightning.pytorch.profilers.AdvancedProfiler}"
    trainer = build_trainer(config("train", f"run_dir={tmp_path}", wanted))
    assert isinstance(trainer, Trainer)
    assert isinstance(trainer.profiler, AdvancedProfiler)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+trainer.acumulate_grad_batches=4", r"no argument acumulate_grad_batches \(did you mean accumulate_grad_b"),
        ("+trainer.profiler=simpel", r"trainer\.profiler=simpel is not possible here \(.*simple.*\); choose others"),
        ("+trainer.callbacks=[]", r"\+trainer\.callbacks: use the callbacks settings instead"),
    ],
)
def test_what_the_trainer_does_not_take_is_one_sentence(tmp_path, override, message):
    with pytest.raises(ConfigError, match=message):
        build_trainer(config("train", f"run_dir={tmp_path}", override))


def test_what_a_run_logs_comes_after_what_was_logged_in_the_same_second(tmp_path):
    with SummaryWriter(tmp_path, purge_step=0) as writer:
        writer.add_scalar("train/loss", 9.0, 5)
    (older,) = tmp_path.glob("*tfevents*")
    older.rename(tmp_path / f"events.out.tfevents.{int(time.time()):010d}.zzz")  # the last of its second
    trainer = build_trainer(config("train", f"run_dir={tmp_path}"))
    trainer.logger.log_metrics({"train/loss": 1.0}, step=0)
    trainer.logger.finalize("success")
    assert RunFolder(tmp_path).scalars["train/loss"] == ([0], [1.0])


def test_values_that_are_discarded_leave_no_curve(tmp_path):
    with SummaryWriter(tmp_path, purge_step=0) as writer:
        writer.add_scalar("train/loss", 9.0, 5)
    with SummaryWriter(tmp_path, purge_step=0, filename_suffix=".later"):
        pass
    assert RunFolder(tmp_path).scalars == {}
