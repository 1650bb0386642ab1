"""The commands as a user types them, where they must answer before anything heavy is imported."""

import os
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
        (["model=nos"], "there is no model=nos; choose one of full, heatmap, heatmap_tiny, nose (did you mean nose?)"),
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
        ([], "nowhere does not exist"),
    ],
)
def test_a_mistake_is_one_sentence(light, tmp_path, arguments, message):
    done = run("train.py", *arguments, env=light, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert "was imported" not in done.stderr


@pytest.mark.parametrize("script", ["train.py", "evaluate.py"])
@pytest.mark.parametrize("option", ["--help", "--cfg=job"])
def test_help_and_config_come_without_heavy_imports(light, tmp_path, script, option):
    done = run(script, option, env=light, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "data" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_full_error_shows_the_traceback(light, tmp_path):
    done = run("train.py", "data.root=missing", env=light | {"HYDRA_FULL_ERROR": "1"}, cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
