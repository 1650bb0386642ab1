"""Landmark schemes as YAML files, so that another set of points needs no Python.

A scheme is a file such as ``conf/scheme/ibug68.yaml``, or the same mapping inside ``data.reader.scheme``::

    name: mine # or none: that of the file
    points: 10
    groups: # each point in one group; without groups no points are joined
      right_eye: {points: 0-3, closed: true}
      left_eye: {points: 4-7, closed: true}
      mouth: {points: 8-9}
    mirror: # pairs that swap in a mirrored face, point by point; points without a pair stay; or none
      - [0-3, 4-7]
    eyes: [0-3, 4-7] # the distance between their means normalises the NME; or none
    selections: # further names for model.selection
      corners: [0, 4]

Points are counted from 0 and given as an index (``8``), a range (``0-3``, or ``3-0`` backwards) or a list of these.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facekp.config import CONF
from facekp.landmarks.scheme import Group, Scheme
from facekp.utils.errors import ConfigError, closest
from facekp.utils.files import user_path
from facekp.utils.plain import read_yaml

SCHEMES = CONF / "scheme"
"""The folder of the schemes that are given by name."""

_KEYS = ("name", "points", "groups", "mirror", "eyes", "selections")
_RANGE = re.compile(r"(\d{1,6})-(\d{1,6})")
_MAX_POINTS = 10_000


def load_scheme(given: Any) -> Scheme | None:
    """The scheme that a setting names.

    Args:
        given: the name of a file in ``conf/scheme``, the path of another YAML file, the mapping itself, or ``none``.

    Returns:
        The scheme, or None for ``none``: nothing is known about the points, not even their number.

    Raises:
        ConfigError: naming the file and the key, if there is no such scheme or it contradicts itself.
    """
    if given in (None, "none"):
        return None
    if isinstance(given, Mapping):
        return parse_scheme(given, "data.reader.scheme", "inline")
    path = user_path(str(given))
    if path.suffix not in (".yaml", ".yml"):
        path = SCHEMES / f"{given}.yaml"
        known = ["none", *sorted(file.stem for file in SCHEMES.glob("*.yaml"))]
        if path.stem not in known:
            raise ConfigError(
                f"there is no scheme {given}{closest(str(given), known)}; choose one of {', '.join(known)}, "
                "or give the path of a .yaml file"
            )
    return parse_scheme(_content(path), str(path), path.stem)


def _content(path: Path) -> Any:
    try:
        return read_yaml(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); check the path of the scheme") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not YAML that can be read: {error}; correct it") from error


def describe_scheme(scheme: Scheme) -> dict[str, Any]:
    """A scheme as the mapping that :func:`parse_scheme` makes the same scheme of; plain data."""
    unknown = Scheme.unknown(len(scheme)).groups
    mirror = scheme.mirror and [[point, other] for point, other in enumerate(scheme.mirror) if point < other]
    groups = {group.name: {"points": [*group.point_indices], "closed": group.closed} for group in scheme.groups}
    return {
        "name": scheme.name,
        "points": len(scheme),
        "groups": None if scheme.groups == unknown else groups,
        "mirror": mirror,
        "eyes": scheme.eyes and [[*side] for side in scheme.eyes],
        "selections": {name: [*indices] for name, indices in scheme.selections.items()},
    }


def parse_scheme(content: Any, where: str, name: str = "") -> Scheme:
    """The scheme that a mapping describes.

    Args:
        content: what a YAML file holds.
        where: the file or setting that it comes from, for messages.
        name: of the scheme, if the mapping does not tell.

    Raises:
        ConfigError: naming the key, if it contradicts itself.
    """
    if not isinstance(content, Mapping):
        raise ConfigError(f"{where} is not a scheme; it must hold {', '.join(_KEYS)}")
    _check_keys(content, _KEYS, where)
    num_points = content.get("points")
    if type(num_points) is not int or not 0 < num_points <= _MAX_POINTS:
        raise ConfigError(f"{where}: points must be the number of points, not {num_points}")
    parser = _Parser(num_points, where)
    return Scheme(
        str(content.get("name", name)),
        parser.groups(content.get("groups")),
        parser.mirror(content.get("mirror")),
        parser.eyes(content.get("eyes")),
        {str(key): parser.indices(value, f"selections.{key}") for key, value in parser.named(content, "selections")},
    )


def _check_keys(content: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    for key in content:
        if key not in known:
            raise ConfigError(f"{where}: there is no key {key}{closest(str(key), known)}; leave it out")


@dataclass(frozen=True)
class _Parser:
    """Reads the parts of one scheme.

    Args:
        num_points: of the scheme.
        where: what messages call it.
    """

    num_points: int
    where: str

    def named(self, content: Mapping[str, Any], key: str) -> list[tuple[Any, Any]]:
        part = content.get(key) or {}
        if not isinstance(part, Mapping):
            raise ConfigError(f"{self.where}: {key} must be names with their points, not {part}")
        if "all" in part:
            raise ConfigError(f"{self.where}: {key} has the name all, which means every point; choose another name")
        return list(part.items())

    def indices(self, given: Any, key: str) -> tuple[int, ...]:
        parts = given if isinstance(given, list) else [given]
        points = tuple(point for part in parts for point in self._range(part, key))
        for point, times in Counter(points).items():
            if not 0 <= point < self.num_points:
                raise ConfigError(f"{self.where}: {key} has point {point}, which is not in 0..{self.num_points - 1}")
            if times > 1:
                raise ConfigError(f"{self.where}: {key} has point {point} twice")
        if not points:
            raise ConfigError(f"{self.where}: {key} has no points")
        return points

    def _range(self, given: Any, key: str) -> Iterable[int]:
        if isinstance(given, int) and not isinstance(given, bool):
            return (given,)
        ends = _RANGE.fullmatch(given) if isinstance(given, str) else None
        if ends is None:
            raise ConfigError(f"{self.where}: {key} must be points such as 8, 0-7 or [0-7, 9], not {given}")
        first, last = int(ends[1]), int(ends[2])
        return range(first, last + 1) if first <= last else range(first, last - 1, -1)

    def groups(self, given: Any) -> tuple[Group, ...]:
        if given is None:
            return Scheme.unknown(self.num_points).groups
        groups = tuple(self._group(name, settings) for name, settings in self.named({"groups": given}, "groups"))
        covered = self.indices([point for group in groups for point in group.point_indices], "groups")
        if absent := set(range(self.num_points)) - set(covered):
            raise ConfigError(f"{self.where}: point {min(absent)} is in no group")
        return groups

    def _group(self, name: Any, settings: Any) -> Group:
        key = f"groups.{name}"
        if not isinstance(settings, Mapping):
            raise ConfigError(f"{self.where}: {key} must be a mapping such as {{points: 0-7, closed: true}}")
        _check_keys(settings, ("points", "closed"), f"{self.where}: {key}")
        closed = settings.get("closed", False)
        if not isinstance(closed, bool):
            raise ConfigError(f"{self.where}: {key}.closed must be true or false, not {closed}")
        return Group(str(name), self.indices(settings.get("points"), f"{key}.points"), closed)

    def mirror(self, given: Any) -> tuple[int, ...] | None:
        if given in (None, "none"):
            return None
        if not isinstance(given, list):
            raise ConfigError(f"{self.where}: mirror must be a list of pairs or none, not {given}")
        sides = [self._sides(pair, "mirror") for pair in given]
        mirror = {point: other for one, two in sides for point, other in zip(one + two, two + one, strict=True)}
        if sides:
            self.indices([point for one, two in sides for point in one + two], "mirror")
        return tuple(mirror.get(point, point) for point in range(self.num_points))

    def eyes(self, given: Any) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        return None if given in (None, "none") else self._sides(given, "eyes", equal=False)

    def _sides(self, given: Any, key: str, equal: bool = True) -> tuple[tuple[int, ...], tuple[int, ...]]:
        if not isinstance(given, list) or len(given) != 2:
            raise ConfigError(f"{self.where}: {key} needs two sides such as [0-3, 4-7], not {given}")
        one, other = (self.indices(side, key) for side in given)
        if equal and len(one) != len(other):
            raise ConfigError(f"{self.where}: {key} has {len(one)} points on one side and {len(other)} on the other")
        return one, other
