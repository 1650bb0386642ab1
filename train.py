"""Train a network: ``python train.py model=nose``; see README.md and ``python train.py --help``."""

from __future__ import annotations

if __name__ == "__main__":
    import facekp.utils.installed  # noqa: F401  (the first)
    from facekp.runs.signals import exit_on_signals

    exit_on_signals()  # during the imports

import math
from dataclasses import replace
from pathlib import Path

import hydra

from facekp.config import Config, EvaluateConfig
from facekp.data.read import prepare_data, read_split, suit_scheme
from facekp.data.splits import Split
from facekp.runs.command_line import CheckedTask, run_command
from facekp.runs.distributed import check_processes, is_main_process
from facekp.runs.folder import RunFolder
from facekp.runs.lock import locked
from facekp.runs.resume import check_folder, keep_settings, sweeping
from facekp.training.launch import launch
from facekp.utils.imports import quick_imports
from facekp.utils.instantiate import import_trusted
from facekp.utils.terminal import counted, display_path, one_line


def train(config: Config) -> float:
    """Train and evaluate a network, and write everything to the run folder.

    Args:
        config: checked, see :func:`facekp.config.checked`.

    Returns:
        The mean error of the final weights on the validation faces, in pixels of the photographs; in distributed
        training NaN in all but the first process.

    Raises:
        FacekpError: for a mistake in the settings, the data or the checkpoint to resume from.
        Interrupted: after a report on the last complete epoch, if this process was interrupted during training.
    """
    check_processes(config)
    if not is_main_process():
        config = launch(config)  # waits until the first process has checked it
    import_trusted(config.trust)
    with locked(Path(config.run_dir)):
        check_folder(config)
        return _train(replace(config, data=prepare_data(config.data)))


def _train(config: Config) -> float:
    run, quiet = RunFolder(config.run_dir), sweeping()  # a sweep prints what is different in each run
    split, scheme = read_split(config.data, config.seed)
    if not quiet:
        _print_start(config, split)
    config = suit_scheme(config, scheme)
    if not quiet:
        print("Loading libraries ...")

    # Everything that can be checked quickly has been checked; these imports take seconds.
    with quick_imports():
        from facekp.data.datamodule import FaceDataModule
        from facekp.evaluation.evaluate import evaluate_predictor, name_evaluation
        from facekp.models.module import KeypointModule
        from facekp.reporting.report import write_report
        from facekp.reporting.results import print_results, write_results
        from facekp.runs.provenance import device_name
        from facekp.training.callbacks import log_hyperparameters
        from facekp.training.checkpoint import checkpoint_to_resume
        from facekp.training.trainer import build_trainer, fit

    resumed = checkpoint_to_resume(config, scheme)
    trainer = build_trainer(config, first_step=resumed.step if resumed else 0)
    data = FaceDataModule(config.data, config.model.input_size, config.augment, config.seed, known=(split, scheme))
    data.setup("fit")
    module = KeypointModule(config.model, scheme, config.optimizer, config.schedule)
    module.init_from_shapes(data.train_faces.keypoints)
    if is_main_process():
        launch(config)
        split.save(run.path / "split.json")
        if config.resume:
            keep_settings(run.path)
    if not quiet:
        print(f"Device      {device_name(trainer)}")
    epoch, interruption = fit(trainer, module, data, config, resumed)
    if not is_main_process():
        return math.nan

    if not quiet:
        print("Evaluating, drawing ...")
    name = name_evaluation(config.model, config.data, split, config.seed, "last", epoch)
    evaluation = evaluate_predictor(module, data.test_dataloader(), name)
    measured = write_results(evaluation, module, run.path, run)
    report = write_report(evaluation, measured, module, run.path, run)
    if interruption is None:
        log_hyperparameters(trainer, config, measured["metrics"])
    if not quiet:
        print_results(measured)
        print(f"Report      {display_path(report)}")
        print(f"Run folder  {display_path(run.path)}")
        print(f"Figures     {display_path(run.path / 'figures')}")
        print(f"Dashboard   tensorboard --logdir {display_path(run.path)}")
    if interruption is not None:
        raise interruption
    return measured["metrics"]["error_px"]


def _print_start(config: Config, split: Split) -> None:
    print(f"Network     {config.model.name}, {counted(config.trainer.max_epochs, 'epoch')}")
    print(f"Data        {config.data.name}, split {one_line(split.name)}")
    for label, side in (("Training", split.train), ("Validation", split.val)):
        people = len({record.person for record in side})
        print(f"{label:<11} {counted(len(side), 'image')} of {counted(people, 'person', 'people')}")
    print(f"Run folder  {display_path(Path(config.run_dir))}")


def compare(sweep: Path) -> Path:
    """Set the runs of a sweep's folder side by side; returns the path of the page, which is written there."""
    from facekp.reporting import comparison

    comparison.compare(EvaluateConfig(compare=[str(sweep)], output_dir=str(sweep)), printed=False)
    return sweep / "compare.html"


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
@CheckedTask
def main(config: Config) -> float:
    """Train as the command line says; returns the objective of a sweep."""
    return train(config)


if __name__ == "__main__":
    run_command(main, resumable=True, compare=compare)
