"""Runs that are ended from outside: what they leave, and that they go on as if nothing had happened."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from facekp.models.checkpoint import read_checkpoint
from tests.helpers import assert_same_results, blank_figures, config
from tests.processes import REPOSITORY, Command
from train import train

EPOCHS = 12


def settings(root: Path) -> list[str]:
    return [
        "model=nose",
        f"data.root={root}",
        "data.split=person_folds",
        "data.folds=4",
        "model.samples_per_image=4",
        f"trainer.max_epochs={EPOCHS}",
        "trainer.accelerator=cpu",
        "callbacks.pictures=null",
    ]


@pytest.fixture(scope="module")
def whole(drawn_root, tmp_path_factory) -> Path:
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    with blank_figures():
        train(config("train", *settings(drawn_root), f"run_dir={folder}"))
    return folder


def epoch_of(folder: Path) -> int:
    checkpoint = folder / "checkpoints" / "last.ckpt"
    return read_checkpoint(checkpoint).epoch if checkpoint.is_file() else 0


def end_after(run: Command, folder: Path, epoch: int, number: int) -> tuple[str, str]:
    """Signal a run soon after an epoch has ended, and wait for what it has to say."""
    while run.poll() is None and epoch_of(folder) < epoch:
        time.sleep(0.02)
    run.send_signal(number)
    return run.communicate(timeout=120)


def test_a_run_that_was_killed_and_interrupted_ends_as_if_it_was_not(whole, drawn_root, tmp_path):
    folder = tmp_path / "outputs" / "nose" / "run"
    for begun in (False, True):
        started = ["resume=last"] if begun else [*settings(drawn_root), "hydra.run.dir=outputs/nose/run"]
        killed, seen = Command(tmp_path, "train.py", *started), epoch_of(folder)
        end_after(killed, folder, seen + 1, signal.SIGKILL)
        assert killed.returncode == -signal.SIGKILL
        assert seen < epoch_of(folder) < EPOCHS

    interrupted = Command(tmp_path, "train.py", "resume=last")
    said, errors = end_after(interrupted, folder, epoch_of(folder) + 2, signal.SIGINT)
    epoch = epoch_of(folder)
    assert interrupted.returncode == 130
    assert "goes on after epoch" in said
    assert f"reporting on epoch {epoch}, the last that ended" in said
    (line,) = filter(None, errors.splitlines())
    assert line == (
        "Interrupted; what was done is kept in outputs/nose/run; "
        f"to go on: python {REPOSITORY / 'train.py'} resume=outputs/nose/run"
    )
    assert 4 <= epoch < EPOCHS
    assert json.loads((folder / "metrics.json").read_text())["epoch"] == epoch
    page = (folder / "report.html").read_text()
    assert f"interrupted after epoch {epoch}" in page
    assert "python train.py resume=outputs/nose/run" in page
    assert "resume=last" not in page

    completed = Command(tmp_path, "train.py", "resume=outputs/nose/run")
    _, errors = completed.communicate(timeout=300)
    assert completed.returncode == 0, errors
    assert errors == ""
    assert_same_results(whole, folder)
    no_step_is_told_twice(folder)
    finished = [part["finished"] is not None for part in json.loads((folder / "run.json").read_text())["parts"]]
    assert finished == [False, False, False, True]
    overrides = (folder / ".hydra" / "overrides.yaml").read_text()
    assert OmegaConf.create(overrides) == settings(drawn_root)


def no_step_is_told_twice(folder: Path) -> None:
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    for tag in events.Tags()["scalars"]:
        steps = [event.step for event in events.Scalars(tag)]
        assert steps == sorted(set(steps)), tag


def test_a_run_that_was_ended_before_its_first_epoch_starts_anew(drawn_root, whole, tmp_path, capsys):
    run = Command(tmp_path, "train.py", *settings(drawn_root), "hydra.run.dir=run")
    while not (tmp_path / "run" / "split.json").is_file():
        time.sleep(0.02)
    run.send_signal(signal.SIGTERM)
    said, errors = run.communicate(timeout=120)
    assert run.returncode == 143
    assert len(errors.strip().splitlines()) == 1
    assert errors.strip().endswith("resume=run")
    assert not (tmp_path / "run" / "metrics.json").exists()
    assert "report" not in said

    with blank_figures():
        train(config("train", *settings(drawn_root), f"run_dir={tmp_path / 'run'}", f"resume={tmp_path / 'run'}"))
    assert "run has no checkpoint yet, so its run starts anew there" in capsys.readouterr().out
    assert_same_results(whole, tmp_path / "run")


@pytest.mark.slow
def test_twenty_kills_at_random_moments_lose_nothing(whole, drawn_root, tmp_path):
    chance, folder = random.Random(0), tmp_path / "run"
    for _ in range(20):
        seen = epoch_of(folder)
        begun = (folder / ".hydra" / "overrides.yaml").is_file()
        typed = ["resume=run"] if begun else [*settings(drawn_root), "hydra.run.dir=run"]
        run = Command(tmp_path, "train.py", *typed)
        late = chance.random() < 0.7
        while late and run.poll() is None and not len(list(folder.glob("events*"))) > seen:
            time.sleep(0.02)
        try:
            run.communicate(timeout=chance.uniform(0, 6))
        except subprocess.TimeoutExpired:
            run.kill()
            run.communicate(timeout=60)
        assert epoch_of(folder) >= seen
        if run.returncode == 0:
            assert_same_results(whole, folder)
            shutil.rmtree(folder)
    if folder.is_dir():
        last = Command(tmp_path, "train.py", "resume=run")
        _, errors = last.communicate(timeout=300)
        assert last.returncode == 0, errors
        assert_same_results(whole, folder)


LISTENER = """
import sys, time
from facekp.runs.signals import Interrupted, defer_signals, stop_if_requested, install_handlers
install_handlers()
try:
    with defer_signals():
        print("ready", flush=True)
        for _ in range(1000):
            time.sleep(0.01)
            stop_if_requested() if sys.argv[1] == "checks" else None
except Interrupted as interruption:
    sys.exit(interruption.status)
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("checks", [True, False])
def test_the_first_signal_ends_between_two_steps_and_the_second_at_once(number, status, checks):
    command = [sys.executable, "-c", LISTENER, "checks" if checks else "busy"]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    start = time.monotonic()
    process.send_signal(number)
    if not checks:
        time.sleep(0.7)
        assert process.poll() is None
        process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (status, "")
    assert time.monotonic() - start < 9


def small_disk() -> list[str]:
    """A command line to put before one that shall see 2 MiB at ``full``, on a file system of its own."""
    script = 'mount -t tmpfs -o size=2m none full && exec "$@"'
    return ["unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh"]


@pytest.mark.slow
def test_a_full_disk_is_one_sentence_and_the_last_checkpoint_stays(drawn_root, tmp_path):
    (tmp_path / "full").mkdir()
    tried = shutil.which("unshare") and subprocess.run([*small_disk(), "true"], cwd=tmp_path, capture_output=True)
    if not tried or tried.returncode != 0:
        pytest.skip("no small file system can be mounted here")
    # One checkpoint of 1.6 MB fits, the other one does not.
    inside = ["callbacks.best=null", "hydra.run.dir=full/run"]
    train = [sys.executable, str(REPOSITORY / "train.py"), *settings(drawn_root), *inside]
    keep = 'status=0; "$@" || status=$?; cp -r full/run kept; exit $status'
    done = subprocess.run(
        [*small_disk(), "sh", "-c", keep, "sh", *train],
        cwd=tmp_path,
        env=os.environ | {"CI": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1
    assert re.fullmatch(
        r"Error: \S+last\.ckpt cannot be written \(No space left on device\); make room or choose another place, "
        r"and give the command again; a training that had begun goes on with resume=<its folder>\n",
        done.stderr,
    )
    assert epoch_of(tmp_path / "kept") == 1
    assert not list((tmp_path / "kept").rglob("*.part"))
