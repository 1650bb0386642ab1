import numpy as np
import pytest
import torch
from lightning.pytorch import Callback

from facekp.config import AugmentConfig, DataConfig
from facekp.data.datamodule import FaceDataModule
from facekp.landmarks.scheme import DANES
from facekp.utils.errors import ConfigError
from tests.models.helpers import bare_trainer, tiny_module

SIZE = (80, 60)
TURN = {"turn": {"_target_": "albumentations.Affine", "rotate": [-15, 15], "p": 1.0}}


def data_module(split, workers=0, seed=0, **settings) -> FaceDataModule:
    config = DataConfig(name="drawn", batch_size=5, num_workers=workers, **settings)
    augment = AugmentConfig(name="turn", mirror=0.5, transforms=TURN)
    data = FaceDataModule(config, SIZE, augment, seed, known=(split, DANES))
    data.setup("fit")
    return data


def test_faces_are_used_as_often_as_asked(drawn_split):
    data = data_module(drawn_split, samples_per_image=2)
    visited = [index for batch in data.train_dataloader() for index in batch["index"].tolist()]
    assert sorted(visited) == sorted(2 * list(range(len(data.train_faces))))


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
    for variants in seen.values():
        assert len(variants) == 3
        assert len({variant.tobytes() for variant in variants}) == 3

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


def test_the_test_set_is_the_whole_validation_set_in_order(drawn_root):
    settings = DataConfig(
        name="drawn",
        root=str(drawn_root),
        reader={"_target_": "facekp.data.readers.danes.DanesReader"},
        split="person_folds",
        folds=4,
        batch_size=5,
    )
    data = FaceDataModule(settings, SIZE, AugmentConfig(name="none"))
    data.prepare_data()
    data.setup("test")
    batches = list(data.test_dataloader())
    assert [len(batch["index"]) for batch in batches] == [5, 1]
    assert torch.cat([batch["index"] for batch in batches]).tolist() == list(range(6))
    assert data.caption == "drawn, mended labels, split person fold 0 of 4"


def test_what_there_is_stays_when_the_trainer_asks_again(drawn_split):
    data = data_module(drawn_split)
    train, val = data.train_faces, data.val_faces
    data.setup("fit")
    assert (data.train_faces, data.val_faces) == (train, val)


def test_workers_read_images_that_are_not_cached(drawn_split, monkeypatch):
    assert data_module(drawn_split, workers=None).train_dataloader().num_workers == 0
    for cores in (1, 2):
        monkeypatch.setattr("facekp.data.datamodule.usable_cores", lambda cores=cores: cores)
        assert data_module(drawn_split, workers=None, cache_mb=0).train_dataloader().num_workers == cores
    read = torch.cat([batch["image"] for batch in data_module(drawn_split, workers=2, cache_mb=0).val_dataloader()])
    kept = torch.cat([batch["image"] for batch in data_module(drawn_split).val_dataloader()])
    assert torch.equal(read, kept)


def test_a_transform_that_does_not_exist_is_named(drawn_split):
    augment = AugmentConfig(name="odd", transforms={"turn": {"_target_": "albumentations.Afine"}})
    with pytest.raises(ConfigError, match=r"augment\.transforms\.turn\._target_=albumentations\.Afine"):
        FaceDataModule(DataConfig(name="drawn"), SIZE, augment, known=(drawn_split, DANES)).setup("fit")
