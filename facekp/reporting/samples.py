"""Samples of a dataset as the panels of figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from facekp.data.dataset import AugmentedDataset, FaceDataset
from facekp.reporting.faces import FacePanel


def plain(faces: FaceDataset, index: int, point_indices: Sequence[int] | None = None) -> FacePanel:
    """A face with its selected points, or all, without augmentation."""
    keypoints = faces.keypoints[index]
    chosen = keypoints if point_indices is None else keypoints[list(point_indices)]
    return FacePanel(faces.records[index].title, faces.image(index), chosen, landmarks=keypoints)


def augmented(faces: AugmentedDataset, key: tuple[int, int], point_indices: Sequence[int] | None = None) -> FacePanel:
    """An augmented sample with its selected points, or all; see :class:`facekp.data.samplers.EpochSampler` for keys."""
    sample = faces[key]
    keypoints = sample["keypoints"].numpy()
    chosen = keypoints if point_indices is None else keypoints[list(point_indices)]
    return FacePanel(faces.records[key[1]].title, sample["image"][0].numpy(), chosen)


def variants(faces: AugmentedDataset, index: int, count: int = 11) -> list[FacePanel]:
    """A face as it is, then its first ``count`` augmented samples, which are what as many epochs train on."""
    samples = [augmented(faces, (number, index)) for number in range(count)]
    titled = [replace(sample, title=f"sample {number}") for number, sample in enumerate(samples)]
    return [plain(faces, index), *titled]
