"""Get, check and look at the data: ``python -m facekp.data [get|check|browse] [overrides]``.

``get`` finds, downloads or draws the faces and says where they are; ``check`` prints a report of their labels;
``browse`` writes contact sheets of them, as ``train.py`` with the same overrides would see them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from facekp.cli import command, shown
from facekp.config import Config
from facekp.data.obtain import obtain
from facekp.data.reader import read_records


def get(config: Config) -> None:
    """Find, download or draw the faces, read their labels, and say where they are."""
    data = obtain(config.data)
    records, scheme = read_records(data)
    print(
        f"{data.name}: {len(records)} images with {len(scheme)} points each in {shown(Path(str(data.root)).absolute())}"
    )


_COMMANDS = {"get": get}


def main(arguments: list[str]) -> None:
    """Run the command that the first argument names, or ``get``."""
    if arguments and arguments[0] in ("-h", "--help"):
        print(__doc__)
        return
    chosen = arguments.pop(0) if arguments and arguments[0] in _COMMANDS else "get"
    sys.argv[1:] = [*arguments, "hydra.run.dir=.", "hydra.output_subdir=null"]
    command("train", _COMMANDS[chosen])


if __name__ == "__main__":
    main(sys.argv[1:])
