"""The Trainer of a run, built from its config."""

from __future__ import annotations

import inspect
from dataclasses import asdict
from typing import Any

from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from facekp.config import Config
from facekp.training.callbacks import FlushLoggers, GracefulStop, LogConfig, SeedEveryEpoch
from facekp.training.checkpoint import AtomicCheckpointIO
from facekp.training.progress import progress
from facekp.utils.errors import ConfigError, closest
from facekp.utils.instantiate import create_all, create_nested
from facekp.utils.warning_filters import filter_warnings


def build_trainer(config: Config, *more: Callback, first_step: int = 0) -> Trainer:
    """Lightning's Trainer with the callbacks and loggers that a config names; seeds all random numbers.

    Args:
        config: of the run.
        more: callbacks beside those of the config.
        first_step: the iteration that training goes on from. What TensorBoard was told beyond it is void.

    Raises:
        ConfigError: if a callback or logger cannot be created, or the Trainer does not know one of its settings, or
            refuses them, for example because the devices are not here.
    """
    filter_warnings()
    seed_everything(config.seed, workers=True, verbose=False)
    loggers = _create_loggers(config, first_step)
    callbacks = [
        # What a run cannot do without; all others are in conf/callbacks.
        progress(config.trainer.enable_progress_bar),  # a person waits for it
        LogConfig(config),  # every run in TensorBoard tells what made it
        SeedEveryEpoch(config.seed),  # a resumed run is the same to the last bit
        GracefulStop(),  # Ctrl-C and SIGTERM end between two batches
        FlushLoggers(),  # curves reach as far as the checkpoint that a run goes on from
        *create_all(config.callbacks, Callback, "callbacks").values(),
        *more,
    ]
    if not loggers:
        callbacks = [callback for callback in callbacks if not isinstance(callback, LearningRateMonitor)]  # it refuses
    others = _create_others(config.trainer.others)
    arguments = {
        # Buffers would be sent with every batch, and one process may validate on a batch more than another.
        "strategy": DDPStrategy(broadcast_buffers=False) if config.trainer.world_size > 1 else "auto",
        "use_distributed_sampler": False,  # FaceDataModule shares the faces out
        "default_root_dir": config.run_dir,
        "num_sanity_val_steps": 0,
        "enable_model_summary": False,
        **asdict(config.trainer),
        **others,
        "enable_progress_bar": False,  # ours is none of Lightning's
        "plugins": [AtomicCheckpointIO(), *others.get("plugins", ())],
    }
    del arguments["compile"]
    try:
        return Trainer(**arguments, callbacks=callbacks, logger=loggers)
    except (MisconfigurationException, TypeError, ValueError) as error:
        asked = ", ".join(f"trainer.{name}={arguments[name]}" for name in ("accelerator", "devices", *others))
        raise ConfigError(
            f"{asked} is not possible here ({' '.join(str(error).split())}); choose others, such as trainer=default"
        ) from error


def _create_loggers(config: Config, first_step: int) -> list[Logger]:
    specs = {
        name: spec | {"purge_step": first_step} if spec is not None and "purge_step" in spec else spec
        for name, spec in config.logger.items()
    }
    return list(create_all(specs, Logger, "logger").values())


def _create_others(others: dict[str, Any]) -> dict[str, Any]:
    """Arguments that the schema does not describe; a mapping with ``_target_`` is an object to create."""
    known = inspect.signature(Trainer).parameters
    for name in others:
        if name not in known:
            raise ConfigError(f"+trainer.{name}: Lightning's Trainer has no argument {name}{closest(name, known)}")
        if name in ("callbacks", "logger"):
            raise ConfigError(f"+trainer.{name}: there are settings for that, such as +{name}.mine._target_=...")
    specs = {name: value for name, value in others.items() if isinstance(value, dict) and "_target_" in value}
    return others | {name: create_nested(spec, object, f"trainer.{name}") for name, spec in specs.items()}
