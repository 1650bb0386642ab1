"""Runs by several processes, against the same run by one; on CPUs, by gloo."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.accelerators import CUDAAccelerator, MPSAccelerator

from evaluate import evaluate
from facekp.data.samplers import DistributedBatchSampler, EpochSampler
from facekp.runs.folder import RunFolder
from facekp.training.trainer import build_trainer
from facekp.utils.errors import ConfigError
from tests.helpers import config
from train import train

REPOSITORY = Path(__file__).parents[2]
TRAIN = str(REPOSITORY / "train.py")
TWO = ("trainer=ddp", "trainer.devices=2", "trainer.accelerator=cpu")


def shares(samples: int, batch_size: int, processes: int) -> list[list[list[Any]]]:
    """For each process, its part of each batch."""
    sampler = EpochSampler(samples, seed=3)
    return [list(DistributedBatchSampler(sampler, batch_size, rank, processes)) for rank in range(processes)]


@pytest.mark.parametrize("samples", [48, 44, 41])
@pytest.mark.parametrize("processes", [1, 2, 4])
def test_the_shares_of_all_processes_are_the_batches_of_one(samples, processes):
    (whole,) = shares(samples, 16, 1)
    assert sorted(index for batch in whole for _, index in batch) == list(range(samples))
    for batch, *parts in zip(whole, *shares(samples, 16, processes), strict=True):
        assert len({len(part) for part in parts}) == 1
        if len(batch) % processes == 0:
            assert sorted(key for part in parts for key in part) == sorted(batch)
        else:
            assert parts == [batch] * processes


def test_a_batch_that_cannot_be_shared_evenly_is_refused():
    with pytest.raises(ConfigError, match=r"data\.batch_size=16 cannot be shared evenly by 3 processes"):
        config("train", "run_dir=nowhere", "trainer=ddp", "trainer.devices=3")


def test_where_there_is_no_gpu_one_sentence_says_so(monkeypatch, tmp_path):
    for accelerator in (CUDAAccelerator, MPSAccelerator):
        monkeypatch.setattr(accelerator, "is_available", staticmethod(lambda: False))
    settings = config("train", "trainer=gpu", f"run_dir={tmp_path}")
    assert settings.trainer.precision == "bf16-mixed"
    with pytest.raises(ConfigError, match=r"trainer\.accelerator=gpu, trainer\.devices=1 is not possible here"):
        build_trainer(settings)


@pytest.fixture(scope="module")
def settings(drawn_root, drawn_records, tmp_path_factory) -> list[str]:
    """19 training images, which leaves a last batch of three, and five validation images."""
    names = [record.name for record in drawn_records]
    split = tmp_path_factory.mktemp("split") / "odd.json"
    split.write_text(json.dumps({"split": "odd", "train": names[5:], "val": names[:5]}))
    return [
        "model=nose",
        f"data.root={drawn_root}",
        f"data.split={split}",
        "model.samples_per_image=1",
        "trainer.max_epochs=2",
        "trainer.accelerator=cpu",
        "callbacks.pictures.faces=2",
    ]


@pytest.fixture(scope="module")
def alone(settings, tmp_path_factory) -> Path:
    """The run by one process."""
    folder = tmp_path_factory.mktemp("alone")
    train(config("train", *settings, f"run_dir={folder}"))
    return folder


def begin(cwd: Path, *arguments: str, launcher: Sequence[str] = (), **more: str) -> subprocess.Popen[str]:
    command = [sys.executable, *launcher, TRAIN, *arguments]
    env = os.environ | {"CI": "1", "OMP_NUM_THREADS": "1"} | more
    return subprocess.Popen(
        command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def finish(run: subprocess.Popen[str]) -> tuple[str, str]:
    said, errors = run.communicate(timeout=600)
    assert run.returncode == 0, errors
    return said, errors


def assert_same_to_rounding(one: Path, other: Path) -> None:
    """The metrics, predictions, curves and weights of two run folders, and which files there are."""
    metrics = [json.loads((folder / "metrics.json").read_text()) for folder in (one, other)]
    assert metrics[1]["metrics"] == pytest.approx(metrics[0]["metrics"], rel=1e-3)
    assert metrics[1]["images"] == metrics[0]["images"]
    rows = [list(csv.DictReader((folder / "predictions.csv").open())) for folder in (one, other)]
    assert [row["image"] for row in rows[1]] == [row["image"] for row in rows[0]]
    assert [float(row["x_px"]) for row in rows[1]] == pytest.approx([float(row["x_px"]) for row in rows[0]], abs=0.05)
    curves = [RunFolder(folder).scalars for folder in (one, other)]
    assert curves[1].keys() == curves[0].keys()
    for tag, (steps, values) in curves[0].items():
        assert list(curves[1][tag][0]) == list(steps), tag
        assert curves[1][tag][1] == pytest.approx(values, rel=1e-3), tag
    weights = [torch.load(f / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"] for f in (one, other)]
    torch.testing.assert_close(weights[1], weights[0], rtol=1e-3, atol=1e-4)


def files(folder: Path) -> list[str]:
    """What lies in a run folder beside Hydra's settings; TensorBoard's files without time and host."""
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    return sorted(re.sub(r"tfevents\..*", "tfevents", name) for name in names if not name.startswith(".hydra"))


@pytest.mark.slow
def test_two_processes_make_the_run_that_one_makes(settings, alone, tmp_path):
    said, errors = finish(begin(tmp_path, *settings, *TWO, "hydra.run.dir=run"))
    run = tmp_path / "run"
    assert_same_to_rounding(alone, run)
    assert list(tmp_path.iterdir()) == [run]
    assert files(run) == files(alone)
    assert json.loads((run / "run.json").read_text())["parts"][0]["processes"] == 2
    assert errors == ""
    assert said.count("epoch 1/2") == said.count("Report ") == 1


@pytest.mark.slow
def test_torchrun_starts_the_same_run(settings, alone, tmp_path):
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    said, _ = finish(begin(tmp_path, *settings, *TWO, launcher=torchrun))
    (run,) = (tmp_path / "outputs" / "nose").iterdir()
    assert_same_to_rounding(alone, run)
    assert files(run) == files(alone)
    assert [path.name for path in tmp_path.iterdir()] == ["outputs"]
    assert said.count("epoch 1/2") == said.count("Report ") == 1


@pytest.mark.slow
def test_processes_that_slurm_started_make_the_same_run(settings, alone, tmp_path):
    """With the variables that srun sets."""
    job = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_JOB_NAME": "faces", "SLURM_NODELIST": "127.0.0.1"}
    tasks = dict.fromkeys(("SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_STEP_NUM_TASKS"), "2")
    runs = [
        begin(tmp_path, *settings, *TWO, SLURM_PROCID=rank, SLURM_LOCALID=rank, SLURM_NODEID="0", **job, **tasks)
        for rank in ("0", "1")
    ]
    (said, errors), other = map(finish, runs)
    (run,) = (tmp_path / "outputs" / "nose").iterdir()
    assert_same_to_rounding(alone, run)
    assert files(run) == files(alone)
    assert [path.name for path in tmp_path.iterdir()] == ["outputs"]
    assert said.count("Dashboard") == 1
    assert (errors, *other) == ("", "", "")


@pytest.mark.slow
def test_torchrun_without_several_devices_is_refused(settings, tmp_path):
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    run = begin(tmp_path, *settings, launcher=torchrun)
    _, errors = run.communicate(timeout=600)
    assert run.returncode != 0
    assert errors.count("Error: 2 processes were started, each for a run of its own; add trainer=ddp") == 1


def processes_of(session: int) -> list[int]:
    """Those that are still there of the session that a process began."""
    listed = subprocess.run(["ps", "-o", "pid=", "-s", str(session)], capture_output=True, text=True, check=False)
    return [int(pid) for pid in listed.stdout.split()]


def assert_none_left(session: int) -> None:
    deadline = time.monotonic() + 60
    while processes_of(session) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not processes_of(session)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "to_all"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_an_interrupt_ends_all_processes_and_the_run_goes_on(settings, tmp_path, number, to_all):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    longer = [*settings, *TWO, "trainer.max_epochs=12", "callbacks.pictures=null"]
    finish(begin(tmp_path, *longer, "hydra.run.dir=whole"))

    run = begin(tmp_path, *longer, "hydra.run.dir=parts")
    while run.poll() is None and not (parts / "checkpoints" / "last.ckpt").is_file():
        time.sleep(0.05)
    (os.killpg if to_all else os.kill)(run.pid, number)
    said, errors = run.communicate(timeout=600)
    assert run.returncode == 128 + number
    (line,) = filter(None, errors.splitlines())
    assert line.startswith("Interrupted; what was done is kept in parts; to go on: python ")
    assert said.count("the last that ended") == 1
    assert_none_left(run.pid)

    assert finish(begin(tmp_path, "resume=parts"))[1] == ""
    assert_same_to_rounding(whole, parts)


BROKEN = """
from lightning.pytorch import Callback
from facekp.utils.errors import DataError

class Broken(Callback):
    def __init__(self, rank):
        self._rank = rank

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 1 and trainer.global_rank == self._rank:
            raise DataError("this face is broken")
"""


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_what_ends_one_process_ends_all_and_is_told_once(settings, tmp_path, rank):
    (tmp_path / "broken.py").write_text(BROKEN)
    broken = ("+callbacks.broken._target_=broken.Broken", f"+callbacks.broken.rank={rank}")
    run = begin(tmp_path, *settings, *TWO, *broken, "hydra.run.dir=run", PYTHONPATH=str(tmp_path))
    _, errors = run.communicate(timeout=600)
    assert run.returncode != 0
    assert errors.count("Error: this face is broken") == 1
    assert "Traceback" not in errors
    assert_none_left(run.pid)


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("trainer.compile=true",)])
def test_what_a_gpu_is_told_to_do_a_cpu_can_do(settings, tmp_path, more):
    overrides = [*settings, "trainer=gpu", "trainer.accelerator=cpu", "callbacks.pictures=null", *more]
    with torch.compiler.set_stance("force_eager"):  # needs no compiler
        error = train(config("train", *overrides, f"run_dir={tmp_path}"))
    assert json.loads((tmp_path / "metrics.json").read_text())["metrics"]["error_px"] == error
    assert evaluate(config("evaluate", f"ckpt_path={tmp_path}", "accelerator=cpu"))["metrics"]["error_px"] == error


@pytest.mark.slow
def test_no_process_outlives_the_first_one(settings, tmp_path):
    run = begin(tmp_path, *settings, *TWO, "hydra.run.dir=run", "trainer.max_epochs=1000", "callbacks.pictures=null")
    while run.poll() is None and not (tmp_path / "run" / "checkpoints" / "last.ckpt").is_file():
        time.sleep(0.05)
    assert len(processes_of(run.pid)) == 2
    run.kill()
    run.communicate(timeout=600)
    assert_none_left(run.pid)
