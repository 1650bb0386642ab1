"""The settings in which several runs differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from facekp.runs.folder import RunFolder

_REFERENCE = re.compile(r"\$\{(\w+(?:\.\w+)*)\}")
_MAX_REFERENCES = 10
_MAX_LENGTH = 80
_MAX_OVERRIDES = 3
_WITHOUT_EFFECT = ("callbacks.", "logger.", "hydra.", "sweep", "data.root", "trainer.accelerator")  # on results
_OF_EVALUATION = ("weights", "epoch")


def referred(value: Any, config: Mapping[str, Any]) -> Any:
    """Resolve a reference, such as ``${model.max_epochs}``, to another setting of the same file.

    Any other interpolation, and one without a target, is returned unchanged, because its value is not stored.
    """
    found = value
    for _ in range(_MAX_REFERENCES):
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
    """For each run, the settings in which the runs differ, as texts, including weights and epoch.

    Raises:
        DataError: if a file of a run is damaged.
    """
    settings = [{key: run.measured[key] for key in _OF_EVALUATION} | run.config for run in runs]
    told = [{name: str(referred(value, each)) for name, value in _leaves(each, "")} for each in settings]
    names = dict.fromkeys(name for each in told for name in each)
    differing = [name for name in names if len({each.get(name, "–") for each in told}) > 1]
    return [{name: _shortened(each.get(name, "–")) for name in differing} for each in told]


def differing_overrides(runs: Sequence[RunFolder]) -> list[str]:
    """For each run, the overrides in which the runs differ, with the weights if those do; empty if there are many.

    Raises:
        DataError: if a file of a run is damaged.
    """
    typed = [{"weights": run.measured["weights"]} | run.settings for run in runs]
    names = dict.fromkeys(name for each in typed for name in each)
    differing = [name for name in names if len({each.get(name) for each in typed}) > 1]
    short = {name: name.rpartition(".")[2] for name in differing if not name.startswith(_WITHOUT_EFFECT)}
    if len(short) > _MAX_OVERRIDES:
        return [""] * len(runs)
    return [_shortened(", ".join(f"{short[name]}={each[name]}" for name in short if name in each)) for each in typed]


def _leaves(node: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    """All single settings; an object has its class as its own value."""
    for key, value in node.items():
        name = f"{path}.{key}".lstrip(".")
        if isinstance(value, Mapping):
            yield from _leaves(value, name)
        elif key == "_target_":
            yield path, str(value).rpartition(".")[2]
        elif value is not None:
            yield name, value


def _shortened(text: str) -> str:
    half = _MAX_LENGTH // 2
    return text if len(text) <= _MAX_LENGTH else f"{text[:half]}…{text[-half:]}"
