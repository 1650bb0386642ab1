"""Callbacks for logging, warnings, seeding and graceful stops."""

from __future__ import annotations

import gc
import warnings
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from omegaconf import OmegaConf
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from facekp.config import Config
from facekp.evaluation.catalogue import COMPARED, HEADLINE
from facekp.evaluation.errors import COLLAPSED_SPREAD
from facekp.runs.folder import RunFolder
from facekp.runs.provenance import command_line
from facekp.runs.signals import reinstall_handlers, requested_signal, stop_if_requested

_LAYOUT = {
    "loss": {"training and validation": ["Multiline", ["train/loss", "val/loss"]]},
    "validation faces": {
        metric.title(): ["Multiline", [f"val/{key}", f"val/{key}_turned", f"val/mean_shape_{key}"]]
        for key, metric in HEADLINE.items()
    },
}
_CHECK_EVERY = 10  # batches, because it needs communication between processes


class LogConfig(Callback):
    """Logs the command, the data and the whole config as text to TensorBoard.

    Args:
        config: of the run.
    """

    def __init__(self, config: Config) -> None:
        self._config = config

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        data = trainer.datamodule  # type: ignore[attr-defined]
        settings = asdict(self._config)
        settings["trainer"] |= self._config.trainer.others
        text = (
            f"{self._config.model.name} on {data.caption}, seed {self._config.seed}: "
            f"{len(data.train_faces)} training images, {len(data.val_faces)} validation images\n\n"
            f"```\n{command_line() or ''}\n\n{OmegaConf.to_yaml(settings)}```"
        )
        for writer in writers(trainer):
            writer.add_text("settings", text, trainer.global_step)


class FreezeGarbageCollector(Callback):
    """Excludes objects that exist before training from garbage collection.

    They live as long as the run; visiting them repeatedly takes a tenth of the training time of a small network.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        gc.collect()
        gc.freeze()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        gc.unfreeze()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        gc.unfreeze()


class SeedEveryEpoch(Callback):
    """Makes random numbers in a network depend on seed, epoch and process only, so that a resumed run is the same.

    Args:
        seed: of the run.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            state = np.random.SeedSequence((self._seed, trainer.current_epoch)).generate_state(1)
            torch.manual_seed(int(state[0]) + trainer.global_rank)


class GracefulStop(Callback):
    """Ends training between two batches if this process received SIGINT or SIGTERM.

    In distributed training all processes end together, after the same batch, whichever of them received the signal.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        reinstall_handlers()  # Lightning's handler of SIGTERM would wait for the other processes within a step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.world_size == 1:
            stop_if_requested()
        elif batch_idx % _CHECK_EVERY == 0 or trainer.is_last_batch:
            here = torch.tensor(requested_signal(), device=trainer.strategy.root_device)
            stop_if_requested(int(trainer.strategy.reduce(here, reduce_op="max")))

    def on_validation_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.world_size == 1:
            stop_if_requested()


class FlushLoggers(Callback):
    """Writes everything that was logged to disk before a checkpoint is saved."""

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        for logger in trainer.loggers:
            logger.save()


class CurveLayout(Callback):
    """Defines a layout for TensorBoard's custom scalars, with training and validation in one chart."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for writer in writers(trainer):
            writer.add_custom_scalars(_LAYOUT)


class CollapseWarning(Callback):
    """Warns once if the network still predicts one shape for all validation faces after half of the training."""

    def __init__(self) -> None:
        self._warned = False

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        spread = float(trainer.callback_metrics.get("val/spread", np.inf))
        late = trainer.current_epoch + 1 >= (trainer.max_epochs or 0) / 2
        if late and not trainer.sanity_checking and not self._warned and spread < COLLAPSED_SPREAD:
            self._warned = True
            warnings.warn(
                f"after epoch {trainer.current_epoch + 1} the validation predictions have collapsed to one shape: they "
                f"vary {spread:.1%} as much as the labels; train longer, or change optimizer.lr",
                stacklevel=2,
            )


def writers(trainer: Trainer) -> list[SummaryWriter]:
    """The TensorBoard writers of a run."""
    return [logger.experiment for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]


def log_hyperparameters(trainer: Trainer, config: Config, metrics: dict[str, float]) -> None:
    """Log the settings and final metrics of a run for TensorBoard's HParams, which compares the runs of a sweep."""
    data = config.data
    settings = {  # TensorBoard sorts them by name, and shows the first five by default
        "augment": config.augment.name,
        "batch_size": data.batch_size,
        "lr": config.optimizer.get("lr"),
        "model": config.model.name,
        "seed": str(config.seed),  # a number would be shown as 0.0000
        "split": f"{data.split} of {data.name}, {data.labels} labels",
        "trainer.max_epochs": config.trainer.max_epochs,
        "settings": " ".join(RunFolder(config.run_dir).overrides),
        "weight_decay": config.optimizer.get("weight_decay"),
    }
    final = {f"val/{name}": metrics[name] for name in COMPARED}  # the ends of these curves
    validated = trainer.current_epoch % (trainer.check_val_every_n_epoch or 1) == 0
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            if not validated:
                logger.log_metrics(final, trainer.global_step - 1)
            # The public log_hyperparams and add_hparams would add the final values to curves a second time.
            for part in hparams({name: value for name, value in settings.items() if value is not None}, final):
                logger.experiment._get_file_writer().add_summary(part)
            logger.finalize("success")
