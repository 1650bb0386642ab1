"""Evaluate a trained network: ``python evaluate.py ckpt_path=<checkpoint or run folder>``; or compare runs:
``python evaluate.py compare=[<run folder>,<run folder>]``; see ``--help``.
"""

from __future__ import annotations

if __name__ == "__main__":
    import facekp.utils.installed  # noqa: F401  (the first)
    from facekp.runs.signals import exit_on_signals

    exit_on_signals()  # during the imports

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import hydra

from facekp.config import EvaluateConfig, evaluated_data
from facekp.data.splits import Split
from facekp.runs.command_line import CheckedTask, run_command
from facekp.utils.files import name_of
from facekp.utils.imports import quick_imports
from facekp.utils.instantiate import import_trusted
from facekp.utils.terminal import counted, display_path, one_line


def evaluate(config: EvaluateConfig) -> dict[str, Any]:
    """Evaluate a checkpoint on the held-out faces of its split, or compare runs.

    Args:
        config: checked, see :func:`facekp.config.checked`.

    Returns:
        The content of metrics.json or compare.json.

    Raises:
        FacekpError: for a mistake in the settings, the data or the checkpoint.
    """
    if config.ckpt_path is None:
        from facekp.reporting.comparison import compare

        return compare(config)

    import_trusted(config.trust)
    print("Loading libraries ...")
    with quick_imports():
        from facekp.data.datamodule import FaceDataModule
        from facekp.evaluation.evaluate import evaluate_predictor, name_evaluation
        from facekp.inference.exportable import ExportedPredictor
        from facekp.inference.exported import SUFFIX
        from facekp.inference.load import SHIPPED
        from facekp.models.checkpoint import read_checkpoint
        from facekp.models.module import KeypointModule
        from facekp.reporting.report import write_report
        from facekp.reporting.results import print_results, write_measured, write_results
        from facekp.runs.find import find_checkpoint, run_of
        from facekp.runs.folder import check_links
        from facekp.training.checkpoint import check_scheme, device_of

    path = find_checkpoint(config.ckpt_path, config.weights)
    run = run_of(path)
    exported = ExportedPredictor(path) if path.suffix == SUFFIX else None
    checkpoint = exported.checkpoint if exported else read_checkpoint(path)
    stored, seed = checkpoint.data_settings()
    settings = evaluated_data(stored, config.data)
    data = FaceDataModule.held_out(settings, checkpoint.model.input_size, seed)
    check_scheme(checkpoint, data.scheme)
    place = f"{path.stem}-{settings.labels}"
    if config.data.keys() - {"root", "labels"}:
        place = name_of(f"{place}-{data.config.name}-{data.split.name}")
        if settings.reader["_target_"] == stored.reader["_target_"]:  # otherwise names and persons are others
            data.split = _warned(data.split, run.train_names if run else None)
    beside = run.path if run else path.parent
    if beside.samefile(SHIPPED.parent):  # nothing is written into the package
        beside = Path("outputs")
    folder = Path(config.output_dir or beside / "evaluate" / place)
    if not config.output_dir:
        check_links(folder, beside)
    predictor = exported or KeypointModule.restore(checkpoint).to(device_of(config.accelerator))
    name = name_evaluation(checkpoint.model, data.config, data.split, seed, path.stem, checkpoint.epoch)
    folder.mkdir(parents=True, exist_ok=True)  # fails early if that is not possible
    print(f"Network     {checkpoint.model.name}, {one_line(path.stem)} weights (epoch {checkpoint.epoch})")
    print(
        f"Data        {counted(len(data.split.val), 'image')} of {data.config.name}, split {one_line(data.split.name)}"
    )
    print("Evaluating, drawing ...")
    evaluation = evaluate_predictor(predictor, data.test_dataloader(), name)
    if isinstance(predictor, ExportedPredictor):  # it has no layers for figures and report to show
        print_results(measured := write_measured(evaluation, folder))
    else:
        measured = write_results(evaluation, predictor, folder, run)
        report = write_report(evaluation, measured, predictor, folder, run)
        print_results(measured)
        print(f"Report      {display_path(report)}")
    print(f"Written to  {display_path(folder)}")
    return measured


def _warned(split: Split, trained: set[str] | None) -> Split:
    """Warn of people whom the network was trained on; the name of the split then tells of them, too."""
    if trained is None:
        print("Warning     there is no split.json of its run, so whom it was trained on is not known", file=sys.stderr)
        return split
    if not (seen := len(split.val_people_of(trained))):
        return split
    people = counted(len({record.person for record in split.val}), "person", "people")
    print(f"Warning     of {people}, {seen} were in the training set, which flatters the figures", file=sys.stderr)
    return replace(split, name=f"{split.name} ({seen} of {people} trained on)")


@hydra.main(version_base="1.3", config_path="conf", config_name="evaluate")
@CheckedTask
def main(config: EvaluateConfig) -> None:
    """Evaluate as the command line says."""
    evaluate(config)


if __name__ == "__main__":
    run_command(main)
