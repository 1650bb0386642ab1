"""Checks that plain data from a file match a shape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from facekp.utils.errors import DataError
from facekp.utils.terminal import display_path

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Characters that no text may contain: control codes of terminals, and surrogates."""

Shape = Any
"""A description of a value: ``str``, ``int``, ``float`` (any number), ``bool`` or None; ``object`` for any plain data;
a tuple of these for any of them; ``[shape]`` for a list; ``{key: shape}`` for a mapping with these keys, where those
that end with ``?`` are optional; the key ``...`` stands for all others."""

_LONGEST_TEXT = 10_000
_WORDS = {str: "a plain text", int: "a whole number", float: "a number", bool: "true or false", None: "null"}
_TYPES = {int: (int,), float: (int, float), bool: (bool,), None: (type(None),)}


@contextmanager
def reports_damage(path: Path, remedy: str) -> Iterator[None]:
    """Turn errors in the block into one sentence: the file, the reason, and what to do.

    Raises:
        DataError: for an OSError or a ValueError.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        reason = "it is not in UTF-8" if isinstance(error, UnicodeError) else reason
        raise DataError(f"{display_path(path)} cannot be read: {reason}; {remedy}") from error


def shaped(value: Any, shape: Shape, where: str = "it") -> Any:
    """Return plain data, see :func:`facekp.utils.plain.plain`, if they match a shape.

    Raises:
        ValueError: naming the part that does not match.
    """
    shapes = shape if isinstance(shape, tuple) else (shape,)
    fitting = [each for each in shapes if _is(value, each)]
    if not fitting:
        raise ValueError(f"{where} is not {' or '.join(map(_describe, shapes))}")
    if isinstance(value, list):
        for item in value:
            shaped(item, fitting[0][0] if isinstance(fitting[0], list) else object, f"an entry of {where}")
    elif isinstance(value, dict):
        asked = fitting[0] if isinstance(fitting[0], dict) else {}
        missing = [key for key in asked if key is not ... and not key.endswith("?") and key not in value]
        if missing:
            raise ValueError(f"{where} has no {missing[0]}")
        for key, item in value.items():
            shaped(key, str, f"a key of {where}")
            known = next((name for name in (key, f"{key}?") if name in asked), ...)
            name = f"{where}.{key}".removeprefix("it.") if known is not ... else f"an entry of {where}"
            shaped(item, asked.get(known, object), name)
    return value


def _is(value: Any, shape: Shape) -> bool:
    if shape is object:
        return not isinstance(value, str) or _is(value, str)
    if isinstance(shape, (list, dict)):
        return isinstance(value, type(shape))
    if shape is str:
        return isinstance(value, str) and len(value) <= _LONGEST_TEXT and not CONTROL.search(value)
    return type(value) in _TYPES[shape]


def _describe(shape: Shape) -> str:
    if isinstance(shape, (list, dict)):
        return "a list" if isinstance(shape, list) else "a mapping"
    return _WORDS.get(shape, "plain data")
