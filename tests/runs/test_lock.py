"""A run folder in which a process trains is closed to all others, and open again when that process has ended."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from facekp.runs import lock as locks
from facekp.runs.lock import LOCK, locked
from facekp.utils.errors import ConfigError
from tests.helpers import config
from train import train

REPOSITORY = Path(__file__).parents[2]
HOLD = """
import sys, time
from pathlib import Path
from facekp.runs.lock import lock
lock(Path(sys.argv[1]))
print("locked", flush=True)
time.sleep(60)
"""


@contextmanager
def held_by_another(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def test_a_folder_is_locked_until_its_process_has_ended(tmp_path):
    with held_by_another(tmp_path / "run") as other:
        message = rf"another process \(process {other.pid} on .*\) trains in .*run; wait until it has ended"
        with pytest.raises(ConfigError, match=message), locked(tmp_path / "run"):
            pass
        with locked(tmp_path / "other run"):
            pass
    with locked(tmp_path / "run"):  # though it was killed, and has left its file
        assert (tmp_path / "run" / LOCK).read_text().startswith(f"process {os.getpid()} on ")
    assert list((tmp_path / "run").iterdir()) == []
    with locked(tmp_path / "run"):
        pass
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("resumed", [False, True])
def test_nothing_is_trained_in_a_folder_in_use(tmp_path, resumed):
    folder = tmp_path / "run"
    settings = [f"run_dir={folder}", "data.root=missing", *([f"resume={folder}"] if resumed else [])]
    with held_by_another(folder), pytest.raises(ConfigError, match="another process"):
        train(config("train", *settings))


@pytest.mark.parametrize("sweep", [[], ["--multirun"]])
def test_the_settings_of_a_run_in_use_stay_as_they_are(tmp_path, sweep):
    typed = ["data.root=missing", f"hydra.{'sweep' if sweep else 'run'}.dir={tmp_path}", *sweep]
    with held_by_another(tmp_path):
        command = [sys.executable, str(REPOSITORY / "train.py"), *typed]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: another process")
    assert len(done.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


def refuse(error: OSError) -> Callable[..., None]:
    def refused(*_: object) -> None:
        raise error

    return refused


def test_where_nothing_can_be_locked_training_goes_on_with_a_word(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("fcntl.lockf", refuse(OSError(37, "No locks available")))
    with locked(tmp_path):
        pass
    assert "cannot be locked here (No locks available)" in capsys.readouterr().err
    monkeypatch.setattr(locks, "fcntl", None)  # as on Windows
    with locked(tmp_path):
        pass


def test_of_several_processes_of_a_run_only_the_first_locks(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    with locked(tmp_path):
        assert not (tmp_path / LOCK).exists()


def test_a_run_that_is_refused_leaves_no_folder_unless_it_has_trained(tmp_path, monkeypatch):
    folder = tmp_path / "model" / "time"
    for trained in (False, True):
        monkeypatch.setattr(locks, "_new", [folder, folder.parent])
        for name in (".hydra", *(["checkpoints"] if trained else [])):
            (folder / name).mkdir(parents=True)
        (folder / "split.json").touch()
        locks.remove_new_folders()
        assert [path.name for path in tmp_path.iterdir()] == (["model"] if trained else [])
    assert folder.is_dir()
