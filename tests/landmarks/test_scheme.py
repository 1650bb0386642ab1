import pytest

from facekp.landmarks.scheme import DANES, Group, Scheme
from facekp.utils.errors import ConfigError


def test_danes_scheme_has_the_documented_points():
    assert len(DANES) == 58
    assert {group.name: len(group.point_indices) for group in DANES.groups} == {
        "jaw": 13,
        "right_eye": 8,
        "left_eye": 8,
        "right_brow": 5,
        "left_brow": 5,
        "mouth": 8,
        "nose": 11,
    }
    assert DANES.select("nose_tip") == (52,)
    assert len(DANES.select("inner")) == 45


@pytest.mark.parametrize(
    ("point", "mirrored"),
    [(0, 12), (6, 6), (13, 21), (20, 28), (29, 34), (39, 43), (41, 41), (44, 46), (47, 57), (52, 52)],
)
def test_danes_mirror_map_follows_its_definition(point: int, mirrored: int):
    assert DANES.mirror[point] == mirrored
    assert DANES.mirror[mirrored] == point


def test_mirror_keeps_groups_together():
    for group in DANES.groups:
        mirrored = {DANES.group_of(DANES.mirror[point]).name for point in group.point_indices}
        assert mirrored == {group.name.replace("right", "x").replace("left", "right").replace("x", "left")}


def test_segments_follow_open_and_closed_paths():
    assert Group("line", (3, 4, 5)).segments == ((3, 4), (4, 5))
    assert Group("ring", (3, 4, 5), closed=True).segments == ((3, 4), (4, 5), (5, 3))
    assert Group("dot", (7,)).segments == ((7, 7),)


def test_unknown_selection_names_those_there_are():
    with pytest.raises(ConfigError, match=r"no selection 'ear'.*nose_tip"):
        DANES.select("ear")


@pytest.mark.parametrize(
    ("groups", "mirror", "message"),
    [
        ((Group("a", (0, 1)),), (0, 1, 2), "each of the 3 points once"),
        ((Group("a", (0, 1, 1)),), (0, 1, 2), "each of the 3 points once"),
        ((Group("a", (0, 1, 2)),), (1, 2, 0), "mirror twice must be the identity"),
    ],
)
def test_a_scheme_that_contradicts_itself_is_refused(groups, mirror, message):
    with pytest.raises(ConfigError, match=message):
        Scheme("odd", groups, mirror, ((0,), (1,)))


def test_points_of_which_nothing_is_known_are_joined_by_nothing():
    scheme = Scheme.unknown(3)
    assert (len(scheme), scheme.mirror, scheme.eyes) == (3, None, None)
    assert (scheme.select("all"), scheme.group_of(2).segments) == ((0, 1, 2), ())


def test_a_part_of_a_scheme_has_indices_of_its_own():
    part = DANES.within([*range(13, 29), 52, 0])
    assert [group.name for group in part.groups] == ["right_eye", "left_eye", "nose_tip", "jaw_0"]
    assert part.groups[1].point_indices == tuple(range(8, 16))
    assert part.groups[1].closed
    assert part.mirror is None  # that of point 0 is left out
    assert DANES.within(range(13, 29)).mirror == (*range(8, 16), *range(8))
    assert DANES.within(range(58)).groups == DANES.groups
    assert part.points_of("left_eye") == tuple(range(8, 16))
    assert part.points_of("jaw") == part.points_of(None) == ()
