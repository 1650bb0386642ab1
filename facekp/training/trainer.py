"""The Trainer of a run, built from its config so that nothing is lost when the run is interrupted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer, seed_everything
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from tensorboard.compat.proto.event_pb2 import Event, SessionLog

from facekp.config import Config
from facekp.runs.signals import reinstall_handlers, requested_signal, stop_if_requested
from facekp.training.callbacks import FreezeGarbageCollector, Settings
from facekp.training.checkpoint import AtomicCheckpointIO
from facekp.training.progress import progress
from facekp.utils.errors import ConfigError
from facekp.utils.instantiate import create_all
from facekp.utils.warning_filters import filter_warnings

_HEED_EVERY = 10  # batches; several processes talk to each other for it


def build_trainer(config: Config, *more: Callback) -> Trainer:
    """Lightning's Trainer with the callbacks and loggers that a config names; seeds all random numbers.

    Args:
        config: of the run.
        more: callbacks beside those of the config.

    Raises:
        ConfigError: if a callback or logger cannot be created, or the devices that are asked for are not here.
    """
    filter_warnings()
    seed_everything(config.seed, workers=True, verbose=False)
    callbacks = create_all(config.callbacks, Callback, "callbacks")
    settings = asdict(config.trainer) | {"enable_progress_bar": False}  # ours is none of Lightning's
    settings.pop("compile")
    try:
        return Trainer(
            **settings,
            # Buffers would be sent with every batch, and one process may validate on a batch more than another.
            strategy=DDPStrategy(broadcast_buffers=False) if config.trainer.world_size > 1 else "auto",
            use_distributed_sampler=False,  # FaceDataModule shares the faces out
            default_root_dir=config.run_dir,
            callbacks=[
                progress(config.trainer.enable_progress_bar),
                Settings(config),
                FreezeGarbageCollector(),
                SeedEveryEpoch(config.seed),
                GracefulStop(),
                *callbacks.values(),
                *more,
            ],
            plugins=[AtomicCheckpointIO()],
            logger=list(create_all(config.logger, Logger, "logger").values()),
            num_sanity_val_steps=0,
            enable_model_summary=False,
        )
    except MisconfigurationException as error:
        raise ConfigError(
            f"trainer.accelerator={config.trainer.accelerator} with trainer.devices={config.trainer.devices} is not "
            f"possible here ({' '.join(str(error).split())}); choose others, such as trainer=default"
        ) from error


class SeedEveryEpoch(Callback):
    """Make what is random in a network a function of seed, epoch and process, so that it is the same after a resume.

    Args:
        seed: of the run.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            drawn = np.random.SeedSequence((self._seed, trainer.current_epoch)).generate_state(1)
            torch.manual_seed(int(drawn[0]) + trainer.global_rank)


class GracefulStop(Callback):
    """End between two batches, where nothing is half done, if this process was asked to end.

    Several processes end together, after the same batch, whichever of them was asked.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        reinstall_handlers()  # Lightning's own answer to SIGTERM waits for the other processes in the middle of a step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.world_size == 1:
            stop_if_requested()
        elif batch_idx % _HEED_EVERY == 0 or trainer.is_last_batch:
            here = torch.tensor(requested_signal(), device=trainer.strategy.root_device)
            stop_if_requested(int(trainer.strategy.reduce(here, reduce_op="max")))

    def on_validation_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.world_size == 1:
            stop_if_requested()


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
            if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero:
                session = SessionLog(status=SessionLog.START)
                logger.experiment.file_writer.add_event(Event(step=self._step, session_log=session))

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        for logger in trainer.loggers:
            logger.save()
