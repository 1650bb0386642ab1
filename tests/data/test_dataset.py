from dataclasses import replace

import numpy as np
import pytest
import torch

from facekp.data.dataset import FaceDataset
from facekp.utils.errors import DataError

SIZE = (80, 60)


def test_samples_show_the_photograph_and_its_points(drawn_records):
    faces = FaceDataset(drawn_records, SIZE)
    assert len(faces) == len(drawn_records)
    sample = faces[3]
    assert sample["image"].shape == (1, 60, 80)
    assert sample["image"].dtype == torch.uint8
    np.testing.assert_array_equal(sample["keypoints"], drawn_records[3].keypoints)
    np.testing.assert_array_equal(sample["canvas_size"], (640, 480))
    assert sample["turned"] == drawn_records[3].turned
    assert sample["index"] == 3


def test_images_are_the_same_read_or_kept(drawn_records):
    kept, read = FaceDataset(drawn_records, SIZE), FaceDataset(drawn_records, SIZE, cache_mb=0)
    for index in range(len(drawn_records)):
        np.testing.assert_array_equal(kept.image(index), read.image(index))


def test_images_are_decoded_once_if_they_fit_and_read_when_asked_for_otherwise(drawn_records, monkeypatch):
    reads = []
    monkeypatch.setattr("facekp.data.dataset.load_grey", lambda path, size: reads.append(path) or np.zeros(size[::-1]))
    kept = FaceDataset(drawn_records, SIZE)
    assert len(reads) == len(drawn_records)
    kept.image(0)
    assert len(reads) == len(drawn_records)
    reads.clear()
    lazy = FaceDataset(drawn_records, SIZE, cache_mb=0)
    assert reads == []
    lazy.image(0)
    assert len(reads) == 1


def test_a_damaged_photograph_is_found_while_caching(drawn_records, tmp_path):
    cut = tmp_path / "cut.jpg"
    cut.write_bytes(drawn_records[0].image.read_bytes()[:5000])
    with pytest.raises(DataError, match=r"cut\.jpg"):
        FaceDataset([replace(drawn_records[0], image=cut)], SIZE)
