import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facekp.config import DataConfig
from facekp.data.records import Record
from facekp.data.splits import split_records
from facekp.errors import ConfigError


@pytest.fixture(scope="module")
def records() -> list[Record]:
    nothing = np.zeros((58, 2), np.float32)
    return [
        Record(f"{person:02d}-{kind}m", Path("x.jpg"), (640, 480), nothing, person, "m", kind)
        for person in range(1, 41)
        for kind in range(1, 7)
    ]


def config(**settings) -> DataConfig:
    return DataConfig(name="x", **settings)


def people(side: list[Record]) -> set[int]:
    return {record.person for record in side}


def names(side: list[Record]) -> set[str]:
    return {record.name for record in side}


def test_course_split(records):
    split = split_records(records, config())
    assert people(split.train) == set(range(1, 33))
    assert people(split.val) == set(range(33, 41))
    assert (len(split.train), len(split.val)) == (192, 48)


def test_person_folds_hold_everybody_out_once(records):
    splits = [split_records(records, config(split="person_folds", fold=fold)) for fold in range(5)]
    assert [people(split.val) for split in splits] == [set(range(8 * k + 1, 8 * k + 9)) for k in range(5)]
    for split in splits:
        assert people(split.train).isdisjoint(people(split.val))
        assert people(split.train) | people(split.val) == set(range(1, 41))


def test_folds_can_be_kept_inside_the_course_training_people(records):
    splits = [split_records(records, config(split="person_folds", fold=k, folds=4, persons=[1, 32])) for k in range(4)]
    assert set().union(*(people(split.val) for split in splits)) == set(range(1, 33))
    assert all(people(split.train) | people(split.val) == set(range(1, 33)) for split in splits)
    assert "within persons 1-32" in splits[0].name


def test_random_split_is_by_image_seeded_and_of_the_wanted_size(records):
    one, same, other = (split_records(records, config(split="random", val_fraction=0.25), seed) for seed in (0, 0, 1))
    assert len(one.val) == 60
    assert names(one.val) == names(same.val) != names(other.val)
    assert names(one.train).isdisjoint(names(one.val))
    assert people(one.train) & people(one.val)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"persons": [1, 32]}, "course leaves nobody to validate on: the data hold persons 1-32"),
        ({"persons": [33, 40]}, "course leaves nobody to train on"),
        ({"persons": [50, 60]}, "nobody"),
        ({"split": "random", "val_fraction": 0.001}, "random leaves nobody to validate on"),
        ({"split": "person_folds", "folds": 50, "fold": 49, "persons": [1, 3]}, "nobody to validate on"),
    ],
)
def test_a_side_without_faces_is_refused(records, settings, message):
    with pytest.raises(ConfigError, match=message):
        split_records(records, config(**settings))


def test_the_saved_split_names_both_sides(records, tmp_path):
    split = split_records(records, config())
    split.save(tmp_path / "split.json")
    saved = json.loads((tmp_path / "split.json").read_text())
    assert saved["split"] == "course"
    assert set(saved["train"]) == names(split.train)
    assert set(saved["val"]) == names(split.val)


def test_records_stay_as_they_are(records):
    assert split_records(records, replace(config(), split="random")).val[0] in records
