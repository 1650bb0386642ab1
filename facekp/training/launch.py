"""The start of Lightning: what it need not say, and the processes of distributed runs."""

from __future__ import annotations

import logging
import warnings

from facekp.config import Config
from facekp.runs.distributed import LAUNCHED
from facekp.utils.errors import ConfigError

_IDLE_WARNINGS = (  # of libraries, which no user of this project can act on
    r".*isinstance\(treespec, LeafSpec\).*",  # between Lightning and torch
    r".*does not have many workers.*",  # faces are in memory: more workers would be slower
    r".*Checkpoint directory .* exists and is not empty.*",  # resuming
    r".*`broadcast_buffers` is deprecated.*",  # older versions of torch do not know its successor
    r".*sync_dist=True.*",  # what is logged has been gathered from all processes before
    r".*The number of training batches .* is smaller than the logging interval.*",
)


def filter_warnings() -> None:
    """Drop Lightning's greetings and the warnings above; everything else is still shown."""
    for package in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(package).setLevel(logging.WARNING)
        logging.getLogger(f"{package}.utilities.rank_zero").setLevel(logging.WARNING)
    logging.getLogger("lightning.pytorch.profilers").setLevel(logging.INFO)  # where they report
    for message in _IDLE_WARNINGS:
        warnings.filterwarnings("ignore", message=message)


def launch(config: Config) -> Config:
    """Connect the processes of a run, which the first one starts if necessary, and use its config in all of them.

    All processes call this: the first when everything is checked and the data are prepared, the others at once.

    Args:
        config: of this process.

    Returns:
        The config of the first process, with its run folder and its data.

    Raises:
        ConfigError: if the number of devices or processes does not fit the config.
    """
    trainer = config.trainer
    if trainer.world_size == 1:
        return config
    from lightning.fabric import Fabric  # imported here because it takes seconds

    filter_warnings()
    try:
        fabric = Fabric(
            accelerator=trainer.accelerator, strategy="ddp", devices=trainer.devices, num_nodes=trainer.num_nodes
        )
        fabric.launch()
    except ValueError as error:
        raise ConfigError(f"trainer=ddp is not possible: {error}") from error
    LAUNCHED.set()
    return fabric.broadcast(config)
