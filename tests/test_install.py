"""The package as it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
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
