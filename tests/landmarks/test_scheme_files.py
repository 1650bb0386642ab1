import pytest
from omegaconf import OmegaConf

from facekp.landmarks.scheme import Group, Scheme
from facekp.landmarks.scheme_files import SCHEMES, load_scheme
from facekp.utils.errors import ConfigError

GOOD = {
    "points": 10,
    "groups": {
        "right_eye": {"points": "0-3", "closed": True},
        "left_eye": {"points": [4, "5-7"], "closed": True},
        "mouth": {"points": "9-8"},
    },
    "mirror": [["0-3", "7-4"]],
    "eyes": ["0-3", "4-7"],
    "selections": {"corners": [0, 4], "lip": 9},
}


def test_a_scheme_is_what_its_mapping_says():
    scheme = load_scheme(GOOD)
    assert scheme.groups == (
        Group("right_eye", (0, 1, 2, 3), closed=True),
        Group("left_eye", (4, 5, 6, 7), closed=True),
        Group("mouth", (9, 8)),
    )
    assert scheme.mirror == (7, 6, 5, 4, 3, 2, 1, 0, 8, 9)
    assert scheme.eyes == ((0, 1, 2, 3), (4, 5, 6, 7))
    assert (scheme.select("corners"), scheme.select("lip"), len(scheme)) == ((0, 4), (9,), 10)


def test_a_scheme_is_the_same_from_a_file(tmp_path):
    path = tmp_path / "ten.yaml"
    OmegaConf.save(OmegaConf.create(GOOD), path)
    scheme = load_scheme(str(path))
    assert scheme.name == "ten"
    assert vars(scheme) == vars(load_scheme(GOOD)) | {"name": "ten"}


@pytest.mark.parametrize("missing", [{}, {"mirror": "none", "eyes": "none"}, {"mirror": None, "eyes": None}])
def test_a_scheme_may_know_nothing_but_the_number_of_its_points(missing):
    scheme = load_scheme({"points": 3, **missing})
    assert vars(scheme) == vars(Scheme.unknown(3)) | {"name": "inline"}
    assert load_scheme("none") is None


def test_an_empty_mirror_map_leaves_every_point_in_its_place():
    assert load_scheme({"points": 3, "mirror": []}).mirror == (0, 1, 2)


@pytest.mark.parametrize("name", sorted(path.stem for path in SCHEMES.glob("*.yaml")))
def test_shipped_schemes_are_sound(name):
    scheme = load_scheme(name)
    assert scheme.name == name
    assert [scheme.mirror[other] for other in scheme.mirror] == list(range(len(scheme)))
    paths = {frozenset(map(frozenset, group.segments)) for group in scheme.groups}
    for path in paths:  # a mirror maps each path to a path
        assert frozenset(frozenset(scheme.mirror[point] for point in segment) for segment in path) in paths
    one, other = scheme.eyes
    assert {scheme.mirror[point] for point in one} == set(other)


@pytest.mark.parametrize(
    ("point", "mirrored"),
    [
        *((0, 16), (8, 8), (17, 26), (21, 22), (27, 27), (30, 30), (31, 35), (33, 33), (36, 45), (39, 42), (40, 47)),
        *((41, 46), (48, 54), (51, 51), (55, 59), (57, 57), (60, 64), (62, 62), (65, 67), (66, 66)),
    ],
)
def test_ibug68_has_the_known_mirror_map(point, mirrored):
    scheme = load_scheme("ibug68")
    assert len(scheme) == 68
    assert (scheme.mirror[point], scheme.mirror[mirrored]) == (mirrored, point)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("point", 10, r"has a key point, which means nothing \(did you mean points\?\)"),
        ("points", "ten", "points is not a whole number"),
        ("points", 0, "points is 0 instead of the number of points"),
        ("points", 9, r"mouth must be points from 0 to 8, each once"),
        ("points", 11, "the groups must hold each of the 11 points once"),
        ("groups", [1], "groups is not a mapping"),
        ("groups", {"a": {"points": "0-9"}, "b": {"points": 4}}, "the groups must hold each of the 10 points once"),
        ("groups", {"a": {"points": [*range(10), 3]}}, "a must be points from 0 to 9, each once"),
        ("groups", {"a": {"points": "0-9", "close": True}}, r"a has a key close, .* \(did you mean closed\?"),
        ("groups", {"a": {"points": "0-9", "closed": "yes"}}, "closed is not true or false"),
        ("groups", {"a": {"points": "0..9"}}, r"a must be points .*, as in \[0-7, 9\], not 0"),
        ("groups", {"a": {}}, "has no points"),
        ("groups", {"a": "0-9"}, "an entry of groups is not a mapping"),
        ("groups", {"all": {"points": "0-9"}}, "the name all means every point"),
        ("mirror", [["0-3", "4-8"]], "mirror has 4 points on one side and 5 on the other"),
        ("mirror", [["0-3", "4-7"], [3, 8]], "mirror twice must be the identity"),
        ("mirror", [["0-3", "1-4"]], "mirror twice must be the identity"),
        ("mirror", [["0-3"]], r"mirror needs two sides such as \[0-3, 4-7\]"),
        ("mirror", [[-1, 3]], "mirror must be points from 0 to 9"),
        ("mirror", "yes", "mirror needs two sides"),
        ("eyes", ["0-3"], "eyes needs two sides"),
        ("eyes", [[], "0-3"], "eyes must be points from 0 to 9"),
        ("selections", {"far": [10]}, "far must be points from 0 to 9"),
        ("selections", "far", "selections is not a mapping"),
    ],
)
def test_a_mistake_is_one_sentence_that_names_the_file(tmp_path, key, value, message):
    path = tmp_path / "mine.yaml"
    OmegaConf.save(OmegaConf.create(GOOD | {key: value}), path)
    with pytest.raises(ConfigError, match=message) as caught:
        load_scheme(str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_the_groups_hold_all_the_points_without_a_mirror_map_too():
    with pytest.raises(ConfigError, match="the groups hold 2 of 3 points"):
        load_scheme({"points": 3, "groups": {"a": {"points": "0-1"}}})


@pytest.mark.parametrize("text", ["points: [", "points: 3\npoints: 4\n", "points: ${oops}", "a: b: c", "\0"])
def test_what_is_no_yaml_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"odd\.yaml is not YAML that can be read") as caught:
        load_scheme(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["- 1", "", "text"])
def test_yaml_of_something_else_is_refused(tmp_path, text):
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"odd\.yaml: it is not a mapping"):
        load_scheme(str(path))


def test_a_scheme_that_is_not_there_is_named_with_those_that_are(tmp_path):
    with pytest.raises(ConfigError, match=r"no scheme ibug86 \(did you mean ibug68\?\); choose one of none, ibug68"):
        load_scheme("ibug86")
    with pytest.raises(ConfigError, match=r"gone\.yaml cannot be read"):
        load_scheme(str(tmp_path / "gone.yaml"))
