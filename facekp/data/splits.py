"""Splits of the data into a training set and a validation set."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from facekp.config import DataConfig
from facekp.data.records import Record
from facekp.utils.errors import ConfigError
from facekp.utils.files import user_path, write_text
from facekp.utils.plain import read_json
from facekp.utils.shape import reports_damage
from facekp.utils.terminal import one_line

_COURSE_TRAIN_PERSONS = 32
_SAVED = ("split", "train", "val")
_BY_PERSON = ("course", "person fold")
"""Beginnings of the names of splits that must not have a person in both sets."""


@dataclass(frozen=True)
class Split:
    """A training set and a validation set, without a common record.

    Args:
        name: shown on every figure and table.
        train: the training set.
        val: the validation set, which is held out.
        skipped: records of either set that have a ``fault`` and were left out.
    """

    name: str
    train: list[Record]
    val: list[Record]
    skipped: Sequence[Record] = ()

    @property
    def people_on_both_sides(self) -> set[int]:
        """Persons with images in both sets, which makes every metric too good."""
        return {record.person for record in self.train} & {record.person for record in self.val}

    def val_people_of(self, names: Collection[str]) -> set[int]:
        """Persons of the validation set who are on images with these names, in either set."""
        records = (*self.train, *self.val, *self.skipped)
        return {record.person for record in records if record.name in names} & {record.person for record in self.val}

    def save(self, path: Path) -> None:
        """Write the names of all records as JSON, from which ``data.split=<path>`` makes the same split again."""
        parts = {"train": self.train, "val": self.val} | ({"skipped": self.skipped} if self.skipped else {})
        sides = {part: [record.name for record in records] for part, records in parts.items()}
        write_text(path, json.dumps({"split": self.name, **sides}, indent=1) + "\n")


def split_records(records: Sequence[Record], config: DataConfig, seed: int = 0) -> Split:
    """Split records into a training set and a validation set.

    - ``course``: persons 1-32 train, 33-40 validate.
    - ``person_folds``: persons in order, divided into ``folds`` parts of equal length; part ``fold`` validates.
    - ``random``: images at random, so that a person may be in both sets, which makes every metric too good.
    - ``all``: all images validate, for an evaluation.
    - a path ending in ``.json``: the saved split of an earlier run, with its order and name.

    ``train_people`` then leaves only so many people in the training set; those of a smaller number are among those of a
    larger one. Records with a fault are split like all others and then left out, so that the others stay in their sets.
    If people are in both sets, their number is printed.

    Args:
        config: ``split`` and the settings that belong to it; ``persons`` selects records first.
        seed: of a ``random`` split and of ``train_people``.

    Raises:
        ConfigError: if a set would be empty, a split by person has a person in both sets, or the training set has fewer
            than ``train_people``.
        DataError: if a file is not a split of these records.
    """
    records = within(records, config)
    whole = _read(config.split, records) if config.split.endswith(".json") else _made(records, config, seed)
    if config.train_people is not None:
        whole = _with_fewer(whole, config.train_people, seed)
    train, val = ([record for record in side if record.fault is None] for side in (whole.train, whole.val))
    skipped = tuple(record for record in (*whole.train, *whole.val) if record.fault is not None)
    split = Split(whole.name, train, val, skipped)
    if not split.val or not (split.train or config.split == "all"):
        side = "train on" if not split.train else "validate on"
        persons_there = sorted({record.person for record in records})
        there = f"persons {persons_there[0]}-{persons_there[-1]}" if persons_there else "nobody"
        raise ConfigError(
            f"data.split={config.split} leaves nobody to {side}: the data hold {there}; choose another split or data"
        )
    if shared := len(split.people_on_both_sides):
        report = f"{shared} {'person is' if shared == 1 else 'people are'} on both sides of split {split.name}"
        if split.name.startswith(_BY_PERSON):
            raise ConfigError(f"{report}, which must keep them apart; correct data.split={config.split}")
        print(f"{one_line(report)}, which flatters its figures")
    return split


def within(records: Sequence[Record], config: DataConfig) -> list[Record]:
    """The records of the persons that the settings name; of everybody, where they name none."""
    first, last = config.persons or (-np.inf, np.inf)
    return [record for record in records if first <= record.person <= last]


def _made(records: Sequence[Record], config: DataConfig, seed: int) -> Split:
    if config.split == "course":
        name, held_out = "course", [record.person > _COURSE_TRAIN_PERSONS for record in records]
    elif config.split == "person_folds":
        name = f"person fold {config.fold} of {config.folds}"
        persons = sorted({record.person for record in records})
        fold_of = {person: config.folds * i // len(persons) for i, person in enumerate(persons)}
        held_out = [fold_of[record.person] == config.fold for record in records]
    elif config.split == "all":
        name, held_out = "all images", [True] * len(records)
    else:
        name = "random images"
        sampled = np.random.default_rng(seed).permutation(len(records))[: round(config.val_fraction * len(records))]
        held_out = np.isin(range(len(records)), sampled).tolist()
    if config.persons is not None:
        name += f" within persons {config.persons[0]}-{config.persons[1]}"
    train = [record for record, held in zip(records, held_out, strict=True) if not held]
    val = [record for record, held in zip(records, held_out, strict=True) if held]
    return Split(name, train, val)


def _with_fewer(split: Split, people: int, seed: int) -> Split:
    """A split that trains on some of its people only."""
    there = np.unique([record.person for record in split.train])
    if people > len(there):
        raise ConfigError(f"data.train_people={people}, but {len(there)} people are there to train on; give fewer")
    if people == len(there):
        return split
    chosen = np.random.default_rng(seed).permutation(there)[:people]
    train = [record for record in split.train if record.person in chosen]
    return replace(split, name=f"{split.name}, {people} people to train on", train=train)


def _read(given: str, records: Sequence[Record]) -> Split:
    record_of = {record.name: record for record in records}
    path = user_path(given)
    with reports_damage(path, "give the split.json of a run on these data, or set data.root to what it was made of"):
        content = read_json(path, inert=True)  # its texts are only compared and displayed
        told: list[Any] = [content.get(key) for key in _SAVED] if isinstance(content, dict) else []
        if [type(part) for part in told] != [str, list, list]:
            raise ValueError("it does not hold split, train and val")
        sides = [list(map(str, side)) for side in told[1:]]
        names = [*sides[0], *sides[1]]
        if len(set(names)) < len(names):
            raise ValueError(f"it names {Counter(names).most_common(1)[0][0]!r} twice")
        if absent := [name for name in names if name not in record_of]:
            more = f" and {len(absent) - 1} more" if absent[1:] else ""
            raise ValueError(f"it names {absent[0]!r}{more}, which the data lack")
    train, val = ([record_of[name] for name in side] for side in sides)
    return Split(told[0], train, val)
