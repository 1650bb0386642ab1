import numpy as np
import pytest
import torch
from lightning.pytorch import Callback

from facekp.config import AugmentConfig, DataConfig
from facekp.data.datamodule import FaceDataModule
from facekp.data.dataset import EpochSampler, FaceDataset
from facekp.landmarks.scheme import DANES
from facekp.utils.errors import ConfigError, DataError
from tests.models.helpers import bare_trainer, tiny_module

SIZE = (80, 60)
TURN = {"turn": {"_target_": "albumentations.Affine", "rotate": [-15, 15], "p": 1.0}}


def data_module(split, workers=0, seed=0, **settings) -> FaceDataModule:
    config = DataConfig(name="drawn", batch_size=5, num_workers=workers, **settings)
    return FaceDataModule(split, DANES, config, SIZE, AugmentConfig(name="turn", mirror=0.5, transforms=TURN), seed)


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
    from dataclasses import replace

    cut = tmp_path / "cut.jpg"
    cut.write_bytes(drawn_records[0].image.read_bytes()[:5000])
    with pytest.raises(DataError, match=r"cut\.jpg"):
        FaceDataset([replace(drawn_records[0], image=cut)], SIZE)


def test_sampler_visits_everything_once_in_a_new_order_each_epoch():
    sampler = EpochSampler([1] * 20, seed=1)
    epochs = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        keys = list(sampler)
        assert {draw for draw, _ in keys} == {epoch}
        assert sorted(index for _, index in keys) == list(range(20))
        epochs.append([index for _, index in keys])
    assert epochs[0] != epochs[1] != epochs[2]
    sampler.set_epoch(1)
    assert [index for _, index in sampler] == epochs[1]
    assert [index for _, index in EpochSampler([1] * 20, seed=2)] != epochs[0]


def test_sampler_draws_every_sample_several_times_an_epoch_each_with_a_key_of_its_own():
    sampler = EpochSampler([3] * 5)
    first = list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    assert len(sampler) == len(first) == 15
    assert sorted(first) == [(draw, index) for draw in range(3) for index in range(5)]
    assert sorted(second) == [(draw, index) for draw in range(3, 6) for index in range(5)]


def test_some_samples_can_be_drawn_more_often_than_others():
    sampler = EpochSampler([1, 2])
    keys = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        keys += sampler
    assert len(sampler) == 3
    assert len(set(keys)) == len(keys) == 9
    assert [index for _, index in keys].count(1) == 6


def test_turned_faces_are_drawn_as_often_as_asked(drawn_split):
    settings = DataConfig(name="drawn", samples_per_image=2, turned_samples=3)
    module = FaceDataModule(drawn_split, DANES, settings, SIZE, AugmentConfig(name="none"))
    drawn = [index for batch in module.train_dataloader() for index in batch["index"].tolist()]
    for index, record in enumerate(module.train_faces.records):
        assert drawn.count(index) == (6 if record.turned else 2)


class Collect(Callback):
    def __init__(self):
        self.batches = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.batches.append(
            (trainer.current_epoch, batch["index"].tolist(), batch["keypoints"].clone(), batch["image"].clone())
        )


def drawn_in_training(split, workers=0, seed=0):
    collect = Collect()
    trainer = bare_trainer(3, collect)
    trainer.fit(tiny_module(SIZE), data_module(split, workers, seed))
    return collect.batches


def test_every_epoch_and_worker_draws_fresh_augmentation_and_the_same_seed_draws_the_same(drawn_split):
    alone = drawn_in_training(drawn_split)
    seen: dict[int, list[np.ndarray]] = {}
    for _, indices, keypoints, _ in alone:
        for index, points in zip(indices, keypoints.numpy(), strict=True):
            seen.setdefault(index, []).append(points)
    assert len(seen) == len(drawn_split.train)
    for draws in seen.values():
        assert len(draws) == 3
        assert len({draw.tobytes() for draw in draws}) == 3

    for again in (drawn_in_training(drawn_split), drawn_in_training(drawn_split, workers=2)):
        for one, other in zip(alone, again, strict=True):
            assert one[:2] == other[:2]
            assert torch.equal(one[2], other[2])
            assert torch.equal(one[3], other[3])
    assert not torch.equal(alone[0][2], drawn_in_training(drawn_split, seed=1)[0][2])


def test_validation_faces_are_plain_and_in_order(drawn_split):
    data = data_module(drawn_split)
    indices = torch.cat([batch["index"] for batch in data.val_dataloader()])
    assert indices.tolist() == list(range(len(drawn_split.val)))
    np.testing.assert_array_equal(data.val_faces[0]["keypoints"], drawn_split.val[0].keypoints)


def test_workers_read_images_that_are_not_cached(drawn_split):
    assert data_module(drawn_split, workers=None).train_dataloader().num_workers == 0
    assert data_module(drawn_split, workers=None, cache_mb=0).train_dataloader().num_workers >= 1
    read = torch.cat([batch["image"] for batch in data_module(drawn_split, workers=2, cache_mb=0).val_dataloader()])
    kept = torch.cat([batch["image"] for batch in data_module(drawn_split).val_dataloader()])
    assert torch.equal(read, kept)


def test_a_transform_that_does_not_exist_is_named(drawn_split):
    augment = AugmentConfig(name="odd", transforms={"turn": {"_target_": "albumentations.Afine"}})
    with pytest.raises(ConfigError, match=r"augment\.transforms\.turn\._target_=albumentations\.Afine"):
        FaceDataModule(drawn_split, DANES, DataConfig(name="drawn"), SIZE, augment)
