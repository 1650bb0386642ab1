"""train.py and evaluate.py as a user starts them, in processes that need not import torch and the rest again.

A server process imports them once; each command is a fork of it (see "forkserver" in the documentation of
``multiprocessing``), with its own working directory, environment, output, exit status and signals. Figures are left
blank, to save time.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import sys
import weakref
from multiprocessing.connection import wait
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired
from tempfile import TemporaryDirectory

REPOSITORY = Path(__file__).parents[1]
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(["facekp.benchmarks.speed", "facekp.reporting.report"])  # import nearly everything


class Command:
    """A running command, used as a :class:`subprocess.Popen` with pipes for its output.

    Args:
        cwd: its working directory.
        script: of this repository.
        arguments: of the script.
        env: variables that it has beside those of this process.
    """

    def __init__(self, cwd: Path, script: str, *arguments: str, **env: str) -> None:
        self._output = TemporaryDirectory()
        typed = [str(REPOSITORY / script), *arguments]
        self._process = _SERVER.Process(target=_become, args=(cwd, typed, os.environ | env, Path(self._output.name)))
        self._process.start()
        self.pid = self._process.pid
        weakref.finalize(self, self._process.kill)  # a test that failed may have left it running

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    poll = returncode.fget

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait for its end, and return what it wrote to stdout and stderr."""
        if not wait([self._process.sentinel], timeout):
            raise TimeoutExpired(str(self._process), timeout)
        self._process.join()
        out, err = ((Path(self._output.name) / name).read_text() for name in ("1", "2"))
        return out, err


def run(cwd: Path, script: str, *arguments: str, **env: str) -> CompletedProcess[str]:
    """Run a command to its end."""
    command = Command(cwd, script, *arguments, **env)
    out, err = command.communicate(timeout=900)
    return CompletedProcess(arguments, command.returncode, out, err)


def _become(cwd: Path, typed: list[str], env: dict[str, str], output: Path) -> None:
    for number in (1, 2):
        os.dup2(os.open(output / str(number), os.O_WRONLY | os.O_CREAT), number)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", buffering=1, closefd=False)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv, sys.orig_argv = list(typed), [sys.executable, *typed]
    sys.path[:0] = [str(REPOSITORY), *filter(None, env.get("PYTHONPATH", "").split(os.pathsep))]
    from tests.helpers import blank_figures

    with blank_figures():
        runpy.run_path(typed[0], run_name="__main__")
