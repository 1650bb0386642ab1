"""The Trainer of a run, built from its config."""

from __future__ import annotations

from dataclasses import asdict

from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.loggers import Logger

from facekp.callbacks import About, RestingCollector, Settings
from facekp.checkpoint import describe
from facekp.config import Config
from facekp.create import create_all
from facekp.progress import progress
from facekp.quiet import quieten


def build_trainer(config: Config, *more: Callback) -> Trainer:
    """Lightning's Trainer with the callbacks and loggers that a config names; seeds all random numbers.

    Args:
        config: of the run.
        more: callbacks beside those of the config.

    Raises:
        ConfigError: if a callback or logger cannot be created.
    """
    quieten()
    seed_everything(config.seed, workers=True, verbose=False)
    callbacks = create_all(config.callbacks, Callback, "callbacks")
    return Trainer(
        **asdict(config.trainer) | {"enable_progress_bar": False},  # ours is none of Lightning's
        default_root_dir=config.run_dir,
        callbacks=[
            progress(config.trainer.enable_progress_bar),
            About(describe(config)),
            Settings(config),
            RestingCollector(),
            *callbacks.values(),
            *more,
        ],
        logger=list(create_all(config.logger, Logger, "logger").values()),
        num_sanity_val_steps=0,
        enable_model_summary=False,
    )
