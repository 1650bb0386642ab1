"""Distributed runs, with one process per device; only the first process writes files and prints."""

from __future__ import annotations

import os
import sys
import threading
import time
import warnings
from pathlib import Path

from facekp.config import Config
from facekp.runs.messages import other_process_ended
from facekp.runs.resume import sweeping
from facekp.utils.errors import ConfigError

_NUMBERS = ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID")
_STARTED = ("WORLD_SIZE", "SLURM_STEP_NUM_TASKS")

NO_OUTPUT = ("hydra.run.dir=.", "hydra.output_subdir=null")
"""Overrides with which Hydra creates no folder."""

LAUNCHED = threading.Event()
"""Set once this process is connected with the others of its run."""


def is_main_process() -> bool:
    """Whether this is the first or only process of its run.

    Lightning, torchrun and SLURM set the numbers of processes and machines, from 0, in the environment.
    """
    return all(os.environ.get(name, "0") == "0" for name in _NUMBERS)


def reports_error(error: Exception) -> bool:
    """Whether this process reports an error: the first always does, others if it may have occurred only there."""
    return is_main_process() or (LAUNCHED.is_set() and not other_process_ended(error))


def run_silently() -> None:
    """Print nothing but errors, and end when the parent process ends."""
    sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115
    warnings.simplefilter("ignore")
    threading.Thread(target=_end_after, args=(os.getppid(),), daemon=True).start()


def _end_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def check_processes(config: Config) -> None:
    """Check that the number of processes fits the config.

    Raises:
        ConfigError: if several processes were started for a run of one, or a run of a sweep would have to start them.
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
