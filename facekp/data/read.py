"""From the ``data`` settings to records and their split; without torch, so that mistakes are found quickly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from multiprocessing.pool import ThreadPool
from pathlib import Path

from rich.panel import Panel

from facekp.config import Config, DataConfig
from facekp.data.images import load_grey
from facekp.data.records import Reader, Record, attempt
from facekp.data.splits import Split, split_records
from facekp.landmarks.scheme import Scheme
from facekp.utils.errors import DataError
from facekp.utils.instantiate import create
from facekp.utils.machine import usable_cores
from facekp.utils.terminal import console, one_line

STANDIN_NAME = "stand-in faces"

_PROBED_SIZE = (80, 60)  # small, so that most of the time goes into reading the file
_SHOWN = 5


def prepare_data(config: DataConfig) -> DataConfig:
    """Make sure that there is a data set.

    A ``root`` that is set, and not empty, is used. Otherwise the set is downloaded into ``folder``, unless it is there
    already; if that fails and ``on_missing`` allows it, stand-in faces are drawn there instead, with a notice.

    Returns:
        The settings with ``root`` set, and with the ``name`` of the stand-in faces if they are used.

    Raises:
        DataError: if the download failed, or the folder has other content.
    """
    if config.root:
        return config
    reason = "they were asked for"
    if config.download:
        from facekp.data.download.danes import download_danes

        place = Path(config.folder) / "danes"
        try:
            return replace(config, root=str(download_danes(place, config.download)))
        except DataError:
            if config.on_missing == "error" or place.exists():
                raise
            reason = "the Danes set could not be downloaded; FACEKP_DANES or data.root can name its folder"
    return config if config.on_missing == "error" else _drawn(config, reason)


def read_records(config: DataConfig) -> tuple[list[Record], Scheme]:
    """Read the data set that the settings name.

    With ``on_bad=skip`` every image is decoded once, so that none fails later, and the number of unusable faces is
    printed. They are still among the records, each with its ``fault``, because splits depend on them.

    Returns:
        Its records, and the scheme of their landmarks.

    Raises:
        ConfigError: if there is no such reader.
        DataError: if one face cannot be used, or with ``on_bad=skip`` if none can.
    """
    if not config.root:
        raise DataError("no data folder is known; set data.root to the folder of the images and annotations")
    reader = create(config.reader, Reader, "data.reader")
    reader.on_bad = config.on_bad
    records = reader.read(config.root, config.labels)
    if config.on_bad == "skip":
        with ThreadPool(usable_cores()) as pool:
            records = list(pool.imap(partial(attempt, complete=_decoded, on_bad="skip"), records, chunksize=16))
        _print_skipped([record.fault for record in records if record.fault is not None], len(records))
    return records, reader.scheme


def read_split(config: DataConfig, seed: int = 0) -> tuple[Split, Scheme]:
    """Read the data set that the settings name, and split it; see :func:`read_records` and :func:`split_records`."""
    records, scheme = read_records(config)
    return split_records(records, config, seed), scheme


def suit_scheme(config: Config, scheme: Scheme) -> Config:
    """Check that the network's points are in the data, and switch off mirroring if the scheme has no mirror map.

    Returns:
        The settings without ``augment.mirror`` and ``model.flip_test`` in that case, which is printed.

    Raises:
        ConfigError: if the scheme has no such selection.
    """
    scheme.select(config.model.selection)
    if scheme.mirror is not None or not (config.augment.mirror or config.model.flip_test):
        return config
    print(f"Mirroring   off: the scheme {one_line(scheme.name)} does not tell which points swap in a mirror")
    return replace(config, augment=replace(config.augment, mirror=0.0), model=replace(config.model, flip_test=False))


def _drawn(config: DataConfig, reason: str) -> DataConfig:
    from facekp.data.synthetic.dataset import make_standin

    root = make_standin(Path(config.folder) / f"standin-{config.people}", config.people)
    out = console(stderr=True)
    text = f"These are drawn faces, not photographs ({reason}). What is measured on them says nothing about real faces."
    out.print(Panel(text, title="STAND-IN FACES", border_style="bold yellow", width=min(out.width, 100)))
    return replace(config, name=STANDIN_NAME, root=str(root))


def _decoded(record: Record) -> Record:
    load_grey(record.image, _PROBED_SIZE)
    return record


def _print_skipped(faults: Sequence[str], images: int) -> None:
    if images and len(faults) == images:
        raise DataError(f"none of {images} faces can be used, the first because {faults[0]}")
    if faults:
        print(f"Skipped {len(faults)} of {images} faces, which cannot be used:")
        for fault in faults[:_SHOWN]:
            print(f"  {one_line(fault)}")
        if len(faults) > _SHOWN:
            print(f"  and {len(faults) - _SHOWN} more")
