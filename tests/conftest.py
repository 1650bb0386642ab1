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

_ran_on_danes = []


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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> object:
    report = yield
    if report.when == "call" and report.passed and item.get_closest_marker("danes"):
        _ran_on_danes.append(item.nodeid)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where the real faces are and their tests were collected, a session in which none of them ran has failed."""
    wanted = any(item.get_closest_marker("danes") for item in session.items)
    if os.environ.get("FACEKP_DANES") and wanted and not _ran_on_danes and not session.config.option.collectonly:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print("\nFACEKP_DANES is set, but no test ran on the real faces.")
