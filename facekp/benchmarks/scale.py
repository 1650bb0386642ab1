"""Measure what more images cost, in time and memory: ``python -m facekp bench --scale``.

The images are 240 drawn ones under as many names as are needed, hard links that take no space: what is decoded is the
same however many there are, and always lies in the system's memory, so that the disk has no part in the figures.
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
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from rich.table import Table

from facekp.config import Config
from facekp.data.datamodule import FaceDataModule
from facekp.data.prepare import prepare_data
from facekp.data.read import read_records
from facekp.data.splits import split_records
from facekp.utils.terminal import console

IMAGES = (240, 2_400, 24_000)

_PEOPLE, _OF_EACH = 40, 6
_CACHE_MB = 64  # a limit that the largest set exceeds and the others do not
_UNITS_OF_MB = 1024 if sys.platform == "linux" else 2**20  # of getrusage: kB, or bytes
_HEADINGS = ("images", "read", "check", "prepare", "loader", "kept", "peak", "of a worker")


@dataclass(frozen=True)
class Cost:
    """What one set costs.

    Args:
        images: how many there are.
        read_ms: to read an image's size and labels.
        check_ms: to decode it once, as ``data.on_bad=skip`` does.
        prepare_ms: to make it part of a data set; that decodes it if images are kept in memory.
        rate: images that the loader augments in a second, and decodes if they are not kept.
        kept: whether images are kept in memory.
        peak_mb: the largest that the process was.
        worker_mb: the largest that one of the loader's workers was, with what it shares; 0 where there are none.
    """

    images: int
    read_ms: float
    check_ms: float
    prepare_ms: float
    rate: float
    kept: bool
    peak_mb: float
    worker_mb: float


def measure(config: Config) -> Cost:
    """Measure one set in this process, whose memory ought to hold nothing else.

    Args:
        config: of a training run, with ``data.root``.
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
    drawn = sum(len(batch["index"]) for batch in loader)
    done = time.perf_counter()
    workers = loader.num_workers
    del loader  # ends its workers
    gc.collect()
    each_ms = 1000 / len(records)
    return Cost(
        images=len(records),
        read_ms=(read - start) * each_ms,
        check_ms=max(0.0, checked - read - (read - start)) * each_ms,
        prepare_ms=(prepared - checked) * each_ms,
        rate=drawn / (done - prepared),
        kept=data.train_faces.cached,
        peak_mb=_peak_mb(),
        worker_mb=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _UNITS_OF_MB if workers else 0.0,
    )


def _peak_mb() -> float:
    """The largest that this process was; on Linux, getrusage would count what started it as well."""
    status = Path("/proc/self/status")
    if status.exists() and (found := re.search(r"VmHWM:\s*(\d+) kB", status.read_text())):
        return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _UNITS_OF_MB


def linked(drawn: Path, folder: Path, images: int) -> None:
    """Fill a folder with the first faces of a drawn set, then with the same faces as those of further people."""
    names = sorted(path.stem for path in drawn.glob("*.jpg"))
    for number in range(images):
        copy, which = divmod(number, len(names))
        person, kind = names[which].split("-")
        name = f"{_PEOPLE * copy + int(person):06d}-{kind}"
        for suffix in (".jpg", ".asf"):
            os.link(drawn / f"{names[which]}{suffix}", folder / f"{name}{suffix}")


def run(config: Config, counts: tuple[int, ...] = IMAGES) -> list[Cost]:
    """Measure sets of so many images, each in a process of its own, and print a table.

    Args:
        config: of a training run on stand-in faces.
        counts: how many images, rising.
    """
    drawn = Path(str(prepare_data(replace(config.data, people=_PEOPLE)).root))
    table = Table(
        title=f"stand-in faces, {config.model.name}, augmentation on, data.cache_mb={_CACHE_MB}; times per image"
    )
    for heading in _HEADINGS:
        table.add_column(heading, justify="right")
    costs = []
    for images in counts:
        with (
            tempfile.TemporaryDirectory(dir=drawn.parent) as folder,
            ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process,
        ):
            linked(drawn, Path(folder), images)
            data = replace(config.data, root=folder, split="person_folds", cache_mb=_CACHE_MB)
            cost = process.submit(measure, replace(config, data=data)).result()
        costs.append(cost)
        table.add_row(
            f"{cost.images:,}",
            *(f"{milliseconds:.2f} ms" for milliseconds in (cost.read_ms, cost.check_ms, cost.prepare_ms)),
            f"{cost.rate:.0f}/s",
            "yes" if cost.kept else "no",
            f"{cost.peak_mb:.0f} MB",
            f"{cost.worker_mb:.0f} MB" if cost.worker_mb else "",
        )
    console().print(table)
    print("Each set is the same 240 drawn images under many names. Memory is that of Python and its libraries too.")
    return costs
