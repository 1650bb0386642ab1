"""The order of training samples, and their distribution over processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch.utils.data import BatchSampler, Sampler


class EpochSampler(Sampler[tuple[int, int]]):
    """Yields each sample a given number of times per epoch, as keys (variant, index).

    Variants are counted over all epochs, so that every variant of a sample depends on (seed, epoch, sample) only, also
    after a resume. Lightning calls :meth:`set_epoch`.

    Args:
        size: number of samples.
        repeats: how often each is used in an epoch.
        seed: of the order.
        shuffle: use a new order in each epoch; otherwise that of the samples.
    """

    def __init__(self, size: int, repeats: int = 1, seed: int = 0, shuffle: bool = True) -> None:
        self._size = size
        self._repeats = repeats
        self._seed = seed
        self._shuffle = shuffle
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the next pass."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._size * self._repeats

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order: Sequence[int] = range(len(self))
        if self._shuffle:
            order = np.random.default_rng((self._seed, self._epoch)).permutation(len(self)).tolist()
        first = self._epoch * self._repeats
        return ((first + number // self._size, number % self._size) for number in order)


class DistributedBatchSampler(BatchSampler):
    """Yields the part of each batch for one process, so that distributed training takes the same steps as one process.

    The mean of the processes' gradients equals the gradient of the whole batch if their parts have the same size. A
    last, smaller batch that cannot be divided so is used as a whole by each process, which gives the same gradient.

    Args:
        sampler: of all keys, the same in each process.
        batch_size: over all processes together.
        rank: of this process, from 0.
        world_size: number of processes.
    """

    def __init__(self, sampler: Sampler[Any], batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        super().__init__(sampler, batch_size, drop_last=False)
        self._rank = rank
        self._world_size = world_size

    def __iter__(self) -> Iterator[list[Any]]:
        for batch in super().__iter__():
            yield batch if len(batch) % self._world_size else batch[self._rank :: self._world_size]
