"""The start of distributed runs."""

from __future__ import annotations

from facekp.config import Config
from facekp.runs.distributed import LAUNCHED
from facekp.utils.errors import ConfigError
from facekp.utils.warning_filters import filter_warnings


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
