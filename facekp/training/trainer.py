"""The Trainer of a run: how it is built and used."""

from __future__ import annotations

import inspect
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer, seed_everything
from lightning.pytorch.callbacks import LearningRateMonitor
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import DDPStrategy
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from facekp.config import Config
from facekp.data.datamodule import FaceDataModule
from facekp.models.checkpoint import Checkpoint, read_checkpoint
from facekp.models.module import KeypointModule
from facekp.runs.folder import RunFolder
from facekp.runs.provenance import recorded
from facekp.runs.resume import sweeping
from facekp.runs.signals import Interrupted, defer_signals
from facekp.training.callbacks import FlushLoggers, GracefulStop, LogConfig, SeedEveryEpoch
from facekp.training.checkpoint import AtomicCheckpointIO, ResumeGuard
from facekp.training.launch import filter_warnings
from facekp.training.progress import progress
from facekp.utils.errors import ConfigError, closest
from facekp.utils.instantiate import create_all, create_nested
from facekp.utils.machine import keep_freed_memory


def build_trainer(config: Config, *more: Callback, first_step: int = 0) -> Trainer:
    """Create Lightning's Trainer, with the callbacks and loggers of a config, and seed all random numbers.

    Args:
        config: of the run.
        more: further callbacks.
        first_step: the iteration from which training continues; later values in TensorBoard are discarded.

    Raises:
        ConfigError: if a callback or logger cannot be created, or the Trainer does not have or accept one of its
            settings, for example because there are not enough devices.
    """
    filter_warnings()
    keep_freed_memory()
    seed_everything(config.seed, workers=True, verbose=False)
    loggers = _create_loggers(config, first_step)
    callbacks = [
        # Those that every run needs; all others are in conf/callbacks.
        progress(config.trainer.enable_progress_bar),  # shows how long a run will take
        LogConfig(config),  # documents the run in TensorBoard
        SeedEveryEpoch(config.seed),  # makes a resumed run the same to the last bit
        GracefulStop(),  # ends after Ctrl-C or SIGTERM between two batches
        FlushLoggers(),  # makes curves complete up to each checkpoint
        *create_all(config.callbacks, Callback, "callbacks").values(),
        *more,
    ]
    if not loggers:
        callbacks = [each for each in callbacks if not isinstance(each, LearningRateMonitor)]  # which needs a logger
    others = _create_others(config.trainer.others)
    arguments = {
        # Buffers would be sent with every batch, and processes may validate on different numbers of batches.
        "strategy": DDPStrategy(broadcast_buffers=False) if config.trainer.world_size > 1 else "auto",
        "use_distributed_sampler": False,  # FaceDataModule distributes the faces
        "default_root_dir": config.run_dir,
        "num_sanity_val_steps": 0,
        "enable_model_summary": False,
        **asdict(config.trainer),
        **others,
        "enable_progress_bar": False,  # replaced by our own
        "plugins": [AtomicCheckpointIO(), *others.get("plugins", ())],
    }
    del arguments["compile"]
    try:
        return Trainer(**arguments, callbacks=callbacks, logger=loggers)
    except (MisconfigurationException, TypeError, ValueError) as error:
        given = ", ".join(f"trainer.{name}={arguments[name]}" for name in ("accelerator", "devices", *others))
        raise ConfigError(
            f"{given} is not possible here ({' '.join(str(error).split())}); choose others, such as trainer=default"
        ) from error


def fit(
    trainer: Trainer, module: KeypointModule, data: FaceDataModule, config: Config, resumed: Checkpoint | None
) -> tuple[int, Interrupted | None]:
    """Train, and record it in the run folder.

    Args:
        trainer: of :func:`build_trainer`.
        module: to be trained.
        data: with both sets.
        config: of the run.
        resumed: the checkpoint from which it continues, if any.

    Returns:
        For how many epochs the module is trained, and what interrupted this before its end, or None. The module is
        then as it was after the last whole epoch.

    Raises:
        Interrupted: if there is nothing to evaluate: no epoch has ended, or a sweep ends with this run.
    """
    if config.trainer.compile:
        module.network.compile()
    guard = ResumeGuard(resumed)
    trainer.callbacks.append(guard)  # type: ignore[attr-defined]
    images = {"train": len(data.train_faces), "val": len(data.val_faces)}
    try:
        with recorded(config, images, trainer), guard, defer_signals():
            trainer.fit(module, data, ckpt_path=resumed.path if resumed else None, weights_only=True)
        return trainer.current_epoch, None
    except Interrupted as interruption:
        last_checkpoint = RunFolder(config.run_dir).last_checkpoint
        if sweeping() or not trainer.is_global_zero or not last_checkpoint.is_file():
            raise
        last = read_checkpoint(last_checkpoint)
        module.load_state_dict(last.state)
        print(f"Interrupted: reporting on epoch {last.epoch}, the last that ended. Interrupt again to end at once.")
        return last.epoch, interruption


def _create_loggers(config: Config, first_step: int) -> list[Logger]:
    if any(Path(config.run_dir).rglob("*tfevents*")):  # event files are read in the order of the seconds in their names
        time.sleep(1 - time.time() % 1)
    specs = {
        name: spec | {"purge_step": first_step} if spec is not None and "purge_step" in spec else spec
        for name, spec in config.logger.items()
    }
    return list(create_all(specs, Logger, "logger").values())


def _create_others(others: dict[str, Any]) -> dict[str, Any]:
    """Create the arguments that are not in the schema; a mapping with ``_target_`` is an object."""
    known = inspect.signature(Trainer).parameters
    for name in others:
        if name not in known:
            raise ConfigError(f"+trainer.{name}: Lightning's Trainer has no argument {name}{closest(name, known)}")
        if name in ("callbacks", "logger"):
            raise ConfigError(f"+trainer.{name}: use the {name} settings instead, such as +{name}.mine._target_=...")
    specs = {name: value for name, value in others.items() if isinstance(value, dict) and "_target_" in value}
    return others | {name: create_nested(spec, object, f"trainer.{name}") for name, spec in specs.items()}
