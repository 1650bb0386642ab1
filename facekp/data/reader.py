"""From the ``data`` settings to records."""

from __future__ import annotations

from facekp.config import DataConfig
from facekp.create import create
from facekp.data.records import Reader, Record
from facekp.errors import DataError
from facekp.landmarks import Scheme


def read_records(config: DataConfig) -> tuple[list[Record], Scheme]:
    """Read the data set that the settings name.

    Returns:
        Its records, and the scheme of their landmarks.

    Raises:
        ConfigError: if there is no such reader.
        DataError: if the data cannot be used.
    """
    if config.root is None:
        raise DataError("no data folder is known; set data.root to the folder of the images and annotations")
    reader = create(config.reader, Reader, "data.reader")
    return reader.read(config.root, config.labels), reader.scheme
