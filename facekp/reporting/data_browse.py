"""Contact sheets of a data set, as PNG files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from facekp.config import Config, DataConfig
from facekp.data.read import read_records, suit_scheme
from facekp.data.records import Record
from facekp.data.splits import within
from facekp.landmarks.scheme import Scheme
from facekp.utils.errors import ConfigError
from facekp.utils.terminal import display_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FACES = 30


def run(config: Config, folder: Path) -> list[Path]:
    """Draw the data set of a config as the input of its network, and print the path of each sheet.

    Args:
        config: checked, see :func:`facekp.config.checked`; data, augmentation and selection are shown.

    Returns:
        The sheets' paths.

    Raises:
        ConfigError: if the settings leave no face, or do not fit the data.
        DataError: if the data cannot be used.
    """
    records, scheme = read_chosen(config.data)
    config = suit_scheme(config, scheme)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, sheet in draw(config, records, scheme):
        paths.append(folder / f"{name}.png")
        sheet.savefig(paths[-1])
        print(display_path(paths[-1]), flush=True)
    return paths


def read_chosen(config: DataConfig) -> tuple[list[Record], Scheme]:
    """Read the usable faces of the people that the settings select.

    Returns:
        At least one record, none with a fault, and the scheme of the landmarks.

    Raises:
        ConfigError: if ``data.persons`` leaves nobody.
        DataError: if the data cannot be used.
    """
    records, scheme = read_records(config)
    chosen = [record for record in within(records, config) if record.fault is None]
    if not chosen:
        raise ConfigError(f"data.persons={config.persons} leaves nobody; choose persons of this data set")
    return chosen, scheme


def draw(config: Config, records: Sequence[Record], scheme: Scheme) -> Iterator[tuple[str, Figure]]:
    """Each sheet with its file's name."""
    from facekp.data.augmentation import build_augmentation
    from facekp.data.dataset import AugmentedDataset, FaceDataset
    from facekp.reporting.data_figures import mean_shapes, numbered, plain, variants
    from facekp.reporting.faces import face_grid
    from facekp.reporting.figures import evenly

    data, size, points = config.data, config.model.input_size, range(len(scheme))
    caption = f"{data.name}, {data.labels} labels"
    as_input = f"{caption}, as the network's input of {size[0]}x{size[1]}"
    faces = FaceDataset(records, size, data.cache_mb)
    shown = [plain(faces, index) for index in evenly(len(faces), _FACES)]
    yield "ground_truth", face_grid(shown, scheme, points, "ground truth", as_input, 6)
    yield "mean_shapes", mean_shapes(faces, scheme, caption)
    augmentation = build_augmentation(config.augment, scheme, config.seed)
    varied = f"{as_input}, augment={config.augment.name}, seed {config.seed}"
    title = f"augmented samples of {records[0].name}"
    shown = variants(AugmentedDataset(records[:1], size, augmentation), 0)
    yield "augmentation", face_grid(shown, scheme, points, title, varied, 4, cropped=False)
    photograph = FaceDataset(records[:1], records[0].image_size)
    yield "numbered_points", numbered(plain(photograph, 0), scheme, caption)
