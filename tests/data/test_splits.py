import json
from dataclasses import replace
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facekp.config import DataConfig
from facekp.data.records import Record
from facekp.data.splits import Split, split_records
from facekp.utils.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def records() -> list[Record]:
    nothing = np.zeros((58, 2), np.float32)
    return [
        Record(f"{person:02d}-{kind}m", Path("x.jpg"), (640, 480), nothing, person, sex="m", image_type=kind)
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


def test_fewer_people_to_train_on_are_nested_and_chosen_by_the_seed(records):
    sizes = [split_records(records, config(train_people=people), seed=1) for people in (4, 8, 16)]
    assert [len(people(split.train)) for split in sizes] == [4, 8, 16]
    assert people(sizes[0].train) < people(sizes[1].train) < people(sizes[2].train) <= set(range(1, 33))
    assert all(people(split.val) == set(range(33, 41)) for split in sizes)
    assert sizes[0].name == "course, 4 people to train on"
    assert people(split_records(records, config(train_people=4), seed=2).train) != people(sizes[0].train)
    assert split_records(records, config(train_people=32), seed=1) == split_records(records, config())
    with pytest.raises(ConfigError, match=r"data\.train_people=33, but 32 people"):
        split_records(records, config(train_people=33))


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


def saved(split: Split, folder: Path) -> str:
    split.save(folder / "split.json")
    return str(folder / "split.json")


@pytest.mark.parametrize(
    "settings", [{}, {"split": "random"}, {"split": "person_folds", "fold": 2, "folds": 4, "persons": [1, 32]}]
)
def test_a_saved_split_is_read_as_it_was(records, tmp_path, settings):
    split = split_records(records, config(**settings), seed=3)
    path = saved(split, tmp_path)
    before = Path(path).read_bytes()
    again = split_records(records[::-1], config(split=path), seed=4)
    assert again == split
    assert saved(again, tmp_path) == path
    assert Path(path).read_bytes() == before


@hypothesis.settings(deadline=None)
@given(st.lists(st.text(st.characters(), min_size=1), min_size=2, unique=True), st.data())
def test_names_of_any_characters_survive(tmp_path_factory, names, data):
    nothing = np.zeros((1, 2), np.float32)
    mine = [Record(name, Path("x.jpg"), (8, 8), nothing, person) for person, name in enumerate(names)]
    cut = data.draw(st.integers(1, len(names) - 1))
    split = Split(data.draw(st.text()), mine[:cut], mine[cut:])
    again = split_records(mine, config(split=saved(split, tmp_path_factory.getbasetemp())))
    assert again == split


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"split": "x", "train": ["01-1m"], "val": ["gone"]}, "names 'gone', which the data lack"),
        ({"split": "x", "train": ["01-1m"], "val": ["gone", "a", "b"]}, "names 'gone' and 2 more, which the data lack"),
        ({"split": "x", "train": ["01-1m"], "val": ["01-1m"]}, "names '01-1m' twice"),
        ({"split": "x", "train": ["01-1m"]}, "does not hold split, train and val"),
        ({"split": "x", "train": ["01-1m"], "val": [7]}, "names '7', which the data lack"),
        ({"split": "x", "train": ["01-1m"], "val": 7}, "does not hold split, train and val"),
        ([], "does not hold split, train and val"),
        ("text", "does not hold split, train and val"),
    ],
)
def test_a_file_that_is_no_split_of_these_data_is_refused(records, tmp_path, content, message):
    path = tmp_path / "split.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match=message) as caught:
        split_records(records, config(split=str(path)))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("raw", [b"", b"no json", b"\xff\xfe\x00", b"[" * 1_000_000])
def test_a_file_that_is_no_json_is_refused(records, tmp_path, raw):
    path = tmp_path / "split.json"
    path.write_bytes(raw)
    with pytest.raises(DataError, match=r"split\.json cannot be read"):
        split_records(records, config(split=str(path)))
    with pytest.raises(DataError, match=r"gone\.json cannot be read"):
        split_records(records, config(split=str(tmp_path / "gone.json")))


def test_people_on_both_sides_are_reported(records, tmp_path, capsys):
    split = split_records(records, config(split="random"))
    line = f"{len(people(split.train) & people(split.val))} people are on both sides of split random images"
    assert capsys.readouterr().out == f"{line}, which flatters its figures\n"
    split_records(records, config(split=saved(split, tmp_path)))
    assert line in capsys.readouterr().out
    split_records(records, config())
    split_records(records, config(split="person_folds"))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", ["course", "person fold 0 of 5"])
def test_people_on_both_sides_of_a_split_by_people_are_refused(records, tmp_path, name):
    mixed = Split(name, records[1:200], [records[0]])
    with pytest.raises(ConfigError, match=f"1 person is on both sides of split {name}, which must keep them apart"):
        split_records(records, config(split=saved(mixed, tmp_path)))
