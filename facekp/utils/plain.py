"""Plain data, and reading of them from files from outside.

Checkpoints, run folders, splits and schemes are not trusted. They may contain numbers, texts, lists and mappings of
bounded size, in which nothing is resolved, imported or called.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from facekp.utils.files import read_bytes

DEPTH = 20
"""Levels of values that plain data may have."""
_VALUES = 200_000
_CHARACTERS = 4096  # of one text
_LARGEST = 2**63  # of an integer
_CALLS = ("_target_", "_partial_", "_args_", "_recursive_", "_convert_")  # keys that make Hydra call something

_JSON_BYTES = 10_000_000


def plain(value: Any, *, targets: Collection[str] = (), inert: bool = False, at_most: int = _VALUES) -> Any:
    """Check that a value is plain data, and copy it.

    Args:
        value: numbers, texts, booleans, None, and lists, tuples and mappings of these.
        targets: the mappings that may name a class as ``_target_``, such as ``model.network``; ``""`` is the whole.
        inert: allow interpolations (``${...}``), Hydra's keys and any characters, for data that are only displayed or
            compared and never passed to OmegaConf or Hydra.

    Returns:
        The same data as dicts and lists.

    Raises:
        ValueError: naming the value that is not plain, or too large.
    """
    left = at_most

    def copied(node: Any, path: str, depth: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0 or depth > DEPTH:
            raise ValueError(f"it holds more than {at_most} values, or {DEPTH} levels of them")
        if node is None or type(node) in (bool, float) or (type(node) is int and abs(node) < _LARGEST):
            return node
        if isinstance(node, str) and (inert or len(node) <= _CHARACTERS):
            if "${" in node and not inert:
                raise ValueError(f"{path or 'it'} holds an interpolation, {node[:60]!r}")
            if not (inert or node.isprintable()):
                raise ValueError(f"{path or 'it'} holds characters that cannot be printed, {node[:60]!r}")
            return str(node)
        if isinstance(node, (list, tuple)):
            return [copied(item, f"{path}[{place}]", depth + 1) for place, item in enumerate(node)]
        if isinstance(node, dict):
            for key in node:
                if not isinstance(key, str) or not (inert or key.isprintable()) or "${" in key:
                    raise ValueError(f"{path or 'it'} has a name that is no plain text")
                if key in _CALLS and not (inert or (key == "_target_" and path in targets)):
                    raise ValueError(f"{path or 'it'} asks to call something ({key}: {str(node[key])[:60]!r})")
            return {str(key): copied(item, f"{path}.{key}".lstrip("."), depth + 1) for key, item in node.items()}
        raise ValueError(f"{path or 'it'} is no plain value, or too large a one (a {type(node).__name__})")

    return copied(value, "", 0)


def read_json(path: Path, *, inert: bool = False) -> Any:
    """The plain data in a JSON file; see :func:`plain`.

    Raises:
        OSError: if it cannot be opened, or is too large.
        ValueError: if it is not JSON, or is more than plain data.
    """
    try:
        content = json.loads(read_bytes(path, _JSON_BYTES))
    except RecursionError as error:
        raise ValueError(f"it holds more than {DEPTH} levels of values") from error
    return plain(content, inert=inert)
