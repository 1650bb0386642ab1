"""What the project asks of the world while it runs: nothing, but for the download of the data."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent

GUARD = """
import os, socket, sys

def watch(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        family, address = arguments[0].family, arguments[1]
        away = family != socket.AF_UNIX and address is not None and address[0] not in ("127.0.0.1", "::1", "localhost")
    else:
        away = event in ("socket.getaddrinfo", "socket.gethostbyname") and arguments[0] not in (
            None, "", "127.0.0.1", "::1", "localhost", "0.0.0.0", socket.gethostname()
        )
    if away:
        with open(os.environ["WATCHED"], "a") as file:
            file.write(f"{event} {arguments}\\n")
        raise OSError("the network is out of bounds")

sys.addaudithook(watch)
"""


class Watched:
    """Runs Python in an environment in which nothing but this machine can be reached, and keeps who tried."""

    def __init__(self, folder: Path) -> None:
        (folder / "sitecustomize.py").write_text(GUARD)
        self.log = folder / "log"
        self.cwd = folder / "cwd"
        self.cwd.mkdir()
        kept = {name: value for name, value in os.environ.items() if name != "NO_ALBUMENTATIONS_UPDATE"}
        self.env = kept | {"PYTHONPATH": str(folder), "WATCHED": str(self.log)}

    def run(self, *arguments: str, **env: str) -> str:
        """What was tried to reach, one line each; the command itself must succeed."""
        self.log.write_text("")
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command, env=self.env | env, cwd=self.cwd, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr
        return self.log.read_text()


@pytest.fixture
def watched(tmp_path) -> Watched:
    return Watched(tmp_path)


def test_the_watch_sees_what_it_is_for(watched):
    meet = "import socket, contextlib\nwith contextlib.suppress(OSError): socket.create_connection(('{}', 9), 1)"
    assert "192.0.2.1" in watched.run("-c", meet.format("192.0.2.1"))
    assert "example.org" in watched.run("-c", meet.format("example.org"))
    assert watched.run("-c", meet.format("127.0.0.1")) == ""
    assert "pypi.org" in watched.run("-W", "ignore", "-c", "import albumentations")  # as it comes


def test_the_import_of_the_augmentation_looks_for_no_newer_versions(watched):
    """As a notebook would have it: albumentations comes with it, and nothing was said in its environment."""
    assert watched.run("-c", "import sys, facekp.data.augmentation; assert 'albumentations' in sys.modules") == ""


@pytest.mark.parametrize("evaluated", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_run_reaches_for_nothing(watched, drawn_root, evaluated):
    """An epoch, figures, tables, TensorBoard and report; then perhaps an evaluation of its own."""
    train = (
        *(str(REPOSITORY / "train.py"), "model=nose", "trainer.max_epochs=1", "trainer.accelerator=cpu"),
        *(f"data.root={drawn_root}", "data.split=person_folds", "data.folds=4", "hydra.run.dir=run"),
    )
    assert watched.run(*train) == ""
    assert (watched.cwd / "run" / "report.html").is_file()
    if evaluated:
        assert watched.run(str(REPOSITORY / "evaluate.py"), "ckpt_path=run", "accelerator=cpu") == ""


@pytest.mark.parametrize("chosen", ["get", "check", pytest.param("browse", marks=pytest.mark.slow)])
def test_looking_at_the_data_reaches_for_nothing(watched, drawn_root, chosen):
    assert watched.run("-m", "facekp", "data", chosen, f"data.root={drawn_root}") == ""


@pytest.mark.slow
def test_marking_photographs_reaches_for_nothing(watched, drawn_root):
    photographs = sorted(drawn_root.glob("*.jpg"))[:2]
    assert watched.run("-m", "facekp", "predict", *map(str, photographs), "--out", "out") == ""
    assert (watched.cwd / "out" / "predictions.html").is_file()


def test_only_the_download_reaches_out(watched):
    tried = watched.run("-m", "facekp", "data", "data.people=1", "data.root=null")
    assert "imm.dtu.dk" in tried


FOUND = '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1"}]}]}'
SOUND = '{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}'
SKIPPED = '{"dependencies": [{"name": "a", "skip_reason": "not found"}, {"name": "b", "version": "1", "vulns": []}]}'


@pytest.mark.parametrize(
    ("output", "status", "said"),
    [
        (SOUND, 0, "No known vulnerability in 1 locked package"),
        (FOUND, 1, "a 1: PYSEC-1"),
        (SKIPPED, 3, "1 of 2 locked packages could not be looked up"),
        ("", 3, "could not be reached"),
        ("<html>", 3, "could not be reached"),
    ],
)
def test_the_audit_never_succeeds_without_a_result(tmp_path, output, status, said):
    uv = tmp_path / "uv"
    uv.write_text(f"#!/bin/sh\ncat <<'END'\n{output}\nEND\n")
    uv.chmod(uv.stat().st_mode | stat.S_IXUSR)
    command = [sys.executable, str(REPOSITORY / ".ci" / "audit"), str(uv)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
