"""Evaluate and compare other detectors: ``python -m facekp detectors COMMAND [run folders] [overrides]``.

``measure`` fits every baseline on the course split and on each of five person folds, and writes its predictions to
``outputs/detectors/<name>/<split>``, a folder like a run's. ``publish`` compares them with the runs of the given
folders, or of all sweeps in ``outputs/sweeps``: it writes ``comparison.json``, ``.md`` and ``.svg`` in
``docs/results``, and in README.md and docs/results.md the text between ``<!-- comparison -->`` and ``<!-- /comparison
-->``, and between ``<!-- headline -->`` and ``<!-- /headline -->``. ``learning-curve`` fits dlib to as many people as
the runs of ``train.py -m sweep=learning_curve`` in the given folder, or in the newest of ``outputs/sweeps``, and
publishes all of them as ``learning_curve``. ``damage`` shows damaged photographs to the detectors, the network of the
package, and those of the given run folders, or of all runs of ``model=heatmap`` on the course split in
``outputs/sweeps``, and publishes their errors as ``damage``. Overrides are those of ``train.py``, such as
``data.root=...``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from facekp.config import CONF, Config
from facekp.data.read import prepare_data, read_records, read_split
from facekp.data.splits import split_records
from facekp.runs.command_line import hydra_main, run_command
from facekp.runs.distributed import NO_OUTPUT
from facekp.utils.errors import DataError
from facekp.utils.terminal import display_path

_OUTPUTS, _CURVE, _SWEEPS = (Path("outputs", name) for name in ("detectors", "learning_curve", "sweeps"))
_DOCS = CONF.parent / "docs" / "results"
_PAGES = CONF.parent / "README.md", CONF.parent / "docs" / "results.md"


def measure(config: Config, folders: Sequence[str] = ()) -> None:
    """Fit the baselines, and write their predictions for the held-out faces."""
    from facekp.benchmarks.detectors.base import MeanShape
    from facekp.benchmarks.detectors.dlib_ert import OwnBox, TrueBox
    from facekp.benchmarks.detectors.measure import evaluate_baseline
    from facekp.benchmarks.detectors.mediapipe_mesh import FaceMesh

    data = prepare_data(config.data)
    records, scheme = read_records(data)
    splits = {"course": replace(data, split="course")}
    splits |= {f"fold{fold}": replace(data, split="person_folds", folds=5, fold=fold) for fold in range(5)}
    for kind in (MeanShape, FaceMesh, TrueBox, OwnBox):
        for name, chosen in splits.items():
            folder = _OUTPUTS / kind.slug / name
            measured = evaluate_baseline(kind(scheme), split_records(records, chosen), chosen, folder)
            told = "MSE {mse_px2:.1f} px², {cpu_ms:.1f} ms an image".format(**measured["metrics"])
            print("{model}, split {split}, missed {missed} of {images} faces: ".format(**measured) + told)
    print(f"Written to  {display_path(_OUTPUTS.absolute())}")


def publish(config: Config, folders: Sequence[str] = ()) -> None:
    """Compare the runs of some folders with the baselines, and write the results into the repository."""
    from facekp.benchmarks.detectors import comparison
    from facekp.benchmarks.detectors.methods import read_methods
    from facekp.benchmarks.detectors.page import write

    baselines = [str(folder) for folder in sorted(_OUTPUTS.glob("*"))]
    if not baselines:
        raise DataError(f"{_OUTPUTS} holds no predictions yet; first give python -m facekp detectors measure")
    ours = list(folders) or [str(folder) for folder in _finished_runs()]
    records, scheme = read_records(prepare_data(config.data))
    write(comparison.measure(read_methods([*baselines, *ours], scheme), records), _DOCS, _PAGES)
    print(f"Written to  {display_path(_DOCS)}")


def learning_curve(config: Config, folders: Sequence[str] = ()) -> None:
    """Fit dlib to as many people as the runs of a sweep, and write the learning curves into the repository."""
    from facekp.benchmarks.detectors import learning_curve as curves
    from facekp.benchmarks.detectors.learning_curve_page import publish as write

    ours = list(folders) or [str(max(_SWEEPS.glob("*"), default=_SWEEPS))]
    data = prepare_data(config.data)
    records, scheme = read_records(data)
    theirs = curves.fit_dlib(ours, data, records, scheme, _CURVE)
    write(curves.measure([*ours, *theirs], records, scheme), _DOCS, _PAGES)
    print(f"Written to  {display_path(_DOCS)}")


def damage(config: Config, folders: Sequence[str] = ()) -> None:
    """Measure networks and detectors on damaged photographs of the course split, and write the results."""
    from facekp.benchmarks.detectors.base import Baseline
    from facekp.benchmarks.detectors.damage_page import measure, write
    from facekp.benchmarks.detectors.dlib_ert import OwnBox, TrueBox
    from facekp.benchmarks.detectors.mediapipe_mesh import FaceMesh
    from facekp.benchmarks.detectors.networks import Found, Network
    from facekp.inference.load import shipped
    from facekp.runs.find import find_checkpoint
    from facekp.runs.folder import RunFolder

    wanted = {"model": "heatmap", "split": "course"}
    paths = folders or [str(run) for run in _finished_runs() if wanted.items() <= RunFolder(run).measured.items()]
    if not paths:
        raise DataError(f"{_SWEEPS} holds no heatmap network yet; first give python train.py -m sweep=heatmap")
    data = replace(prepare_data(config.data), split="course")
    split, scheme = read_split(data)
    methods: dict[str, list[Baseline]] = {}
    for path in paths:
        network = Network(scheme, find_checkpoint(path), data.split)
        methods.setdefault(network.model, []).append(network)
    methods |= {kind.name: [kind(scheme)] for kind in (FaceMesh, OwnBox, TrueBox)}
    methods |= {"shipped network": [Network(scheme, shipped(), data.split)], "shipped, own finder": [Found(scheme)]}
    for runs in methods.values():
        for run in runs:
            run.fit(split.train)
    write(measure(methods, split.val, scheme, {"data": data.name, "labels": data.labels}), _DOCS, _PAGES)
    print(f"Written to  {display_path(_DOCS)}")


def _finished_runs() -> list[Path]:
    """The folders of all sweeps' runs that have predictions."""
    return [path.parent for path in sorted(_SWEEPS.glob("*/*/predictions.csv"))]


def main(arguments: list[str]) -> None:
    """Run the command given by the first argument."""
    commands = {"measure": measure, "publish": publish, "learning-curve": learning_curve, "damage": damage}
    if not arguments or arguments[0] not in commands:
        print(__doc__)
        sys.exit(0 if {"-h", "--help"} & set(arguments) else 2)
    overrides = [argument for argument in arguments[1:] if "=" in argument]
    folders = [argument for argument in arguments[1:] if "=" not in argument]
    sys.argv[1:] = [*overrides, *NO_OUTPUT]
    run_command(hydra_main("train", partial(commands[arguments[0]], folders=folders)))
