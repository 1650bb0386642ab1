"""The LightningDataModule that makes batches of faces from the ``data`` settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from facekp.config import AugmentConfig, DataConfig
from facekp.data.augmentation import build_augmentation
from facekp.data.dataset import AugmentedDataset, FaceDataset, Sample
from facekp.data.read import prepare_data, read_split
from facekp.data.samplers import DistributedBatchSampler, EpochSampler
from facekp.data.splits import Split
from facekp.landmarks.scheme import Scheme
from facekp.utils.errors import ConfigError, DataError
from facekp.utils.machine import usable_cores


class FaceLoader(DataLoader[Sample]):
    """A DataLoader that raises the DataErrors of its workers with their own one-sentence messages."""

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        try:
            yield from super().__iter__()
        except DataError as error:  # a worker's message is its traceback, which ends with the sentence
            sentence = str(error).splitlines()[-1].removeprefix(f"{DataError.__module__}.{DataError.__name__}: ")
            raise DataError(sentence) from error


class FaceDataModule(LightningDataModule):
    """Batches of faces to train, validate and test on.

    Without a Trainer::

        data = FaceDataModule(config.data, config.model.input_size, config.augment, config.seed)
        data.prepare_data()
        data.setup("fit")
        batch = next(iter(data.train_dataloader()))

    The test set is the whole validation set in order, in every process. In distributed training each process gets a
    part of every training batch, and of the validation set.

    By default batches of cached images are prepared in this process, because images are small and workers would compete
    with the network; images that are not cached are read by one worker per core.

    Args:
        config: the ``data`` settings.
        input_size: (width, height) of the network's input.
        augment: the ``augment`` settings.
        seed: of the split, the order and the augmentation.
        known: the result of :func:`facekp.data.read.read_split` for these settings, if it was called before.
    """

    split: Split
    """The training and the validation records; available after :meth:`setup`, as are the three below."""

    scheme: Scheme
    """The landmarks of the faces."""

    val_faces: FaceDataset
    """The validation set."""

    train_faces: AugmentedDataset
    """The training set, if the stage was ``fit``."""

    def __init__(
        self,
        config: DataConfig,
        input_size: Sequence[int],
        augment: AugmentConfig,
        seed: int = 0,
        known: tuple[Split, Scheme] | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self._input_size = input_size
        self._augment = augment
        self._seed = seed
        if known is not None:
            self.split, self.scheme = known

    @classmethod
    def held_out(cls, config: DataConfig, input_size: Sequence[int], seed: int) -> FaceDataModule:
        """The validation set of some settings, such as those of a checkpoint, ready to be predicted.

        Raises:
            ConfigError, DataError: as :meth:`setup`.
        """
        data = cls(config, input_size, AugmentConfig(name="none"), seed)
        data.setup("test")
        return data

    def prepare_data(self) -> None:
        """Download or draw the faces, unless the settings name their folder.

        Raises:
            DataError: if the download failed, or the folder has other content.
        """
        self.config = prepare_data(self.config)

    def setup(self, stage: str) -> None:
        """Read the faces, split them, and create the datasets of a stage, as far as they do not exist yet.

        Raises:
            ConfigError: if the settings leave no face, or a transform cannot be created.
            DataError: if the faces cannot be read.
        """
        if not hasattr(self, "split"):
            self.prepare_data()  # if another process has done it, this finds the folder
            self.split, self.scheme = read_split(self.config, self._seed)
        if not hasattr(self, "val_faces"):
            self.val_faces = FaceDataset(self.split.val, self._input_size, self.config.cache_mb)
        if stage == "fit" and not hasattr(self, "train_faces"):
            if not self.split.train:
                raise ConfigError(f"data.split={self.config.split} leaves nobody to train on; choose another split")
            augmentation = build_augmentation(self._augment, self.scheme, self._seed)
            self.train_faces = AugmentedDataset(self.split.train, self._input_size, augmentation, self.config.cache_mb)

    def state_dict(self) -> dict[str, Any]:
        """The data settings for a checkpoint; see :class:`facekp.models.checkpoint.Checkpoint`."""
        return {"settings": asdict(self.config), "seed": self._seed}

    @property
    def caption(self) -> str:
        """The data, for figures."""
        return f"{self.config.name}, {self.config.labels} labels, split {self.split.name}"

    def train_dataloader(self) -> DataLoader[Sample]:
        overfit = self.trainer is not None and self.trainer.overfit_batches > 0  # type: ignore[attr-defined]
        sampler = EpochSampler(len(self.train_faces), self.config.samples_per_image, self._seed, not overfit)
        workers = self._workers(self.train_faces)
        return FaceLoader(
            self.train_faces,
            batch_sampler=DistributedBatchSampler(sampler, self.config.batch_size, *self._share),
            num_workers=workers,
            persistent_workers=workers > 0,
        )

    def val_dataloader(self) -> DataLoader[Sample]:
        rank, processes = self._share
        if len(self.val_faces) < processes:
            raise ConfigError(
                f"{len(self.val_faces)} held-out faces are too few for {processes} processes; use fewer, "
                "or choose another data.split"
            )
        return self._held_out(rank, processes)

    def test_dataloader(self) -> DataLoader[Sample]:
        return self._held_out(0, 1)

    def _held_out(self, rank: int, processes: int) -> DataLoader[Sample]:
        return FaceLoader(
            self.val_faces,
            batch_size=self.config.batch_size // processes,
            sampler=range(rank, len(self.val_faces), processes) if processes > 1 else None,
            num_workers=self._workers(self.val_faces),
        )

    @property
    def _share(self) -> tuple[int, int]:
        """Rank and number of the processes."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def _workers(self, faces: FaceDataset) -> int:
        if self.config.num_workers is not None:
            return self.config.num_workers
        here = self.trainer.num_devices if self.trainer else 1  # processes on this machine
        return 0 if faces.cached else max(1, usable_cores() // here)
