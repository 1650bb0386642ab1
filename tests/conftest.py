"""Fixtures for all tests: a tiny folder of drawn faces, and the real Danes set where it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from facekp.config import DataConfig
from facekp.data.readers.danes import DanesReader
from facekp.data.records import Record
from facekp.data.splits import Split, split_records
from facekp.data.synthetic.dataset import make_standin

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported: pytest-xdist keeps the other cores busy
_on_danes: set[str] = set()


@pytest.fixture(scope="session")
def drawn_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four drawn people in the Danes' format: 24 images."""
    return make_standin(tmp_path_factory.mktemp("faces") / "drawn", people=4)


@pytest.fixture(scope="session")
def drawn_records(drawn_root: Path) -> list[Record]:
    return DanesReader().read(drawn_root, "raw")


@pytest.fixture(scope="session")
def drawn_split(drawn_records: list[Record]) -> Split:
    return split_records(drawn_records, DataConfig(name="drawn", split="person_folds", folds=4))


@pytest.fixture(scope="session")
def danes_root() -> Path:
    """The real set; tests that ask for it carry the mark ``danes``."""
    root = os.environ.get("FACEKP_DANES")
    if not root:
        pytest.skip("FACEKP_DANES is not set: the real Danes set is not here")
    if not Path(root).is_dir():
        pytest.fail(f"FACEKP_DANES={root} is no folder")
    return Path(root)


@pytest.fixture(autouse=True)
def _short_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command that runs in a test's own process sets does not reach the next test."""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note what became of tests on the real faces, also of those that other processes ran."""
    if "danes" in report.keywords:
        _on_danes.add("ran" if report.when == "call" and report.passed else "wanted")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where the real faces are and their tests were chosen, a session in which none of them passed has failed."""
    worker = hasattr(session.config, "workerinput")  # of pytest-xdist; the process that started it knows all reports
    if os.environ.get("FACEKP_DANES") and _on_danes == {"wanted"} and not worker:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print("\nFACEKP_DANES is set, but no test passed on the real faces.")
