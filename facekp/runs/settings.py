"""The settings of several runs side by side: in which of them they differ, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from facekp.runs.folder import RunFolder

_REFERENCE = re.compile(r"\$\{(\w+(?:\.\w+)*)\}")
_LONGEST_CHAIN = 10
_LONGEST_WORDS = 80
_SHOWN_OF_EVALUATION = ("weights", "epoch")


def referred(value: Any, config: Mapping[str, Any]) -> Any:
    """What a stored setting stands for: one such as ``${model.max_epochs}`` for another one of the same file.

    Any other interpolation is returned as it was written, and so is one that leads nowhere: what it would ask for is
    known to the one who wrote it, not to the file.

    Args:
        value: of the setting.
        config: all stored settings.
    """
    found = value
    for _ in range(_LONGEST_CHAIN):
        reference = _REFERENCE.fullmatch(found) if isinstance(found, str) else None
        if reference is None:
            return value if isinstance(found, str) and "${" in found else found
        found = config
        for key in reference[1].split("."):
            if not isinstance(found, Mapping) or key not in found:
                return value
            found = found[key]
    return value


def differing_settings(runs: Sequence[RunFolder]) -> list[dict[str, str]]:
    """For each run, in words, the settings in which the runs differ, with weights and epoch where those do.

    A part that only some runs have, such as one kind of augmentation, is named by its class or by what it holds.

    Raises:
        DataError: if a file of a run is damaged.
    """
    settings = [{key: run.measured[key] for key in _SHOWN_OF_EVALUATION} | run.config for run in runs]
    columns = {
        name: [_in_words(referred(value, config)) for value, config in zip(values, settings, strict=True)]
        for name, values in _differences(settings, "").items()
    }
    return [
        {name: _shortened(words[i]) for name, words in columns.items() if len(set(words)) > 1} for i in range(len(runs))
    ]


def _differences(nodes: Sequence[Any], path: str) -> dict[str, list[Any]]:
    if all(node == nodes[0] for node in nodes):
        return {}
    if not all(isinstance(node, dict) for node in nodes):
        return {path: list(nodes)}
    if len({str(node.get("_target_")) for node in nodes}) > 1:
        classes = {path: [{"_target_": node.get("_target_")} for node in nodes]}
        return classes | _differences([node | {"_target_": None} for node in nodes], path)
    keys = dict.fromkeys(key for node in nodes for key in node)
    return {
        name: values
        for key in keys
        for name, values in _differences([node.get(key) for node in nodes], f"{path}.{key}".lstrip(".")).items()
    }


def _shortened(words: str) -> str:
    half = _LONGEST_WORDS // 2
    return words if len(words) <= _LONGEST_WORDS else f"{words[:half]}…{words[-half:]}"


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        name = value.get("_target_")
        return str(name).rpartition(".")[2] if name else ", ".join(map(str, value)) or "–"
    return "–" if value is None else str(value)
