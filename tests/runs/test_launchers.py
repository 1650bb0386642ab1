"""Sweeps whose runs other processes make, and searches that choose what to try next."""

from __future__ import annotations

import csv
import json
import os
import shlex
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import config

TRAIN = str(Path(__file__).parents[2] / "train.py")


def sweep(cwd: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"CI": "1"}
    command = [sys.executable, TRAIN, "-m", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env, timeout=900)


def statuses(folder: Path, setting: str) -> dict[str, str]:
    with (folder / "sweep.csv").open() as file:
        return {row[setting]: row["status"] for row in csv.DictReader(file)}


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_runs_that_fail_in_other_processes_are_tabled(launcher, tmp_path):
    swept = sweep(tmp_path, f"hydra/launcher={launcher}", "model=nose", "seed=0,1", "data.root=missing")
    assert swept.returncode == 1, swept.stderr
    assert "Traceback" not in swept.stderr
    (folder,) = (tmp_path / "outputs" / "sweeps").iterdir()
    assert statuses(folder, "seed") == {"0": "failed", "1": "failed"}
    for run in ("0_seed-0", "1_seed-1"):
        assert "the data folder missing does not exist" in (folder / run / "error.txt").read_text()
    assert "2 runs, by error on the validation faces" in swept.stdout


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_runs_in_other_processes_are_those_of_one(launcher, drawn_root, tmp_path):
    faces = (f"data.root={drawn_root}", "data.split=person_folds", "data.folds=4", "model.samples_per_image=1")
    short = ("trainer.max_epochs=1", "trainer.accelerator=cpu", "callbacks.pictures=null")
    arguments = ("model=nose", "seed=1,2", *faces, *short)
    swept = sweep(tmp_path, f"hydra/launcher={launcher}", "hydra.sweep.dir=there", *arguments)
    assert swept.returncode == 0, swept.stderr
    here = sweep(tmp_path, "hydra.sweep.dir=here", *arguments)
    assert here.returncode == 0, here.stderr
    assert (tmp_path / "there" / "sweep.csv").read_text() == (tmp_path / "here" / "sweep.csv").read_text()
    assert "mean ± standard deviation over seeds and folds" in swept.stdout
    command = json.loads((tmp_path / "there" / "0_seed-1" / "run.json").read_text())["parts"][0]["command"]
    assert shlex.split(command) == ["python", TRAIN, "model=nose", "seed=1", *faces, *short]


def trials(folder: Path) -> list[float]:
    """The objective of each trial of a study."""
    with sqlite3.connect(folder / "study.db") as study:
        return [value for (value,) in study.execute("SELECT value FROM trial_values")]


SEARCH = ("hparams_search=full", "hydra.sweep.dir=study", "hydra.sweeper.n_trials=2")


def test_a_search_looks_at_nobody_whom_the_course_split_holds_out():
    data = config("train", "run_dir=nowhere", "hparams_search=full").data
    assert (data.split, data.persons) == ("person_folds", [1, 32])


@pytest.mark.slow
def test_a_search_goes_on_from_its_store_and_outlives_failures(tmp_path):
    for count in (2, 4):
        searched = sweep(tmp_path, *SEARCH, "data.root=missing")
        assert searched.returncode == 1, searched.stderr
        assert "Traceback" not in searched.stderr
        assert len(trials(tmp_path / "study")) == count
        assert len(statuses(tmp_path / "study", "optimizer.lr")) == count


@pytest.mark.slow
def test_a_search_measures_what_training_returns(drawn_root, tmp_path):
    faces = (f"data.root={drawn_root}", "model.samples_per_image=1", "data.samples_per_image=1")
    short = ("model=nose", "trainer.max_epochs=1", "trainer.accelerator=cpu", "hydra/launcher=joblib")
    searched = sweep(tmp_path, *SEARCH, "hydra.sweeper.n_jobs=2", *faces, *short)
    assert searched.returncode == 0, searched.stderr
    with (tmp_path / "study" / "sweep.csv").open() as file:
        errors = sorted(float(row["error_px"]) for row in csv.DictReader(file))
    assert sorted(trials(tmp_path / "study")) == pytest.approx(errors, rel=1e-4)
