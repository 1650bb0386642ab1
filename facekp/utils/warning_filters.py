"""Filters for warnings of libraries that no user of this project can act on."""

import logging
import warnings

_IDLE_WARNINGS = (
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
