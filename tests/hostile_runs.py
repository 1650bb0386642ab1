"""Run folders of strangers who mean harm, for the rule that :mod:`tests.hostile` tells."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

METRICS, PREDICTIONS, RUN = "metrics.json", "predictions.csv", "run.json"
CONFIG, EVENTS = ".hydra/config.yaml", "tensorboard/events.out.tfevents.1.x.1.0"
Damage = Callable[[Path], object]
_READER = "facekp.data.readers.danes.DanesReader"


def write(name: str, content: str | bytes) -> Damage:
    """A file with another content."""

    def damage(run: Path) -> None:
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return damage


def update(name: str, *path: str | int, **values: Any) -> Damage:
    """A JSON file with other values in it, in the mapping that the path leads to."""

    def damage(run: Path) -> None:
        content = part = json.loads((run / name).read_text())
        for key in path:
            part = part[key]
        part.update(values)
        (run / name).write_text(json.dumps(content))

    return damage


def cell(column: str, text: str) -> Damage:
    """A table of predictions with another text in one of its cells."""

    def damage(run: Path) -> None:
        head, first, *rest = (run / PREDICTIONS).read_text().splitlines()
        cells = first.split(",")
        cells[head.split(",").index(column)] = text
        (run / PREDICTIONS).write_text("\n".join([head, ",".join(cells), *rest]))

    return damage


def lines(change: Callable[[list[str]], list[str]]) -> Damage:
    """A table of predictions with other lines."""
    return lambda run: (run / PREDICTIONS).write_text("\n".join(change((run / PREDICTIONS).read_text().splitlines())))


def in_place_of(name: str, make: Callable[[Path], object]) -> Damage:
    """Something else where a file should be."""

    def damage(run: Path) -> None:
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).unlink(missing_ok=True)
        make(run / name)

    return damage


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10**11)  # nothing of it is on disk


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def event(content: bytes, length: int | None = None) -> bytes:
    """An entry of an event file, whose checksums are right."""
    head = struct.pack("<Q", len(content) if length is None else length)
    return b"".join([head, struct.pack("<I", masked_crc32c(head)), content, struct.pack("<I", masked_crc32c(content))])


def data(**settings: Any) -> Damage:
    """Settings that tell something else of the data."""
    told = {"name": "drawn", "reader": {"_target_": _READER}, "root": "faces", "folder": "data", "people": 4} | settings
    return write(CONFIG, json.dumps({"data": told}))


DAMAGES: dict[str, Damage] = {
    "no metrics": in_place_of(METRICS, lambda path: None),
    "a number for a text": update(METRICS, data=3),
    "a text for a number": update(METRICS, "metrics", error_px="x"),
    "null for a mapping": update(METRICS, metrics=None),
    "a list for a row": update(METRICS, "by_type", all=[1]),
    "true for a number": update(METRICS, epoch=True),
    "half an epoch": update(METRICS, epoch=1.5),
    "an infinite epoch": update(METRICS, epoch=float("inf")),
    "a text of half a character": update(METRICS, data="\ud800"),
    "a text for the terminal": update(METRICS, data="\x1b[31mred"),
    "a long text": update(METRICS, data="x" * 100_000),
    "metrics that are a list": write(METRICS, "[]"),
    "metrics that are empty": write(METRICS, ""),
    "metrics cut short": write(METRICS, '{"data": "dra'),
    "metrics in depth": write(METRICS, "[" * 100_000),
    "metrics of mappings in depth": write(METRICS, '{"a":' * 5000),
    "a number beyond all numbers": write(METRICS, '{"epoch": ' + "9" * 10_000 + "}"),
    "metrics not in UTF-8": write(METRICS, b'{"data": "\xff"}'),
    "predictions that are empty": write(PREDICTIONS, ""),
    "predictions of nothing": lines(lambda rows: rows[:1]),
    "predictions without a column": lines(lambda rows: [rows[0].replace("y_px", "z_px"), *rows[1:]]),
    "a line cut short": lines(lambda rows: [*rows[:-1], rows[-1][:-20]]),
    "a line too few": lines(lambda rows: rows[:-1]),
    "all lines twice": lines(lambda rows: [*rows, *rows[1:]]),
    "a field without end": cell("group", "x" * 200_000),
    "a quote without end": cell("group", '"'),
    "a name with a zero byte": cell("image", "a\0b"),
    "no name": cell("image", ""),
    "a long name": cell("image", "x" * 1000),
    "a name for the terminal": cell("image", "\x1b[2J"),
    "predictions not in UTF-8": write(PREDICTIONS, b"\xff\xfe"),
    "NaN": cell("x_px", "nan"),
    "infinity": cell("error_px", "inf"),
    "a distance below zero": cell("error_px", "-1"),
    "a coordinate out of all pictures": cell("x_px", "1e300"),
    "no coordinate": cell("x_px", ""),
    "a text as a coordinate": cell("y_px", "left"),
    "a text as a person": cell("person", "Bob"),
    "a person beyond all numbers": cell("person", "9" * 5000),
    "a type of millions": cell("image_type", "1000000"),
    "a point below zero": cell("point", "-1"),
    "eyes in one place": cell("eye_distance_px", "0"),
    "settings that are a list": write(CONFIG, "[1]"),
    "settings that are a text": write(CONFIG, "abc"),
    "settings that call": write(CONFIG, "a: !!python/object/apply:os.system ['touch ../canary']"),
    "settings that double": write(CONFIG, "a: &a [1, 1]\nb: &b [*a, *a]\nc: [*b, *b]"),
    "settings in depth": write(CONFIG, "a: " + "[" * 10_000),
    "settings of mappings in depth": write(CONFIG, "{a: " * 500),
    "settings of dates": write(CONFIG, "a: 2026-01-01"),
    "settings by numbers": write(CONFIG, "1: 2"),
    "settings without end": write(CONFIG, "\n".join(f"k{i}: {i}" for i in range(60_000))),
    "settings for the terminal": write(CONFIG, 'a: "\\e[31m"'),
    "settings not in UTF-8": write(CONFIG, b"a: \xff"),
    "events of no kind": write(EVENTS, event(b"\xff" * 50)),
    "an event of a terabyte": write(EVENTS, event(b"x" * 100, length=2**40)),
    **{
        f"{what} for {Path(name).name}": in_place_of(name, make)
        for name in (METRICS, PREDICTIONS, CONFIG, EVENTS)
        for what, make in {"a pipe": os.mkfifo, "a folder": Path.mkdir, "a device": endless}.items()
    },
    **{f"{Path(name).name} without end": in_place_of(name, huge) for name in (METRICS, PREDICTIONS, CONFIG)},
}
"""Changes to a run folder that was honest, for which it cannot be compared."""

HARMLESS: dict[str, Damage] = {
    "a command in the data": data(root="${oc.create:{_target_:os.system,command:'touch ../canary'}}"),
    "the environment in the data": data(root="${oc.env:FACEKP_SECRET}", folder="${oc.env:FACEKP_SECRET}"),
    "the environment in a name": data(name="${oc.env:FACEKP_SECRET}"),
    "the environment by a detour": write(CONFIG, "name: ${a}\na: ${b}\nb: ${oc.env:FACEKP_SECRET}"),
    "settings that go round": write(CONFIG, "a: ${b}\nb: ${a}"),
    "a function as the reader": data(reader={"_target_": "os.system", "command": "touch ../canary"}),
    "a module that would run when imported": data(reader={"_target_": "hostile_module.Reader"}),
    "a function inside the reader": data(reader={"_target_": _READER, "x": {"_target_": "os.system"}}),
    "a reader that is none": data(reader=[1]),
    "a reader with other settings": data(reader={"_target_": _READER, "colour": "red"}),
    "a folder that nobody can have": data(root="x" * 5000, folder="x/" * 5000),
    "somebody's home": data(root="~nobody", folder="~nobody"),
    "data that are null": write(CONFIG, "data: null"),
    "classes of other kinds": write(CONFIG, "a: {_target_: [1]}\nb: {_target_: {c: 1}}"),
    "names of markup": write(CONFIG, "name: '$x^{$ [bold] <script>alert(1)</script>'\n'$\\frac{': '[/bold]'"),
    "a long setting": write(CONFIG, f"name: {'x ' * 4000}"),
    "events cut short": write(EVENTS, event(b"")[:-2]),
    "events that are a text": write(EVENTS, "hello"),
    "events of zeros": in_place_of(EVENTS, huge),
    "a folder within itself": lambda run: (run / "self").symlink_to(run),
}
"""Changes in spite of which it can."""

TRAINING: dict[str, Damage] = {
    "no list of parts": write(RUN, "{}"),
    "parts that are null": write(RUN, '{"parts": null}'),
    "a part that is a text": write(RUN, '{"parts": ["x"]}'),
    "a text as the number of images": update(RUN, "parts", 0, train_images="many"),
    "a list as the time": update(RUN, "parts", 0, started=[1]),
    "a number as the versions": update(RUN, "parts", 0, versions=3),
    "versions for the terminal": update(RUN, "parts", 0, versions={"torch": "\x1b[31m"}),
    "a text as the seconds": update(RUN, "parts", 0, training_seconds="long"),
    "run.json in depth": write(RUN, "[" * 100_000),
    "a pipe for run.json": in_place_of(RUN, os.mkfifo),
    "run.json without end": in_place_of(RUN, huge),
    "events of no kind": DAMAGES["events of no kind"],
}
"""Changes for which its checkpoint is not evaluated."""
