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
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from facekp.landmarks.scheme import Group, Scheme
from facekp.utils.errors import ConfigError, closest
from facekp.utils.files import user_path
from facekp.utils.shape import shaped

SCHEMES = Path(__file__).parents[2] / "conf" / "scheme"
"""The folder of the schemes that are given by name."""

_GROUP = {"points": object, "closed?": bool}
_SHAPE = {
    **{"name?": str, "points": int, "groups?": ({...: _GROUP}, None), "selections?": ({...: object}, None)},
    **{"mirror?": ([[object]], str, None), "eyes?": ([object], str, None)},
}
_RANGE = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?")
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
    from facekp.utils.yaml_files import read_yaml  # nothing else here needs that package

    try:
        content = read_yaml(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); check the path of the scheme") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not YAML that can be read: {error}; correct it") from error
    return parse_scheme(content, str(path), path.stem)


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
    try:
        shaped(content, _SHAPE)
        _check_keys(content, _SHAPE, "it")
        num_points = content["points"]
        if not 0 < num_points <= _MAX_POINTS:
            raise ValueError(f"points is {num_points} instead of the number of points")
        if "all" in {*(content.get("groups") or ()), *(content.get("selections") or ())}:
            raise ValueError("the name all means every point")
        scheme = Scheme(
            content.get("name", name),
            _groups(content.get("groups"), num_points),
            _mirror(content.get("mirror"), num_points),
            _eyes(content.get("eyes"), num_points),
            {key: _indices(value, num_points, key) for key, value in (content.get("selections") or {}).items()},
        )
        if len(scheme) != num_points:
            raise ValueError(f"the groups hold {len(scheme)} of {num_points} points")
    except (ValueError, ConfigError) as error:
        raise ConfigError(f"{where}: {error}; correct it") from error
    return scheme


def _check_keys(content: Mapping[str, Any], shape: Mapping[str, Any], where: str) -> None:
    known = [key.removesuffix("?") for key in shape]
    for key in content:
        if key not in known:
            raise ValueError(f"{where} has a key {key}, which means nothing{closest(key, known)}")


def _indices(given: Any, num_points: int, key: str) -> tuple[int, ...]:
    points = tuple(point for part in (given if isinstance(given, list) else [given]) for point in _range(part))
    if not points or len(set(points)) < len(points) or not all(0 <= point < num_points for point in points):
        raise ValueError(f"{key} must be points from 0 to {num_points - 1}, each once, as in [0-7, 9], not {given}")
    return points


def _range(given: Any) -> Iterable[int]:
    """The points of an index or a range; -1 for anything else."""
    ends = _RANGE.fullmatch(str(given))
    if ends is None:
        return (-1,)
    first, last = int(ends[1]), int(ends[2] or ends[1])
    return range(first, last + 1) if first <= last else range(first, last - 1, -1)


def _groups(given: Mapping[str, Any] | None, num_points: int) -> tuple[Group, ...]:
    if given is None:
        return Scheme.unknown(num_points).groups
    for name, settings in given.items():
        _check_keys(settings, _GROUP, name)
    return tuple(
        Group(name, _indices(settings["points"], num_points, name), settings.get("closed", False))
        for name, settings in given.items()
    )


def _mirror(given: Any, num_points: int) -> tuple[int, ...] | None:
    if given in (None, "none"):
        return None
    mirror = list(range(num_points))
    for pair in given:
        one, other = _sides(pair, num_points, "each pair of mirror")
        if len(one) != len(other):
            raise ValueError(f"a pair of mirror has {len(one)} points on one side and {len(other)} on the other")
        for point, mirrored in zip(one, other, strict=True):
            mirror[point], mirror[mirrored] = mirrored, point
    return tuple(mirror)


def _eyes(given: Any, num_points: int) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    return None if given in (None, "none") else _sides(given, num_points, "eyes")


def _sides(given: Any, num_points: int, key: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if not isinstance(given, list) or len(given) != 2:
        raise ValueError(f"{key} needs two sides such as [0-3, 4-7], not {given}")
    one, other = (_indices(side, num_points, key) for side in given)
    return one, other
