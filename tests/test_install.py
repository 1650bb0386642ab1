"""The package as it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


def test_the_package_wins_over_a_clone_beside_a_script(tmp_path):
    (tmp_path / "facekp" / "data" / "danes").mkdir(parents=True)  # as a clone in which a set was downloaded
    script = tmp_path / "mine.py"
    script.write_text("import facekp, facekp.data; print(facekp.__version__, facekp.data.__file__)")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=env, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "None" not in done.stdout


@pytest.mark.parametrize("command", [["train.py"], ["evaluate.py", "--help"], ["-m", "facekp", "data"]])
def test_without_the_packages_a_command_tells_how_to_get_them(command):
    repository = Path(__file__).parents[1]  # -S leaves out the installed packages
    done = subprocess.run([sys.executable, "-S", *command], capture_output=True, text=True, cwd=repository, timeout=60)
    assert done.returncode == 1
    assert "run `make setup` and then `. .venv/bin/activate`" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_wheel_has_all_that_marking_a_photograph_needs(tmp_path, face_file):
    """Built from a copy of the sources, and unpacked far from them."""
    repository, source, place = Path(__file__).parents[1], tmp_path / "source", tmp_path / "place"
    shutil.copytree(repository / "facekp", source / "facekp", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(repository / name, source)
    build = "import sys; from setuptools import build_meta as b; b.build_wheel(sys.argv[1])"
    subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=source, check=True, capture_output=True, timeout=300
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    assert "facekp = facekp.__main__:run" in next(place.glob("*.dist-info/entry_points.txt")).read_text()
    command = [sys.executable, "-m", "facekp", "predict", str(face_file), str(face_file), "--out", "out"]
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(place)}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "1 face in 1 image" in done.stdout
    assert (tmp_path / "out" / "predictions.csv").is_file()


@pytest.fixture
def face_file(drawn_root) -> Path:
    return sorted(drawn_root.glob("*.jpg"))[0]
