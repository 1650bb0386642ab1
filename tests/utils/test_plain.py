"""What is plain data and what is not."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from facekp.utils.plain import plain, read_json
from facekp.utils.yaml_files import read_yaml


def test_plain_data_is_copied_with_tuples_as_lists():
    given = {"a": (1, 2.5), "b": {"c": [None, True, "text"]}}
    made = plain(given)
    assert made == {"a": [1, 2.5], "b": {"c": [None, True, "text"]}}
    given["b"]["c"].append("more")
    assert made["b"]["c"] == [None, True, "text"]


def nested(levels: int) -> Any:
    return [nested(levels - 1)] if levels else 1


def itself() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def doubling(times: int) -> list[Any]:
    made: list[Any] = ["lol"] * 10
    for _ in range(times):
        made = [made] * 10
    return made


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"reader": {"scheme": "${oc.env:HOME}"}}, r"reader\.scheme holds an interpolation"),
        (["a", {"b": "x${y}"}], r"\[1\]\.b holds an interpolation"),
        ({"${a}": 1}, "has a name that is no plain text"),
        ({1: 2}, "has a name that is no plain text"),
        ({"_target_": "os.system"}, "it asks to call something"),
        ({"a": {"_target_": "os.system"}}, r"a asks to call something \(_target_: 'os\.system'\)"),
        ({"model": {"network": {"_target_": "x", "first": {"_target_": "y"}}}}, r"model\.network\.first asks to call"),
        ({"model": {"network": {"_args_": [1]}}}, r"model\.network asks to call something \(_args_"),
        ({"a": [{"_partial_": True}]}, r"a\[0\] asks to call"),
        ({"_recursive_": True}, "it asks to call"),
        ({"_convert_": "all"}, "it asks to call"),
        ({"a": b"bytes"}, "a is no plain value"),
        ({"a": 2**64}, "a is no plain value, or too large"),
        ({"a": 10**5000}, "a is no plain value, or too large"),
        ({"a": "x" * 100_000}, "a is no plain value, or too large"),
        ({"a": "\x1b[31m"}, "a holds characters that cannot be printed"),
        ({"\u202e": 1}, "has a name that is no plain text"),
        ({"a": {1, 2}}, "a is no plain value"),
        ({"a": Path("x")}, "a is no plain value"),
        (nested(30), "20 levels"),
        (itself(), "20 levels"),
        (doubling(9), "more than 200000 values"),
    ],
)
def test_anything_else_is_refused_by_name(value, message):
    begun = time.process_time()
    with pytest.raises(ValueError, match=message):
        plain(value, targets=("model.network",))
    assert time.process_time() - begun < 30  # unbounded, it would take for ever


def test_a_class_may_be_named_where_one_belongs():
    spec = {"_target_": "facekp.models.nose.NoseNet", "hidden": 3}
    assert plain(spec, targets=("",)) == spec
    assert plain({"model": {"network": spec}}, targets=("model.network",)) == {"model": {"network": spec}}


def test_what_is_only_displayed_may_hold_what_is_never_resolved():
    shown = {"root": "${oc.env:HOME}", "optimizer": {"_target_": "x.Y", "_partial_": True}}
    assert plain(shown, inert=True) == shown


BOMB = "a: &a [lol, lol]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "holds an alias"),
        ("a: &a [*a]", "holds an alias"),
        ("[" * 1000, "20 levels"),
        ("a: !!python/object/apply:os.system [true]", "could not determine a constructor"),
        ("a: !!binary aGVsbG8=", "is no plain value"),
        ("a: 2024-01-01", "is no plain value"),
        (f"a: {'9' * 5000}", "4300 digits|too large"),
        ("a: 1\na: 2", "names 'a' twice"),
        ("a: ${oc.env:HOME}", "holds an interpolation"),
        ("a: [", "while parsing"),
        ("\0", "control characters|not allowed"),
    ],
)
def test_yaml_that_is_no_plain_data_is_refused_at_once(tmp_path, text, message):
    path = tmp_path / "a.yaml"
    path.write_text(text)
    begun = time.process_time()
    with pytest.raises(ValueError, match=message) as caught:
        read_yaml(path)
    assert "\n" not in str(caught.value)
    assert time.process_time() - begun < 30  # unbounded, it would take for ever


def test_yaml_and_json_are_read_as_they_are(tmp_path):
    for name, read in (("a.yaml", read_yaml), ("a.json", read_json)):
        (tmp_path / name).write_text(json.dumps({"a": [1, 2.5, "x", None, True]}))
        assert read(tmp_path / name) == {"a": [1, 2.5, "x", None, True]}


@pytest.mark.parametrize("text", ["[" * 100_000, "no json", '{"a": ' + "9" * 5000 + "}", b"\xff"])
def test_json_that_is_no_plain_data_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=r"levels|Expecting|digits|codec"):
        read_json(tmp_path / "a.json")
