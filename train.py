"""Train a network: ``python train.py model=nose``; see README.md and ``python train.py --help``."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from facekp.cli import command, resuming, shown
from facekp.config import Config
from facekp.data.obtain import obtain
from facekp.data.reader import read_records
from facekp.data.splits import split_records


def train(config: Config) -> float:
    """Run what a config describes, and leave everything in its run folder.

    Args:
        config: checked, see :func:`facekp.config.checked`.

    Returns:
        The final weights' mean error on the validation faces, in pixels of the photographs.

    Raises:
        FacekpError: for a mistake in the settings, the data or the checkpoint to go on from.
    """
    run_dir = Path(config.run_dir)
    config = replace(config, data=obtain(config.data))
    records, scheme = read_records(config.data)
    split = split_records(records, config.data, config.seed)

    # Whatever could be checked quickly has been: now the imports that take seconds.
    from facekp.checkpoint import build_module, checkpoint_to_resume
    from facekp.data.datamodule import FaceDataModule
    from facekp.evaluation import evaluate_module, name_evaluation
    from facekp.provenance import recorded
    from facekp.report import write_report
    from facekp.results import log_hyperparameters, print_results, write_results
    from facekp.training import build_trainer

    resumed = checkpoint_to_resume(config)
    trainer = build_trainer(config)
    data = FaceDataModule(split, scheme, config.data, config.model.input_size, config.augment, config.seed)
    module = build_module(config.model, scheme, data.mean_shape)
    split.save(run_dir / "split.json")
    with recorded(config, split, trainer):
        trainer.fit(module, data, ckpt_path=resumed, weights_only=True)

    name = name_evaluation(config.model, config.data, split, config.seed, "last", trainer.current_epoch)
    evaluation = evaluate_module(module, data.val_dataloader(), name)
    measured = write_results(evaluation, run_dir, run_dir)
    report = write_report(evaluation, measured, run_dir, run_dir)
    log_hyperparameters(trainer.loggers, config, measured["metrics"])
    print_results(measured)
    print(f"Report      {shown(report)}")
    print(f"Run folder  {shown(run_dir)}")
    print(f"Figures     {shown(run_dir / 'figures')}")
    print(f"Dashboard   tensorboard --logdir {shown(run_dir)}")
    return measured["metrics"]["error_px"]


if __name__ == "__main__":
    sys.argv[1:] = resuming(sys.argv[1:])
    command("train", train)
