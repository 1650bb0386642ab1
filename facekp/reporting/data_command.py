"""Get, check and browse the data: ``python -m facekp data [get|check|browse] [overrides]``.

``get`` finds, downloads or draws the faces and prints their folder; ``check`` prints a report on their labels;
``browse`` writes contact sheets of them as ``train.py`` would use them with the same overrides.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from facekp.config import Config
from facekp.data.read import prepare_data, read_records
from facekp.runs.command_line import hydra_main, run_command
from facekp.runs.distributed import NO_OUTPUT
from facekp.utils.terminal import display_path, one_line


def get(config: Config) -> None:
    """Find, download or draw the faces, read their labels, and print their folder."""
    data = prepare_data(config.data)
    records, scheme = read_records(data)
    usable = sum(record.fault is None for record in records)
    folder = display_path(Path(str(data.root)).absolute())
    print(f"{one_line(data.name)}: {usable} images with {len(scheme)} points each in {folder}")


def check(config: Config) -> None:
    """Print a report on the labels, and draw those that fit worst."""
    from facekp.reporting.data_check import run

    run(replace(config, data=prepare_data(config.data)), Path("outputs") / "data-check")


def browse(config: Config) -> None:
    """Write contact sheets of the faces as the input of a network."""
    from facekp.reporting.data_browse import run

    run(replace(config, data=prepare_data(config.data)), Path("outputs") / "data-browse")


_COMMANDS = {"get": get, "check": check, "browse": browse}


def main(arguments: list[str]) -> None:
    """Run the command that the first argument names, or ``get``."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(__doc__)
        return
    chosen = arguments.pop(0) if arguments and arguments[0] in _COMMANDS else "get"
    sys.argv[1:] = [*arguments, *NO_OUTPUT]
    run_command(hydra_main("train", _COMMANDS[chosen]))
