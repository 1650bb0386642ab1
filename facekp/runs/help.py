"""The output of ``--help``: groups with their choices, and settings with their values, bounds and descriptions."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from omegaconf import MISSING, DictConfig, OmegaConf

from facekp.config import allowed
from facekp.utils.terminal import one_line

_WIDEST = 120
_KINDS = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false", "list": "list"}


def register_help() -> None:
    """Register the resolver ``settings_help``, for ``hydra.help.template``."""
    OmegaConf.register_new_resolver("settings_help", _settings_help, replace=True)


def _settings_help(_root_: DictConfig) -> str:
    lines = [_root_.hydra.help.header, "Groups, and their choices: choose with GROUP=CHOICE"]
    for group, option in reversed(_root_.hydra.runtime.choices.items()):  # Hydra has them in reverse order
        if not group.startswith("hydra/"):
            options = GlobalHydra.instance().config_loader().get_group_options(group, ObjectType.CONFIG)
            lines += _entry(f"{group}={_written(option)}", ", ".join(options))
    lines += ["", "Settings, and their values: change with NAME=VALUE"]
    lines += _described(OmegaConf.get_type(_root_), OmegaConf.to_container(_root_), "")
    return "\n".join(lines).replace("$", "$$")  # Hydra substitutes words with a $


def _described(schema: Any, values: Any, path: str) -> Iterator[str]:
    """The lines of all settings of a dataclass: single settings, then nested dataclasses."""
    types = get_type_hints(schema)
    kinds = {item.name: item.metadata.get("schema", types[item.name]) for item in fields(schema)}
    parts = {item: kinds[item.name] for item in fields(schema) if is_dataclass(kinds[item.name])}
    for item in (item for item in fields(schema) if item not in parts):
        name, value = path + item.name, values[item.name]
        kind = _KINDS.get(str(item.type).removesuffix(" | None").partition("[")[0])
        bounds = ([kind] if kind and "one_of" not in item.metadata else []) + allowed(item.metadata)
        text = item.metadata["help"] + (f" ({', '.join(bounds)})" if bounds else "")
        if isinstance(value, dict) and value:
            yield from _entry(name, text)
            for inner, leaf in _leaves(value, name):
                yield _cut(f"  {inner}={_written(leaf)}")
        else:
            yield from _entry(name if value == MISSING else f"{name}={_written(value)}", text)
    for item, part in parts.items():
        yield ""
        yield f"{path}{item.name}: {item.metadata.get('help') or (part.__doc__ or '').splitlines()[0]}"
        yield from _described(part, values[item.name], f"{path}{item.name}.")


def _leaves(node: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{path}.{key}")
        else:
            yield f"{path}.{key}", value


def _written(value: Any) -> str:
    """A value as on a command line."""
    if isinstance(value, list):
        return f"[{','.join(map(_written, value))}]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else one_line(str(value))


def _entry(left: str, text: str) -> list[str]:
    """A setting, and its description beside or below it."""
    column = _width() * 2 // 5
    indent = " " * column
    wrapped = textwrap.wrap(text, _width(), initial_indent=indent, subsequent_indent=indent)
    if len(left) > column - 4:
        return [_cut(f"  {left}"), *wrapped]
    return [f"  {left}".ljust(column) + wrapped[0].lstrip(), *wrapped[1:]]


def _cut(line: str) -> str:
    return line if len(line) <= _width() else f"{line[: _width() - 3]}..."


def _width() -> int:
    return min(shutil.get_terminal_size().columns, _WIDEST)
