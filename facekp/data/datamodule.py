"""The LightningDataModule: a data set, its split and its augmentation, as batches."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from facekp.config import AugmentConfig, DataConfig
from facekp.data.augmentation import build_augmentation
from facekp.data.dataset import AugmentedDataset, DistributedBatchSampler, EpochSampler, FaceDataset, Sample
from facekp.data.splits import Split
from facekp.landmarks.scheme import Scheme
from facekp.utils.errors import ConfigError, DataError


class FaceLoader(DataLoader[Sample]):
    """A DataLoader whose workers' DataErrors say what this process would say, in one sentence."""

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]
        try:
            yield from super().__iter__()
        except DataError as error:  # a worker's message is its traceback, which ends with the sentence
            sentence = str(error).splitlines()[-1].removeprefix(f"{DataError.__module__}.{DataError.__name__}: ")
            raise DataError(sentence) from error


class FaceDataModule(LightningDataModule):
    """Batches of faces to train and validate on.

    Unless ``config.num_workers`` says otherwise, this process prepares them while the images are cached, for they are
    small and a worker would only compete with the network; images that are not cached are read by one worker per core.

    Several processes share every batch to train on, and the faces to validate on.

    Args:
        split: the records of both sides.
        scheme: their landmarks.
        config: batch size, workers and cache.
        input_size: (width, height) of the network's input.
        augment: how training images are varied.
        seed: of the order and the augmentation.

    Raises:
        ConfigError: if a transform cannot be created; later, if there are more processes than held-out faces.
        DataError: if an image cannot be decoded.
    """

    def __init__(
        self,
        split: Split,
        scheme: Scheme,
        config: DataConfig,
        input_size: Sequence[int],
        augment: AugmentConfig,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.caption = f"{config.name}, {config.labels} labels, split {split.name}"
        self._config = config
        self._seed = seed
        augmentation = build_augmentation(augment, scheme, seed)
        self.train_faces = AugmentedDataset(split.train, input_size, augmentation, config.cache_mb)
        self.val_faces = FaceDataset(split.val, input_size, config.cache_mb)

    @property
    def _workers(self) -> int:
        if self._config.num_workers is not None:
            return self._config.num_workers
        here = self.trainer.num_devices if self.trainer else 1  # processes on this machine
        return 0 if self.train_faces.cached else max(1, (os.cpu_count() or 1) // here)

    @property
    def _share(self) -> tuple[int, int]:
        """Which process this is, and how many there are."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def train_dataloader(self) -> DataLoader[Sample]:
        often, turned = self._config.samples_per_image, self._config.turned_samples
        times = [often * (turned if record.turned else 1) for record in self.train_faces.records]
        return FaceLoader(
            self.train_faces,
            batch_sampler=DistributedBatchSampler(
                EpochSampler(times, self._seed), self._config.batch_size, *self._share
            ),
            num_workers=self._workers,
            persistent_workers=self._workers > 0,
        )

    def val_dataloader(self) -> DataLoader[Sample]:
        _, processes = self._share
        if len(self.val_faces) < processes:
            raise ConfigError(
                f"{len(self.val_faces)} held-out faces are too few for {processes} processes; use fewer, "
                "or choose another data.split"
            )
        return self._val_loader(*self._share)

    def all_val_faces(self) -> DataLoader[Sample]:
        """Batches of all that is held out, in its order, in whichever process."""
        return self._val_loader(0, 1)

    def _val_loader(self, rank: int, processes: int) -> DataLoader[Sample]:
        return FaceLoader(
            self.val_faces,
            batch_size=self._config.batch_size // processes,
            sampler=range(rank, len(self.val_faces), processes),
            num_workers=self._workers,
        )
