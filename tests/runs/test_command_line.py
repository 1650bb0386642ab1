"""The commands as a user types them, where they must respond before anything heavy is imported."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def light(tmp_path_factory) -> dict[str, str]:
    """An environment in which importing torch, lightning or albumentations ends the command."""
    folder = tmp_path_factory.mktemp("poison")
    for name in ("torch", "lightning", "albumentations", "matplotlib"):
        (folder / f"{name}.py").write_text(f"raise SystemExit('{name} was imported')")
    return os.environ | {"PYTHONPATH": str(folder), "FACEKP_DANES": str(folder / "nowhere")}


def run(script: str, *arguments: str, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(REPOSITORY / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=env, cwd=cwd, timeout=60)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["model=nos"],
            "there is no model=nos; choose one of full, heatmap, heatmap_tiny, heatmap_wild, nose (did you mean nose?)",
        ),
        (["modle=nose"], "there is no setting modle (did you mean model?)"),
        (["optimizer.lrr=1"], "there is no setting optimizer.lrr (did you mean lr?)"),
        (
            ["trainer.max_epochs=3.5"],
            "trainer.max_epochs: Value '3.5' of type 'float' could not be converted to Integer",
        ),
        (["optimizer.lr=-1"], "optimizer.lr=-1 is not possible: it must be more than 0"),
        (["data.split=foo"], "data.split=foo is not possible"),
        (["optimizer.lr"], "optimizer.lr"),
        (["data.root=missing"], "the data folder missing does not exist"),
        (["data.root='~nobody-of-this-name'"], "the data folder ~nobody-of-this-name does not exist"),
        (["data.root=" + "a" * 300], "a does not exist"),
        (["data.root='\udcf6'"], r"data.root holds characters that cannot be printed, '\udcf6'"),
        (["data.root='a\x1b[31mb\nc'"], r"data.root holds characters that cannot be printed, 'a\x1b[31mb\nc'"),
        (["data.root=" + "a" * 5000], "data.root is no plain value, or too large a one"),
        (["data.name='\\${oc.env:HOME}'"], "data.name holds an interpolation, '${oc.env:HOME}'"),
        (["logger=null"], "a group of settings takes the name of one of its files, not null"),
        (["hydra.run.dir=file"], "file cannot be used (File exists); choose another path"),
        (["hydra.run.dir=file/below"], "file/below cannot be used (Not a directory); choose another path"),
        (["hydra.run.dir=" + "a" * 300], "cannot be used (File name too long); choose another path"),
        (["run_dir=file"], "file cannot be used (File exists); choose another path"),
        (["run_dir=file/below/more"], "file/below/more cannot be used (Not a directory); choose another path"),
        ([], "nowhere does not exist"),
    ],
)
def test_a_mistake_is_one_sentence(light, tmp_path, arguments, message):
    (tmp_path / "file").touch()
    done = run("train.py", *arguments, env=light, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert "was imported" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("script", ["train.py", "evaluate.py"])
@pytest.mark.parametrize("option", ["--help", "--cfg=job"])
def test_help_and_config_come_without_heavy_imports(light, tmp_path, script, option):
    done = run(script, option, env=light, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "data" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "told", "untold"),
    [
        (
            "train.py",
            [
                *("model=full ", "full, heatmap, heatmap_tiny, heatmap_wild, nose", "optimizer.lr=${model.lr}"),
                *("data.val_fraction=0.2", "fraction of the images held out (number, more than 0, less than 1)"),
            ],
            "scheme=",
        ),
        ("evaluate.py", ["weights=last", "which checkpoint of a run folder (one of last, best)"], "trainer"),
    ],
)
def test_help_tells_choices_values_bounds_and_what_each_setting_is(light, tmp_path, script, told, untold):
    arguments = ["model=full"] if script == "train.py" else []
    done = run(script, "--help", *arguments, env=light | {"COLUMNS": "120"}, cwd=tmp_path)
    text = " ".join(done.stdout.split())
    assert [words for words in told if words not in text] == []
    assert untold not in text
    assert max(map(len, done.stdout.splitlines())) <= 120


def test_a_reader_that_has_read_enough_ends_a_command_quietly(light, tmp_path):
    command = f"{sys.executable} {REPOSITORY / 'train.py'} --help | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=light, cwd=tmp_path, timeout=60)
    assert done.stderr == ""


def test_a_refused_command_removes_only_folders_that_it_has_made(light, tmp_path):
    (tmp_path / "mine").mkdir()
    for folder in ("mine", "mine/new"):
        assert run("train.py", "data.split=foo", f"hydra.run.dir={folder}", env=light, cwd=tmp_path).returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert not (tmp_path / "mine" / "new").exists()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("command", [["train.py"], ["evaluate.py", "ckpt_path=x"], ["-m", "facekp", "data"]])
def test_a_signal_during_the_imports_ends_with_a_word(tmp_path, command, number, status):
    (tmp_path / "hydra.py").write_text(f"import os, time\nos.kill(os.getpid(), {int(number)})\ntime.sleep(20)\n")
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(REPOSITORY)])}
    typed = [str(REPOSITORY / part) if part.endswith(".py") else part for part in command]
    done = subprocess.run([sys.executable, *typed], capture_output=True, text=True, env=env, cwd=tmp_path, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "\nInterrupted\n")


def test_full_error_shows_the_traceback(light, tmp_path):
    done = run("train.py", "data.root=missing", env=light | {"HYDRA_FULL_ERROR": "1"}, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    ("swept", "message"),
    [
        ("data.split=course,corse", "run 2 of 2 (split=corse): data.split=corse is not possible"),
        ("optimizer.lr=1e-3,-1", "run 2 of 2 (lr=-1): optimizer.lr=-1 is not possible"),
        ("model=nose,nos", "there is no model=nos"),
    ],
)
def test_a_sweep_with_a_value_that_is_refused_does_not_begin(light, tmp_path, swept, message):
    done = run("train.py", "-m", swept, env=light, cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []
