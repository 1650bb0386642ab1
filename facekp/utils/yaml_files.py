"""Reading of YAML files from outside."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from facekp.utils.files import read_bytes
from facekp.utils.plain import DEPTH, plain

_MAX_BYTES = 500_000


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The safe loader, which refuses duplicate keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        names = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        if twice := next((name for name, times in names.items() if times > 1), None):
            raise ValueError(f"it names {twice!r:.60} twice")
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, *, inert: bool = False) -> Any:
    """The plain data in a YAML file, without aliases, which could expand a few lines without limit.

    Raises:
        OSError: if it cannot be opened, or is too large.
        ValueError: if it is not YAML, or is more than plain data.
    """
    text = read_bytes(path, _MAX_BYTES)
    try:
        depth = 0
        for event in yaml.parse(text, _Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEPTH or isinstance(event, yaml.AliasEvent):
                raise ValueError(f"it holds an alias (*name), or more than {DEPTH} levels of values")
        content = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    return plain(content, inert=inert)
