"""What an answer costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from facekp.data.images import load_grey
from facekp.data.records import Record
from facekp.landmarks.scheme import Scheme
from facekp.runs.folder import Run, run_dir_of
from facekp.training.checkpoint import find_checkpoint, read_checkpoint, restore_module
from facekp.utils.errors import CheckpointError


def cpu_ms(answer: Callable[[Record], object], records: Sequence[Record]) -> float:
    """Milliseconds of processor time for each photograph, from its file to its points.

    The time of all threads together, so that it is that of one core, whatever else the machine has to do.
    """
    begun = time.process_time()
    for record in records:
        answer(record)
    return 1000 * (time.process_time() - begun) / len(records)


def cpu_ms_of(run: Run, records: Sequence[Record], scheme: Scheme) -> float | None:
    """The same for a network of ours, one photograph at a time; None where the run has kept no last weights."""
    try:
        checkpoint = read_checkpoint(find_checkpoint(run_dir_of(run.folder)))
    except CheckpointError:
        return None
    module = restore_module(checkpoint, scheme)
    width, height = checkpoint.model.input_size

    def answer(record: Record) -> Tensor:
        return module(torch.from_numpy(load_grey(record.image, (width, height)))[None, None])

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # they would wait for one another, busily
    try:
        with torch.inference_mode():
            answer(records[0])
            return cpu_ms(answer, records)
    finally:
        torch.set_num_threads(threads)
