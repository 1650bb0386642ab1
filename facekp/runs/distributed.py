"""A run by several processes, one for each device: the first leads, and it alone writes and speaks."""

from __future__ import annotations

import os
import sys
import threading
import time
import warnings
from pathlib import Path

from facekp.config import Config
from facekp.runs.resume import sweeping
from facekp.utils.errors import ConfigError
from facekp.utils.warning_filters import filter_warnings

_NUMBERS = ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID")
_STARTED = ("WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
_launched = False

NO_OUTPUT = ("hydra.run.dir=.", "hydra.output_subdir=null")
"""Overrides with which Hydra makes no folder for a command."""


def is_main_process() -> bool:
    """Whether this is the only process of its run, or the first of several.

    Lightning, torchrun and SLURM number processes and machines in the environment, from 0.
    """
    return all(os.environ.get(name, "0") == "0" for name in _NUMBERS)


def other_process_ended(error: Exception) -> bool:
    """Whether an error is gloo's way to say that another process of the run has ended."""
    return isinstance(error, RuntimeError) and "Connection closed by peer" in str(error)


def reports_error(error: Exception) -> bool:
    """Whether an error is told here: always in the first process, in others if they alone may have met it."""
    return is_main_process() or (_launched and not other_process_ended(error))


def run_silently() -> None:
    """Be silent but for errors, and end when what started this process ends."""
    sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
    warnings.simplefilter("ignore")
    threading.Thread(target=_end_after, args=(os.getppid(),), daemon=True).start()


def _end_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def check_processes(config: Config) -> None:
    """Stop a run that other processes would take for another than this one does.

    Raises:
        ConfigError: if several processes were started for a run by one, or a run of a sweep would have to start them.
    """
    wanted = config.trainer.world_size
    started = max(int(os.environ.get(name, 1)) for name in _STARTED)
    if wanted == 1 and started > 1:
        raise ConfigError(
            f"{started} processes were started, each for a run of its own; "
            "add trainer=ddp trainer.devices=<processes on a machine> trainer.num_nodes=<machines>"
        )
    if wanted > 1 and sweeping() and os.environ.get("SUBMITIT_EXECUTOR") != "slurm":
        raise ConfigError(
            f"the runs of this sweep cannot have {wanted} processes each; leave out trainer=ddp, "
            "or let SLURM start them: hydra/launcher=submitit_slurm"
        )


def launch(config: Config) -> Config:
    """Join the processes of a run, which the first one starts if nothing else has, and take over what it found out.

    All of them call this: the first one when it has checked everything and the data are there, the others at once.

    Args:
        config: as this process composed it.

    Returns:
        The config of the first process, with its run folder and its data.

    Raises:
        ConfigError: if there are more or fewer devices or processes than the config asks for.
    """
    trainer = config.trainer
    if trainer.world_size == 1:
        return config
    from lightning.fabric import Fabric

    filter_warnings()
    try:
        fabric = Fabric(
            accelerator=trainer.accelerator, strategy="ddp", devices=trainer.devices, num_nodes=trainer.num_nodes
        )
        fabric.launch()
    except ValueError as error:
        raise ConfigError(f"trainer=ddp is not possible: {error}") from error
    global _launched
    _launched = True
    return fabric.broadcast(config)
