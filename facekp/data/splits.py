"""Who is learnt from and who is held out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from facekp.config import DataConfig
from facekp.data.records import Record
from facekp.errors import ConfigError

_COURSE_TRAIN_PERSONS = 32


@dataclass(frozen=True)
class Split:
    """Two lists of records, none in both, and what the division is called."""

    name: str
    train: list[Record]
    val: list[Record]

    def save(self, path: Path) -> None:
        """Write the names of both sides as JSON."""
        sides = {"train": [record.name for record in self.train], "val": [record.name for record in self.val]}
        path.write_text(json.dumps({"split": self.name, **sides}, indent=1) + "\n")


def split_records(records: Sequence[Record], config: DataConfig, seed: int = 0) -> Split:
    """Divide records into those to train on and those to validate on.

    - ``course``: persons 1-32 train, 33-40 validate.
    - ``person_folds``: persons in order, cut into ``folds`` runs of equal length; run ``fold`` validates.
    - ``random``: images drawn at random, so a person may stand on both sides, which flatters every figure.

    Args:
        records: all that may be used.
        config: ``split`` and what goes with it; ``persons`` narrows the records first.
        seed: of the ``random`` draw.

    Raises:
        ConfigError: if a side would be empty.
    """
    if config.persons is not None:
        first, last = config.persons
        records = [record for record in records if first <= record.person <= last]
    if config.split == "course":
        name, held_out = "course", [record.person > _COURSE_TRAIN_PERSONS for record in records]
    elif config.split == "person_folds":
        name = f"person fold {config.fold} of {config.folds}"
        persons = sorted({record.person for record in records})
        fold_of = {person: config.folds * i // len(persons) for i, person in enumerate(persons)}
        held_out = [fold_of[record.person] == config.fold for record in records]
    else:
        name = "random images"
        drawn = np.random.default_rng(seed).permutation(len(records))[: round(config.val_fraction * len(records))]
        held_out = [i in set(drawn.tolist()) for i in range(len(records))]
    train = [record for record, held in zip(records, held_out, strict=True) if not held]
    val = [record for record, held in zip(records, held_out, strict=True) if held]
    if not train or not val:
        side = "train on" if not train else "validate on"
        persons_there = sorted({record.person for record in records})
        there = f"persons {persons_there[0]}-{persons_there[-1]}" if persons_there else "nobody"
        raise ConfigError(
            f"data.split={config.split} leaves nobody to {side}: the data hold {there}; choose another split or data"
        )
    if config.persons is not None:
        name += f" within persons {config.persons[0]}-{config.persons[1]}"
    return Split(name, train, val)
