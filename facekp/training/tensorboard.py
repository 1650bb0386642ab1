"""The scalars that a run has logged, read back from its TensorBoard events."""

from __future__ import annotations

import logging
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

Series = tuple[list[int], list[float]]
"""Iterations and values."""


def read_scalars(run_dir: Path) -> dict[str, Series]:
    """All scalar series below a run folder by their tag; empty if it has no events.

    Where a resumed run has logged an iteration again, the later value counts; what an interrupted one had logged
    beyond the checkpoint from which it was gone on with does not.
    """
    logging.getLogger("tensorboard").setLevel(logging.ERROR)  # it warns of what it leaves out
    found: dict[str, dict[int, float]] = {}
    for folder in sorted({events.parent for events in run_dir.rglob("events.out.tfevents.*")}):
        accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
        accumulator.Reload()
        for tag in accumulator.Tags()["scalars"]:
            found.setdefault(tag, {}).update({event.step: event.value for event in accumulator.Scalars(tag)})
    return {tag: (sorted(values), [values[step] for step in sorted(values)]) for tag, values in found.items()}
