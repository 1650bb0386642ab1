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
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from rich.table import Table

from facekp.config import Config
from facekp.data.datamodule import FaceDataModule
from facekp.data.read import prepare_data, read_records
from facekp.data.splits import split_records
from facekp.utils.terminal import console

IMAGES = (240, 2_400, 24_000)

_PEOPLE, _OF_EACH = 40, 6
_CACHE_MB = 64  # a limit that the largest set exceeds and the others do not
_UNITS_OF_MB = 1024 if sys.platform == "linux" else 2**20  # of getrusage: kB, or bytes
_HEADINGS = ("images", "read", "check", "prepare", "loader", "kept", "peak", "of a worker")


@dataclass(frozen=True)
class Cost:
    """The cost of one set; times are per image.

    Args:
        images: number of images.
        read_ms: to read size and labels.
        check_ms: to decode the image once, as ``data.on_bad=skip`` does.
        prepare_ms: to add it to a dataset, including decoding if images are kept in memory.
        rate: images per second that the loader augments, and decodes if they are not kept.
        kept: whether images are kept in memory.
        peak_mb: peak memory of the process.
        worker_mb: peak memory of a worker, including shared memory; 0 if there are no workers.
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
    """Measure one set in this process, which should have done nothing else before.

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
    loaded = sum(len(batch["index"]) for batch in loader)
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
        rate=loaded / (done - prepared),
        kept=data.train_faces.cached,
        peak_mb=_peak_mb(),
        worker_mb=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _UNITS_OF_MB if workers else 0.0,
    )


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


def run(config: Config, counts: tuple[int, ...] = IMAGES) -> list[Cost]:
    """Measure sets of several sizes, each in a process of its own, and print a table.

    Args:
        config: of a training run on stand-in faces.
        counts: numbers of images, ascending.
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
    print("Each set consists of the same 240 drawn images. Memory includes Python and its libraries.")
    return costs
