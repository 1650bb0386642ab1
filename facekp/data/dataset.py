"""Datasets of faces, plain and augmented."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from facekp.data.augmentation import Augmentation
from facekp.data.images import load_grey
from facekp.data.records import Record
from facekp.landmarks.frames import Letterbox

Sample = dict[str, Any]
"""``image`` uint8 [1, H, W]; ``keypoints`` float32 [K, 2], relative to the canvas, NaN where augmentation removes the
face; ``canvas_size`` float32 [2], in pixels of the photograph; ``turned`` bool; ``index`` of the record."""


class FaceDataset(Dataset[Sample]):
    """Photographs and their keypoints as the input and the targets of a network.

    Images are decoded once and kept as uint8 if all of them fit into ``cache_mb``; otherwise each is read when it is
    used, by the process that uses it.

    Args:
        records: the faces, in this order.
        input_size: (width, height) of the network's input.
        cache_mb: limit for the decoded images in megabytes.

    Raises:
        DataError: if an image cannot be decoded; at once if images are kept.
    """

    def __init__(self, records: Sequence[Record], input_size: Sequence[int], cache_mb: int = 512) -> None:
        self.records = list(records)
        self.input_size = (input_size[0], input_size[1])
        boxes = [Letterbox(record.image_size, self.input_size) for record in self.records]
        self.keypoints = np.stack([box.to_canvas(r.keypoints) for box, r in zip(boxes, self.records, strict=True)])
        self.canvas_sizes = np.stack([box.canvas_size for box in boxes]).astype(np.float32)
        self._cached: np.ndarray | None = None
        if len(self.records) * input_size[0] * input_size[1] <= cache_mb * 2**20:
            self._cached = np.stack([load_grey(record.image, self.input_size) for record in self.records])

    def __len__(self) -> int:
        return len(self.records)

    @property
    def cached(self) -> bool:
        """Whether the decoded images are kept in memory."""
        return self._cached is not None

    def image(self, index: int) -> np.ndarray:
        """The image of a face without augmentation, uint8 [H, W]."""
        if self._cached is not None:
            return self._cached[index]
        return load_grey(self.records[index].image, self.input_size)

    def __getitem__(self, index: int) -> Sample:
        return self._sample(index, self.image(index), self.keypoints[index])

    def _sample(self, index: int, image: np.ndarray, keypoints: np.ndarray) -> Sample:
        return {
            "image": torch.from_numpy(image)[None],
            "keypoints": torch.from_numpy(keypoints),
            "canvas_size": torch.from_numpy(self.canvas_sizes[index]),
            "turned": self.records[index].turned,
            "index": index,
        }


class AugmentedDataset(FaceDataset):
    """The same faces, augmented anew for each key (variant, index); see :class:`facekp.data.samplers.EpochSampler`.

    Args:
        records, input_size, cache_mb: as for :class:`FaceDataset`.
        augmentation: makes the variants.
    """

    def __init__(
        self, records: Sequence[Record], input_size: Sequence[int], augmentation: Augmentation, cache_mb: int = 512
    ) -> None:
        super().__init__(records, input_size, cache_mb)
        self._augmentation = augmentation

    def __getitem__(self, key: tuple[int, int]) -> Sample:  # type: ignore[override]
        _, index = key
        image, keypoints = self._augmentation(self.image(index), self.keypoints[index], key)
        return self._sample(index, image, keypoints)
