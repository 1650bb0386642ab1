"""Train a network: ``python train.py model=nose``; see README.md and ``python train.py --help``."""

from __future__ import annotations

if __name__ == "__main__":
    from facekp.runs.signals import exit_on_signals

    exit_on_signals()  # while what follows is imported

import math
from dataclasses import replace
from pathlib import Path

import facekp.utils.installed  # noqa: F401  (the first)
from facekp.config import Config, EvaluateConfig
from facekp.data.prepare import prepare_data
from facekp.data.read import read_split
from facekp.runs.command_line import run_command
from facekp.runs.distributed import check_processes, is_main_process
from facekp.runs.folder import RunFolder
from facekp.runs.lock import locked
from facekp.runs.resume import check_folder, keep_settings, sweeping
from facekp.runs.signals import Interrupted, defer_signals
from facekp.training.launch import launch
from facekp.utils.instantiate import import_trusted
from facekp.utils.terminal import counted, display_path, one_line


def train(config: Config) -> float:
    """Run what a config describes, and leave everything in its run folder.

    Args:
        config: checked, see :func:`facekp.config.checked`.

    Returns:
        The final weights' mean error on the validation faces, in pixels of the photographs. Of several processes that
        train together, the first one knows it; NaN in the others.

    Raises:
        FacekpError: for a mistake in the settings, the data or the checkpoint to go on from.
        Interrupted: after a report on the last epoch that ended, if this process was asked to end while training.
    """
    check_processes(config)
    if not is_main_process():
        config = launch(config)  # once the first process has checked it
    import_trusted(config.trust)
    with locked(Path(config.run_dir)):
        check_folder(config)
        return _train(config)


def _train(config: Config) -> float:
    run_dir = Path(config.run_dir)
    config = replace(config, data=prepare_data(config.data))
    split, scheme = read_split(config.data, config.seed)
    if not sweeping():  # which tells of each run what is its own
        print(f"Network     {config.model.name}, {counted(config.trainer.max_epochs, 'epoch')}")
        print(f"Data        {config.data.name}, split {one_line(split.name)}")
        for label, side in (("Training", split.train), ("Validation", split.val)):
            people = len({record.person for record in side})
            print(f"{label:<11} {counted(len(side), 'image')} of {counted(people, 'person', 'people')}")
        print(f"Run folder  {display_path(run_dir)}")
        print("Loading libraries ...")

    # Whatever could be checked quickly has been: now the imports that take seconds.
    from facekp.data.datamodule import FaceDataModule
    from facekp.evaluation.evaluate import evaluate_predictor, name_evaluation
    from facekp.models.checkpoint import read_checkpoint
    from facekp.models.module import KeypointModule
    from facekp.reporting.report import write_report
    from facekp.reporting.results import print_results, write_results
    from facekp.runs.provenance import device_name, recorded
    from facekp.training.callbacks import log_hyperparameters
    from facekp.training.checkpoint import ResumeGuard, checkpoint_to_resume
    from facekp.training.trainer import build_trainer

    resumed = checkpoint_to_resume(config, scheme)
    guard = ResumeGuard(resumed)
    trainer = build_trainer(config, guard, first_step=resumed.step if resumed else 0)
    data = FaceDataModule(config.data, config.model.input_size, config.augment, config.seed, known=(split, scheme))
    data.setup("fit")
    module = KeypointModule(config.model, scheme, config.optimizer, config.schedule)
    module.init_from_shapes(data.train_faces.keypoints)
    if config.trainer.compile:
        module.network.compile()
    if is_main_process():
        launch(config)
        split.save(run_dir / "split.json")
        if config.resume:
            keep_settings(run_dir)
    if not sweeping():
        print(f"Device      {device_name(trainer)}")
    interrupted, last_checkpoint = None, RunFolder(run_dir).last_checkpoint
    try:
        with recorded(config, {"train": len(split.train), "val": len(split.val)}, trainer), guard, defer_signals():
            trainer.fit(module, data, ckpt_path=resumed.path if resumed else None, weights_only=True)
        epoch = trainer.current_epoch
    except Interrupted as interruption:
        if sweeping() or not is_main_process() or not last_checkpoint.is_file():
            raise
        interrupted, last = interruption, read_checkpoint(last_checkpoint)
        module.load_state_dict(last.state)
        epoch = last.epoch
        print(f"Interrupted: reporting on epoch {epoch}, the last that ended. Interrupt again to end at once.")

    if not is_main_process():
        return math.nan
    if not sweeping():
        print("Evaluating, drawing ...")
    name = name_evaluation(config.model, config.data, split, config.seed, "last", epoch)
    evaluation = evaluate_predictor(module, data.test_dataloader(), name)
    run = RunFolder(run_dir)
    measured = write_results(evaluation, module, run_dir, run)
    report = write_report(evaluation, measured, module, run_dir, run)
    if not interrupted:
        log_hyperparameters(trainer, config, measured["metrics"])
    if sweeping():
        return measured["metrics"]["error_px"]
    print_results(measured)
    print(f"Report      {display_path(report)}")
    print(f"Run folder  {display_path(run_dir)}")
    print(f"Figures     {display_path(run_dir / 'figures')}")
    print(f"Dashboard   tensorboard --logdir {display_path(run_dir)}")
    if interrupted:
        raise interrupted
    return measured["metrics"]["error_px"]


def compare(sweep: Path) -> Path:
    """Set the runs of a sweep's folder side by side; returns the path of the page, which is written there."""
    from facekp.reporting.comparison import write_comparison

    return write_comparison(EvaluateConfig(compare=[str(sweep)], output_dir=str(sweep)))[1]


if __name__ == "__main__":
    run_command("train", train, resumable=True, compare=compare)
