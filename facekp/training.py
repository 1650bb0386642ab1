"""The Trainer of a run, built from its config so that nothing is lost when the run is interrupted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from tensorboard.compat.proto.event_pb2 import Event, SessionLog

from facekp.callbacks import RestingCollector, Settings
from facekp.checkpoint_io import WholeCheckpoints
from facekp.config import Config
from facekp.create import create_all
from facekp.interrupt import heed
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
            Settings(config),
            RestingCollector(),
            SeededEpochs(config.seed),
            Heeding(),
            *callbacks.values(),
            *more,
        ],
        plugins=[WholeCheckpoints()],
        logger=list(create_all(config.logger, Logger, "logger").values()),
        num_sanity_val_steps=0,
        enable_model_summary=False,
    )


class SeededEpochs(Callback):
    """Make what is random in a network a function of seed and epoch, so that it is the same after a resume.

    Args:
        seed: of the run.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            drawn = np.random.SeedSequence((self._seed, trainer.current_epoch)).generate_state(1)
            torch.manual_seed(int(drawn[0]))


class Heeding(Callback):
    """End between two batches, where nothing is half done, if this process was asked to end."""

    def on_train_batch_end(self, *_: Any) -> None:
        heed()

    def on_validation_batch_end(self, *_: Any) -> None:
        heed()


class WholeCurves(Callback):
    """Keep TensorBoard's curves as whole as the checkpoints that belong to them.

    All that was logged is on the disk before a checkpoint is; what an earlier, interrupted process logged beyond the
    checkpoint that this one goes on from is told to be void, as SummaryWriter's ``purge_step`` would.

    Args:
        step: the iteration that training goes on from.
    """

    def __init__(self, step: int) -> None:
        self._step = step

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                session = SessionLog(status=SessionLog.START)
                logger.experiment.file_writer.add_event(Event(step=self._step, session_log=session))

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        for logger in trainer.loggers:
            logger.save()
