"""What is kept of how a run was made."""

from __future__ import annotations

import os
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from lightning.pytorch import Callback

import facekp
from facekp.config import AugmentConfig, Config, DataConfig, ModelConfig
from facekp.runs import provenance
from facekp.runs.folder import RunFolder
from facekp.runs.provenance import command_line, recorded
from tests.models.helpers import bare_trainer

IMAGES = {"train": 18, "val": 6}


def record(folder: Path, resume: str | None = None, seed: int = 0) -> list[dict]:
    """Record a training that does nothing, and return what was there while it ran."""
    config = Config(DataConfig("drawn"), AugmentConfig("none"), ModelConfig("tiny"), seed=seed)
    config.run_dir, config.resume = str(folder), resume
    with recorded(config, IMAGES, bare_trainer(1, Callback())):
        return RunFolder(folder).parts


def test_a_run_is_recorded_from_its_start_and_completed_at_its_end(tmp_path):
    (begun,) = record(tmp_path, seed=5)
    unknown = {name for name, value in begun.items() if value is None}
    assert {"finished", "training_seconds", "epochs", "steps"} <= unknown
    assert begun["versions"]["facekp"] == facekp.__version__
    assert (begun["seed"], begun["train_images"], begun["val_images"]) == (5, 18, 6)
    assert (begun["augment"], begun["device"], begun["cpus"]) == ("none", "cpu", os.cpu_count())
    (done,) = RunFolder(tmp_path).parts
    assert datetime.fromisoformat(done["finished"]) >= datetime.fromisoformat(done["started"])
    assert datetime.fromisoformat(done["started"]).utcoffset() is not None
    assert {name: done[name] for name in done if name not in unknown} == {
        name: begun[name] for name in begun if name not in unknown
    }


def test_going_on_keeps_what_was_recorded_and_beginning_anew_does_not(tmp_path):
    record(tmp_path, seed=1)
    first = RunFolder(tmp_path).parts
    record(tmp_path, resume=str(tmp_path), seed=2)
    assert RunFolder(tmp_path).parts[:1] == first
    assert [part["seed"] for part in RunFolder(tmp_path).parts] == [1, 2]
    record(tmp_path, seed=3)
    assert [part["seed"] for part in RunFolder(tmp_path).parts] == [3]


def test_a_training_that_fails_stays_recorded_as_begun(tmp_path):
    config = Config(DataConfig("drawn"), AugmentConfig("none"), ModelConfig("tiny"), run_dir=str(tmp_path))
    with pytest.raises(RuntimeError), recorded(config, IMAGES, bare_trainer(1, Callback())):
        raise RuntimeError
    (part,) = RunFolder(tmp_path).parts
    assert part["started"]
    assert part["finished"] is None


def test_where_nothing_was_recorded_there_are_no_parts(tmp_path):
    assert RunFolder(tmp_path).parts == []


def test_without_a_command_line_none_is_told():
    assert command_line() is None


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """A package folder inside a git repository with one commit, which does not hold it."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "first")
    monkeypatch.setattr(provenance, "__file__", str(folder / "provenance.py"))
    return folder


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ["git", *who, "-C", str(folder), *arguments], capture_output=True, text=True, check=True, env=clean
        )
    except FileNotFoundError:
        pytest.skip("git is not installed")
    return done.stdout.strip()


def test_the_commit_of_a_repository_that_only_surrounds_the_package_is_not_told(package, tmp_path):
    (part,) = record(tmp_path)
    assert (part["commit"], part["dirty"]) == (None, None)


@pytest.mark.parametrize("changed", [False, True])
def test_the_commit_is_told_and_whether_the_repository_differs_from_it(package, changed, tmp_path):
    git(package, "add", ".")
    git(package, "commit", "--quiet", "-m", "second")
    if changed:
        (tmp_path / "elsewhere").write_text("counts, too")
    (part,) = record(tmp_path)
    assert part["commit"] == git(package, "rev-parse", "HEAD")
    assert part["dirty"] is changed


def test_a_machine_without_git_is_no_error(package, tmp_path, monkeypatch):
    git(package, "add", ".")
    monkeypatch.setenv("PATH", str(tmp_path))
    (part,) = record(tmp_path)
    assert (part["commit"], part["dirty"]) == (None, None)
