"""Train a network: ``python train.py model=nose``; see README.md and ``python train.py --help``."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

from facekp.cli import command, resuming, shown
from facekp.config import Config
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
    records, scheme = read_records(config.data)
    split = split_records(records, config.data, config.seed)

    # Whatever could be checked quickly has been: now the imports that take seconds.
    from lightning.pytorch import Callback, Trainer, seed_everything
    from lightning.pytorch.callbacks import ProgressBar
    from lightning.pytorch.loggers import Logger

    from facekp.callbacks import About, progress
    from facekp.checkpoint import build_module, checkpoint_to_resume, describe
    from facekp.create import create_all
    from facekp.data.datamodule import FaceDataModule
    from facekp.evaluation import evaluate_module, name_evaluation
    from facekp.quiet import quieten
    from facekp.results import log_hyperparameters, print_results, write_results

    quieten()
    resumed = checkpoint_to_resume(config)
    seed_everything(config.seed, workers=True, verbose=False)
    data = FaceDataModule(split, scheme, config.data, config.model.input_size, config.augment, config.seed)
    module = build_module(config.model, scheme, data.mean_shape)
    shows_progress = progress(config.trainer.enable_progress_bar)
    chosen = create_all(config.callbacks, Callback, "callbacks").values()
    trainer = Trainer(
        **asdict(config.trainer) | {"enable_progress_bar": isinstance(shows_progress, ProgressBar)},
        default_root_dir=run_dir,
        callbacks=[shows_progress, About(describe(config)), *chosen],
        logger=list(create_all(config.logger, Logger, "logger").values()),
        num_sanity_val_steps=0,
        enable_model_summary=False,
    )
    split.save(run_dir / "split.json")
    trainer.fit(module, data, ckpt_path=resumed, weights_only=True)

    name = name_evaluation(config.model, config.data, split, config.seed, "last", trainer.current_epoch)
    evaluation = evaluate_module(module, data.val_dataloader(), name)
    measured = write_results(evaluation, run_dir, run_dir)
    log_hyperparameters(trainer.loggers, config, measured["metrics"])
    print_results(measured)
    print(f"Run folder  {shown(run_dir)}")
    print(f"Figures     {shown(run_dir / 'figures')}")
    print(f"Dashboard   tensorboard --logdir {shown(run_dir)}")
    return measured["metrics"]["error_px"]


if __name__ == "__main__":
    sys.argv[1:] = resuming(sys.argv[1:])
    command("train", train)
