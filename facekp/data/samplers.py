"""In which order, and by which process, samples are used for training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch.utils.data import BatchSampler, Sampler


class EpochSampler(Sampler[tuple[int, int]]):
    """Visit every sample so many times an epoch, as keys (variant, index).

    Variants are counted through the epochs, so that what a key yields depends on (seed, epoch, sample) only, also
    after a resume. Lightning calls :meth:`set_epoch`.

    Args:
        size: how many samples there are.
        times: how often each is visited in an epoch.
        seed: of the order.
        shuffle: visit them in a new order each epoch; otherwise always as they lie.
    """

    def __init__(self, size: int, times: int = 1, seed: int = 0, shuffle: bool = True) -> None:
        self._size = size
        self._times = times
        self._seed = seed
        self._shuffle = shuffle
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next pass belongs to."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._size * self._times

    def __iter__(self) -> Iterator[tuple[int, int]]:
        order: Sequence[int] = range(len(self))
        if self._shuffle:
            order = np.random.default_rng((self._seed, self._epoch)).permutation(len(self)).tolist()
        first = self._epoch * self._times
        return ((first + place // self._size, place % self._size) for place in order)


class DistributedBatchSampler(BatchSampler):
    """The share of one process in every batch, so that all processes together take the steps that one would.

    The mean of the processes' gradients is the batch's if their shares are of one size. A last, smaller batch that
    cannot be shared so is taken as a whole by each of them, which comes to the same.

    Args:
        sampler: of all keys, the same in each process.
        batch_size: of all processes together.
        rank: which process this is, counted from 0.
        processes: how many there are.
    """

    def __init__(self, sampler: Sampler[Any], batch_size: int, rank: int = 0, processes: int = 1) -> None:
        super().__init__(sampler, batch_size, drop_last=False)
        self._rank = rank
        self._processes = processes

    def __iter__(self) -> Iterator[list[Any]]:
        for batch in super().__iter__():
            yield batch if len(batch) % self._processes else batch[self._rank :: self._processes]
