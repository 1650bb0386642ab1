"""Objects from the config: a mapping with ``_target_`` (the class) and its arguments."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, TypeVar

from hydra.errors import InstantiationException
from hydra.utils import get_class, instantiate

from facekp.utils.errors import ConfigError

T = TypeVar("T")


def create(spec: Mapping[str, Any], kind: type[T], where: str, *completion: Any, **arguments: Any) -> T:
    """Create one object.

    Args:
        spec: ``_target_`` and keyword arguments; mappings inside it that have a ``_target_`` are created first.
        kind: the class that the object must be of; nothing else is ever called.
        where: the setting that ``spec`` comes from, for messages.
        completion: the first arguments, of a spec with ``_partial_: true``.
        arguments: keyword arguments that the code knows better than the config.

    Raises:
        ConfigError: if there is no such class, it is of another kind, or it refuses its arguments.
    """
    target = spec.get("_target_")
    try:
        cls = get_class(str(target))
    except (InstantiationException, ImportError, ValueError) as error:
        raise ConfigError(f"{where}._target_={target} is no class that can be imported; correct the path") from error
    if not issubclass(cls, kind):
        raise ConfigError(f"{where}._target_={target} is not a {kind.__name__}, which is what belongs there")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", r"Argument\(s\) .* not valid")  # all that albumentations makes of a typo
            made = instantiate(spec, _convert_="all", **arguments)
        return made(*completion) if completion else made
    except (InstantiationException, TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {target} refuses its settings: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """What a class said against its settings, in one line; pydantic takes several, one about where to read more."""
    lines = [line.partition(" [type=")[0].strip() for line in str(error.__cause__ or error).splitlines()]
    return ": ".join(lines[1:-1]) if len(lines) > 2 and "validation error" in lines[0] else lines[0]


def create_all(specs: Mapping[str, Any], kind: type[T], where: str) -> dict[str, T]:
    """Create each object of a group of the config; one that is null is left out."""
    return {name: create(spec, kind, f"{where}.{name}") for name, spec in specs.items() if spec is not None}
