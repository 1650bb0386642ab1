"""Use of an exported network where torch and what comes with it are not installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

REPOSITORY = Path(__file__).parents[2]
ABSENT = (
    "torch",
    "lightning",
    "torchmetrics",
    "hydra",
    "omegaconf",
    "albumentations",
    "yaml",
    "matplotlib",
    "tensorboard",
)
WITHOUT = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""
NEEDED = ("numpy", "opencv-python-headless", "pillow", "rich", "onnxruntime")


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """The network of the package as an exported file."""
    path = tmp_path_factory.mktemp("exported") / "face.onnx"
    command = [sys.executable, "-m", "facekp", "export", "--out", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=600)
    return path


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT + code, *map(str, arguments)]
    env = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=300)


def test_the_command_tells_what_a_checkpoint_needs(photograph, tmp_path):
    command = "import facekp.__main__ as f; f.main(['predict', sys.argv[1], '--out', sys.argv[2]])"
    done = run(command, photograph, tmp_path / "out")
    assert done.returncode == 2
    assert "torch is not installed" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_another_command_tells_what_it_needs():
    done = run("import facekp.__main__ as f; f.main(['data'])")
    assert done.returncode == 1
    assert "is not installed in this Python" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_an_exported_network_finds_the_same_faces(exported, predictor, scene, tmp_path):
    Image.fromarray(scene[0]).save(tmp_path / "scene.png")
    code = """
import json, facekp
faces = facekp.load(sys.argv[1])(sys.argv[2])
print(json.dumps([[face.score, face.points_px.tolist()] for face in faces]))
"""
    done = run(code, exported, tmp_path / "scene.png")
    assert done.returncode == 0, done.stderr
    expected = predictor(tmp_path / "scene.png")
    found = json.loads(done.stdout)
    assert len(found) == len(expected) == 3
    for (score, points), face in zip(found, expected, strict=True):
        assert score == pytest.approx(face.score, abs=0.01)
        assert abs(points - face.points_px).max() < 0.5


@pytest.mark.slow
def test_the_command_runs_with_five_packages(exported, photograph, tmp_path):
    """In an environment of its own, into which they and this package are installed."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True, timeout=300)
    pip = [tmp_path / "env" / "bin" / "pip", "install", "-q"]
    subprocess.run([*pip, *NEEDED], check=True, timeout=600)
    source = tmp_path / "source"  # where building leaves its files
    shutil.copytree(REPOSITORY / "facekp", source / "facekp", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    subprocess.run([*pip, "--no-deps", source], check=True, timeout=600)
    command = [tmp_path / "env" / "bin" / "facekp", "predict", photograph, "--weights", exported, "--out", "out"]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "1 face in 1 image" in done.stdout
    assert (tmp_path / "out" / "predictions.csv").is_file()
