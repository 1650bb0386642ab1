"""Commands beside train.py and evaluate.py: ``python -m facekp COMMAND ...``.

  data        get, check and browse a data set
  compare     compare runs
  publish     publish the results of a sweep in docs/results
  bench       measure speed
  predict     find the faces of photographs and videos, and mark their points
  export      write a network into one file that runs without this package
  detectors   evaluate MediaPipe and dlib on the same faces, and compare

``python -m facekp COMMAND --help`` describes the arguments of a command.
"""

from __future__ import annotations

import sys
from importlib import import_module

from facekp.runs.signals import Interrupted, exit_on_signals, install_handlers

COMMANDS = {
    "data": "facekp.reporting.data_command",
    "compare": "facekp.reporting.comparison",
    "publish": "facekp.reporting.publish",
    "bench": "facekp.benchmarks.speed",
    "predict": "facekp.inference.command",
    "export": "facekp.inference.export",
    "detectors": "facekp.benchmarks.detectors.command",
}
"""The module of each command; its ``main`` takes the arguments that follow."""


def main(arguments: list[str]) -> None:
    """Run the command given by the first argument."""
    if not arguments or arguments[0] not in COMMANDS:
        asked = {"-h", "--help"} & set(arguments)
        print(__doc__, file=None if asked else sys.stderr)
        sys.exit(0 if asked else 2)
    try:
        command = import_module(COMMANDS[arguments[0]])
        install_handlers()
        command.main(arguments[1:])
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package == "facekp":
            raise
        remedy = "install it, or in a clone run `make setup` and then `. .venv/bin/activate`"
        sys.exit(f"Error: the package {package} is not installed in this Python; {remedy}")
    except Interrupted as interruption:
        print("\nInterrupted", file=sys.stderr)
        sys.exit(interruption.status)


def run() -> None:
    """The command ``facekp``."""
    exit_on_signals()
    main(sys.argv[1:])


if __name__ == "__main__":
    run()
