"""The package as it is installed."""

from __future__ import annotations

import os
import subprocess
import sys


def test_the_package_wins_over_a_clone_beside_a_script(tmp_path):
    (tmp_path / "facekp" / "data" / "danes").mkdir(parents=True)  # as a clone in which a set was downloaded
    script = tmp_path / "mine.py"
    script.write_text("import facekp, facekp.data; print(facekp.__version__, facekp.data.__file__)")
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, env=env, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "None" not in done.stdout
