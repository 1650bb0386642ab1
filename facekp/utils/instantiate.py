"""Creation of objects from settings: mappings with ``_target_`` (the class) and its arguments."""

from __future__ import annotations

import pkgutil
import sys
import warnings
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any, TypeVar

from hydra.errors import InstantiationException
from hydra.utils import get_class, instantiate

from facekp.utils.errors import ConfigError, FacekpError

T = TypeVar("T")


def find_class(target: Any, kind: type[T], where: str) -> type[T]:
    """Import the class that the user's own settings name.

    Raises:
        ConfigError: if there is no such class, or it is not a subclass of ``kind``.
    """
    try:
        cls = get_class(str(target))
    except (InstantiationException, ImportError, ValueError) as error:
        raise ConfigError(f"{where}._target_={target} is no class that can be imported; correct the path") from error
    if not issubclass(cls, kind):
        raise ConfigError(f"{where}._target_={target} is not a {kind.__name__}, which is what belongs there")
    return cls


def loaded_class(target: Any, kind: type[T], package: str) -> type[T]:
    """The class that a file from outside names. It must be loaded already: nothing is imported because of the file.

    Args:
        package: one of facekp, whose modules are imported first.

    Raises:
        ConfigError: if no such class is loaded, with the way to trust it.
    """
    for module in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
        import_module(module.name)
    place, _, name = str(target).rpartition(".")
    cls = vars(sys.modules[place]).get(name) if place in sys.modules else None
    if not (isinstance(cls, type) and issubclass(cls, kind)):
        module_name = place if place.replace(".", "_").isidentifier() else "<its module>"
        raise ConfigError(
            f"it names {str(target)[:100]!r}, which is no {kind.__name__} of this installation; if you trust whoever "
            f"wrote that class, add trust=[{module_name}]"
        )
    return cls


def import_trusted(modules: Iterable[str]) -> None:
    """Import the modules that the user trusts, so that files may name their classes.

    Raises:
        ConfigError: if there is no such module.
    """
    for name in modules:
        try:
            import_module(name)
        except (ImportError, TypeError, ValueError) as error:
            raise ConfigError(f"trust={name} cannot be imported ({error}); correct it") from error


def create(spec: Mapping[str, Any], kind: type[T], where: str, **arguments: Any) -> T:
    """Create one object with plain data as arguments.

    Args:
        spec: ``_target_`` and keyword arguments.
        arguments: further keyword arguments, which replace those of ``spec``.

    Raises:
        ConfigError: if there is no such class, it is of another kind, or it does not accept its arguments.
    """
    cls = find_class(spec.get("_target_"), kind, where)
    try:
        return cls(**{name: value for name, value in spec.items() if name != "_target_"} | arguments)
    except FacekpError:
        raise
    except Exception as error:  # a class may raise anything for unexpected arguments
        raise ConfigError(f"{where}: {spec['_target_']} refuses its settings: {_reason(error)}") from error


def create_nested(spec: Mapping[str, Any], kind: type[T], where: str, *completion: Any) -> T:
    """Create one object of the user's own config with Hydra; nested mappings with a ``_target_`` are created first.

    Args:
        completion: the first arguments, for a spec with ``_partial_: true``.

    Raises:
        ConfigError: as :func:`create`.
    """
    find_class(spec.get("_target_"), kind, where)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", r"Argument\(s\) .* not valid")  # how albumentations reports a typo
            made = instantiate(spec, _convert_="all")
        return made(*completion) if completion else made
    except (InstantiationException, TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {spec['_target_']} refuses its settings: {_reason(error)}") from error


def create_all(specs: Mapping[str, Any], kind: type[T], where: str) -> dict[str, T]:
    """Create all objects of a group of the user's own config with :func:`create_nested`; null leaves one out."""
    return {name: create_nested(spec, kind, f"{where}.{name}") for name, spec in specs.items() if spec is not None}


def _reason(error: Exception) -> str:
    """The reason of an error, in one line; pydantic has several, with one that refers to its documentation."""
    said = str((error.__cause__ if isinstance(error, InstantiationException) else None) or error)
    lines = [line.partition(" [type=")[0].strip() for line in said.splitlines()] or [type(error).__name__]
    return ": ".join(lines[1:-1]) if len(lines) > 2 and "validation error" in lines[0] else lines[0]
