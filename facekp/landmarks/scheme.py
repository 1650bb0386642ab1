"""Landmark schemes: names and groups of points, the lines between them, and how a mirror swaps them.

Only this module contains point indices; everything else asks a :class:`Scheme`. Schemes other than the Danes' are YAML
files, see :mod:`facekp.landmarks.scheme_files`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from facekp.utils.errors import ConfigError


@dataclass(frozen=True)
class Group:
    """Points that belong together, usually along one path of the face, such as an eye or the jaw.

    Args:
        name: used in tables and figures.
        point_indices: of its points, in the order of the path.
        closed: whether the path returns to its first point.
        joined: whether there is a path.
    """

    name: str
    point_indices: tuple[int, ...]
    closed: bool = False
    joined: bool = True

    @property
    def segments(self) -> tuple[tuple[int, int], ...]:
        """Pairs of point indices that the path joins; a single point is joined to itself."""
        if not self.joined:
            return ()
        points = self.point_indices
        ends = points[1:] + points[:1] if self.closed else points[1:]
        return tuple(zip(points, ends, strict=False)) or ((points[0], points[0]),)


@dataclass(frozen=True)
class Scheme:
    """The meaning of a set of landmarks.

    Args:
        name: of the scheme.
        groups: every point belongs to exactly one.
        mirror: for each point the index of the point that it becomes in a mirrored face, an involution; None if it is
            unknown.
        eyes: point indices of both eyes, whose means are the eye centres. Their distance normalises the NME; None if
            there are no eyes, and so no NME.
        selections: named subsets of the points, for a network to predict or a table to report.

    Raises:
        ConfigError: if the groups do not cover the points once each, or the mirror map is no involution.
    """

    name: str
    groups: tuple[Group, ...]
    mirror: tuple[int, ...] | None
    eyes: tuple[tuple[int, ...], tuple[int, ...]] | None
    selections: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        covered = sorted(point for group in self.groups for point in group.point_indices)
        mirror = range(len(covered)) if self.mirror is None else self.mirror
        if covered != list(range(len(mirror))):
            raise ConfigError(f"scheme {self.name}: the groups must hold each of the {len(mirror)} points once")
        for point, other in enumerate(mirror):
            if not 0 <= other < len(mirror) or mirror[other] != point:
                raise ConfigError(f"scheme {self.name}: mirror twice must be the identity, but point {point} is not")

    @classmethod
    def unknown(cls, num_points: int) -> Scheme:
        """A scheme of points without a known meaning: no lines between them, no mirror, no NME."""
        return cls("none", (Group("all", tuple(range(num_points)), joined=False),), mirror=None, eyes=None)

    def __len__(self) -> int:
        """Number of points."""
        return sum(len(group.point_indices) for group in self.groups)

    @property
    def names(self) -> list[str]:
        """A name for each point: of the selection that is this point alone, or its group with its place therein."""
        alone = {points[0]: name for name, points in self.selections.items() if len(points) == 1}
        placed = {point: f"{group.name}_{i}" for group in self.groups for i, point in enumerate(group.point_indices)}
        return [alone.get(point, placed[point]) for point in range(len(self))]

    def select(self, selection: str) -> tuple[int, ...]:
        """Indices of the points of a selection, a group, or ``all``.

        Raises:
            ConfigError: if the scheme has no selection of that name.
        """
        groups = {group.name: group.point_indices for group in self.groups}
        named = {"all": tuple(range(len(self))), **groups, **self.selections}
        if selection not in named:
            raise ConfigError(
                f"the points of the data, of scheme {self.name}, have no selection {selection!r}; choose model=full or "
                f"model=heatmap, which predict all points, or set model.selection to one of {', '.join(named)}"
            )
        return named[selection]

    def points_of(self, group: str | None) -> tuple[int, ...]:
        """Indices of the points of a group; none if the scheme has no such group."""
        return next((each.point_indices for each in self.groups if each.name == group), ())

    def within(self, points: Sequence[int]) -> Scheme:
        """The scheme of some of the points, which get new indices in their order.

        Groups with points that are left out are left out, too: their other points become groups without a path. There
        is no mirror map if it leads to a point that is left out.
        """
        place = {point: i for i, point in enumerate(points)}
        whole = [group for group in self.groups if place.keys() >= set(group.point_indices)]
        grouped = {point for group in whole for point in group.point_indices}
        groups = [replace(group, point_indices=tuple(place[point] for point in group.point_indices)) for group in whole]
        groups += [Group(self.names[point], (place[point],), joined=False) for point in points if point not in grouped]
        mirror = [self.mirror[point] for point in points] if self.mirror else []
        swapped = tuple(place[point] for point in mirror) if mirror and place.keys() >= set(mirror) else None
        return Scheme(self.name, tuple(groups), swapped, eyes=None)

    def group_of(self, point: int) -> Group:
        """The group of a point."""
        return next(group for group in self.groups if point in group.point_indices)


def _run(first: int, last: int) -> tuple[int, ...]:
    return tuple(range(first, last + 1))


DANES = Scheme(
    name="danes",
    groups=(
        Group("jaw", _run(0, 12)),
        Group("right_eye", _run(13, 20), closed=True),
        Group("left_eye", _run(21, 28), closed=True),
        Group("right_brow", _run(29, 33)),
        Group("left_brow", _run(34, 38)),
        Group("mouth", _run(39, 46), closed=True),
        Group("nose", _run(47, 57)),
    ),
    mirror=(
        *(*range(12, -1, -1), *_run(21, 28), *_run(13, 20), *_run(34, 38), *_run(29, 33)),
        *(*range(43, 38, -1), *range(46, 43, -1), *range(57, 46, -1)),
    ),
    eyes=(_run(13, 20), _run(21, 28)),
    selections={"inner": _run(13, 57), "nose_tip": (52,)},
)
"""The 58 points of the IMM Face Database (Nordstrøm et al., 2004); right and left are the image's.

Each eye starts at its outer corner, each brow at its inner end, the mouth at its image-left corner. ``nose_tip`` is
what the course work calls the tip of the nose, in fact its bottom centre; ``inner`` is all points but the jaw, whose
points slide along the contour.
"""
