"""Measure the time and memory that more images cost: ``python -m facekp bench --scale``.

The images are 240 drawn ones under as many names as needed, by hard links. All of them stay in the system's file cache,
so that the disk does not affect the results.
"""

from __future__ import annotations

import gc
import os
import re
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from facekp.config import Config
from facekp.data.datamodule import FaceDataModule
from facekp.data.read import prepare_data, read_records
from facekp.data.splits import split_records
from facekp.utils.terminal import print_table

_PEOPLE = 40
_CACHE_MB = 64  # a limit that the largest set exceeds and the others do not
_UNITS_OF_MB = 1024 if sys.platform == "linux" else 2**20  # of getrusage: kB, or bytes
_COLUMNS = {
    "images": "{:,}",
    "read": "{:.2f} ms",  # size and labels
    "check": "{:.2f} ms",  # decoding once, as data.on_bad=skip does
    "prepare": "{:.2f} ms",  # adding to a dataset, with decoding if images are kept in memory
    "loader": "{:.0f}/s",  # augmented, and decoded if they are not kept
    "kept": "{}",  # in memory
    "peak": "{:.0f} MB",  # memory of the process
    "of a worker": "{:.0f} MB",  # with shared memory; 0 if there is none
}
"""The columns of the table, with the format of their values."""


def measure(config: Config) -> dict[str, Any]:
    """Measure one set in this process, which should have done nothing else before.

    Args:
        config: of a training run, with ``data.root``.

    Returns:
        The values of a row by :data:`_COLUMNS`, times per image.
    """
    start = time.perf_counter()
    records, scheme = read_records(config.data)
    read = time.perf_counter()
    read_records(replace(config.data, on_bad="skip"))
    checked = time.perf_counter()
    known = split_records(records, config.data), scheme
    data = FaceDataModule(config.data, config.model.input_size, config.augment, known=known)
    data.setup("fit")
    prepared = time.perf_counter()
    loader = data.train_dataloader()
    loaded = sum(len(batch["index"]) for batch in loader)
    done = time.perf_counter()
    del loader  # ends its workers
    gc.collect()
    each_ms = 1000 / len(records)
    return {
        "images": len(records),
        "read": (read - start) * each_ms,
        "check": max(0.0, checked - read - (read - start)) * each_ms,
        "prepare": (prepared - checked) * each_ms,
        "loader": loaded / (done - prepared),
        "kept": "yes" if data.train_faces.cached else "no",
        "peak": _peak_mb(),
        "of a worker": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _UNITS_OF_MB,
    }


def _peak_mb() -> float:
    """Peak memory of this process; on Linux getrusage would include that of its parent."""
    status = Path("/proc/self/status")
    if status.exists() and (found := re.search(r"VmHWM:\s*(\d+) kB", status.read_text())):
        return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _UNITS_OF_MB


def linked(drawn: Path, folder: Path, images: int) -> None:
    """Fill a folder with links to the faces of a drawn set, repeated as further people as often as needed."""
    names = sorted(path.stem for path in drawn.glob("*.jpg"))
    for number in range(images):
        copy, which = divmod(number, len(names))
        person, kind = names[which].split("-")
        name = f"{_PEOPLE * copy + int(person):06d}-{kind}"
        for suffix in (".jpg", ".asf"):
            os.link(drawn / f"{names[which]}{suffix}", folder / f"{name}{suffix}")


def run(config: Config, counts: tuple[int, ...] = (240, 2_400, 24_000)) -> list[dict[str, Any]]:
    """Measure sets of several sizes, each in a process of its own, and print a table.

    Args:
        config: of a training run on stand-in faces.
        counts: numbers of images, ascending.
    """
    drawn = Path(str(prepare_data(replace(config.data, people=_PEOPLE)).root))
    costs = []
    for images in counts:
        with (
            tempfile.TemporaryDirectory(dir=drawn.parent) as folder,
            ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process,
        ):
            linked(drawn, Path(folder), images)
            data = replace(config.data, root=folder, split="person_folds", cache_mb=_CACHE_MB)
            costs.append(process.submit(measure, replace(config, data=data)).result())
    print_table(
        list(_COLUMNS),
        [[text.format(cost[name]) for name, text in _COLUMNS.items()] for cost in costs],
        f"stand-in faces, {config.model.name}, augmentation on, data.cache_mb={_CACHE_MB}; times per image",
    )
    print("Each set consists of the same 240 drawn images. Memory includes Python and its libraries.")
    return costs
