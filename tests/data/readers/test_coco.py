import json
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facekp.data.augmentation import Augmentation
from facekp.data.images import load_grey
from facekp.data.readers.coco import CocoReader, read_coco, scheme_of_names
from facekp.landmarks.scheme_files import describe_scheme, parse_scheme
from facekp.utils.errors import ConfigError, DataError
from tests.data.readers.folders import coco, draw, read_or_refused, write_coco

NAMES = ("nose", "left_eye", "right_eye")
SIZE = (40, 30)
A, B = [20, 15, 2, 25, 9, 2, 12, 10, 1], [10, 8, 2, 13, 5, 2, 8, 5, 2]


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "images").mkdir()
    for name, points in (("a.png", A), ("b.png", B)):
        draw(tmp_path / "images" / name, SIZE, np.array(points).reshape(-1, 3)[:, :2])
    return tmp_path / "images"


def reader(root: Path, content, **settings) -> CocoReader:
    return CocoReader(str(write_coco(root.parent / "faces.json", content)), **settings)


def test_reads_points_at_the_centres_of_their_pixels(root):
    used = reader(root, coco(NAMES, [("b.png", SIZE, B), ("a.png", SIZE, A)]))
    records = used.read(root)
    assert [(record.name, record.person, record.image_size) for record in records] == [
        ("a.png", 1, SIZE),
        ("b.png", 2, SIZE),
    ]
    for record in records:
        columns, rows = (record.keypoints * SIZE).astype(int).T
        assert (load_grey(record.image, SIZE)[rows, columns] == 255).all()
    np.testing.assert_allclose(records[0].keypoints[0], (20.5 / 40, 15.5 / 30))


def test_names_give_groups_mirror_and_eyes(root):
    used = reader(root, coco(NAMES, [("a.png", SIZE, A)]))
    (record,) = used.read(root)
    assert [group.name for group in used.scheme.groups] == list(NAMES)
    assert used.scheme.select("right_eye") == (2,)
    assert parse_scheme(describe_scheme(used.scheme), "checkpoint") == used.scheme
    assert (used.scheme.mirror, used.scheme.eyes) == ((0, 2, 1), ((1,), (2,)))
    _, mirrored = Augmentation([], used.scheme, mirror=1.0)(np.zeros((30, 40), np.uint8), record.keypoints, (0, 0))
    np.testing.assert_allclose(mirrored, record.keypoints[[0, 2, 1]] * (-1, 1) + (1, 0), atol=1e-6)


@pytest.mark.parametrize(
    ("names", "mirror"),
    [
        (("nose", "chin"), None),
        (("left_eye", "nose"), None),
        (("upper_left_lip", "upper_right_lip", "cleft_chin"), (1, 0, 2)),
        (("left_right", "right_right"), (1, 0)),
        (("left", "right", "left"), None),
        (("left", "right", "all"), None),
    ],
)
def test_a_mirror_map_needs_names_that_tell_one(names, mirror):
    assert scheme_of_names(names).mirror == mirror


def test_another_scheme_can_be_given(root):
    content = coco(NAMES, [("a.png", SIZE, A)])
    used = reader(root, content, scheme="none")
    used.read(root)
    assert (used.scheme.mirror, used.scheme.eyes) == (None, None)
    with pytest.raises(DataError, match=r"annotations\[0\] holds 3 points instead of 68"):
        reader(root, content, scheme="ibug68").read(root)


def test_of_several_faces_the_largest_is_taken_and_the_others_are_counted(root, capsys):
    small = [5, 5, 2, 6, 4, 2, 4, 4, 2]
    faces = [("a.png", SIZE, small), ("a.png", SIZE, A), ("a.png", SIZE, small), ("b.png", SIZE, B)]
    records = reader(root, coco(NAMES, faces)).read(root)
    assert len(records) == 2
    np.testing.assert_allclose(records[0].keypoints[1], (25.5 / 40, 9.5 / 30))
    assert capsys.readouterr().out.endswith("faces.json: 2 smaller faces of images with several\n")


def test_a_face_without_all_its_labels_is_left_out_and_counted(root, capsys):
    unlabelled = [20, 15, 2, 0, 0, 0, 12, 10, 2]
    records = reader(root, coco(NAMES, [("a.png", SIZE, unlabelled), ("b.png", SIZE, B)])).read(root)
    assert [record.name for record in records] == ["b.png"]
    assert "1 images whose face has points without a label (v = 0)" in capsys.readouterr().out
    with pytest.raises(DataError, match=r"no face has all its points labelled \(v > 0\)"):
        reader(root, coco(NAMES, [("a.png", SIZE, unlabelled)])).read(root)


def spoil_size(content):
    content["images"][0]["width"] = 80
    return r"a\.png is 40x30, but .*annotations\[0\] was made at 80x30"


def spoil_file(content):
    content["images"][0]["file_name"] = "gone.png"
    return r"annotations\[0\]: the image 'gone\.png' is not in"


def spoil_file_name(content):
    content["images"][0]["file_name"] = "a\0\ud800.png"
    return r"the image 'a\\x00\\ud800\.png' is not in"


def spoil_long_name(content):
    content["images"][0]["file_name"] = "a" * 5000
    return "is not in"


def spoil_image(content):
    content["annotations"][0]["image_id"] = 99
    return r"annotations\[0\]: there is no image '99'"


def spoil_length(content):
    content["annotations"][0]["keypoints"].pop()
    return r"keypoints has 8 numbers instead of 3 for each of 3 points"


def spoil_number(content):
    content["annotations"][0]["keypoints"][4] = "9"
    return "something that is not a finite number"


def spoil_nan(content):
    content["annotations"][0]["keypoints"][4] = float("nan")
    return "something that is not a finite number"


def spoil_huge(content):
    content["annotations"][0]["keypoints"][4] = 10**400
    return "something that is not a finite number"


def spoil_categories(content):
    content["categories"] *= 2
    return "has 2 categories with keypoints"


def spoil_no_names(content):
    del content["categories"][0]["keypoints"]
    return "has 0 categories with keypoints"


def spoil_empty_names(content):
    content["categories"][0]["keypoints"] = []
    return "has 0 categories with keypoints"


def spoil_list(content):
    del content["images"]
    return "holds no list of images"


def spoil_entry(content):
    content["images"][0] = 7
    return "holds no list of images"


def spoil_id(content):
    content["images"][0]["id"] = [1]
    return r"images\[0\]: id is missing, or of the wrong kind"


@pytest.mark.parametrize("spoil", [value for name, value in globals().items() if name.startswith("spoil_")])
def test_each_fault_is_one_sentence_that_names_the_entry(root, spoil):
    content = coco(NAMES, [("a.png", SIZE, A[:])])
    message = spoil(content)
    with pytest.raises(DataError, match=message) as caught:
        reader(root, content).read(root)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is not JSON that can be read"),
        (b"\xff\xfe\x00", "is not JSON that can be read"),
        (b"[" * 1_000_000, "is not JSON that can be read"),
        (b"9" * 5000, "is not JSON that can be read"),
        (b"[]", "holds no list of images"),
    ],
)
def test_what_is_no_coco_file_is_refused(tmp_path, raw, message):
    path = tmp_path / "odd.json"
    path.write_bytes(raw)
    with pytest.raises(DataError, match=rf"odd\.json {message}"):
        read_coco(path, tmp_path)


def test_the_file_must_be_given_and_there(tmp_path):
    with pytest.raises(ConfigError, match=r"data\.reader\.annotations must be given"):
        CocoReader()
    with pytest.raises(DataError, match=r"gone\.json cannot be read .* set data\.reader\.annotations"):
        CocoReader(str(tmp_path / "gone.json")).read(tmp_path)


def test_other_annotations_in_the_file_are_passed_over(root):
    content = coco(NAMES, [("a.png", SIZE, A)])
    content["categories"].append({"id": 2, "name": "box"})
    content["annotations"] += [
        {"image_id": 10, "category_id": 2, "keypoints": [1, 2]},
        {"image_id": 10, "category_id": 1},
    ]
    assert len(reader(root, content).read(root)) == 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.data())
def test_a_spoilt_file_is_read_or_refused_in_one_line(tmp_path_factory, data):
    content = deepcopy(coco(NAMES, [("a.png", SIZE, A[:]), ("b.png", SIZE, B[:])]))
    part = data.draw(st.sampled_from(["images", "annotations", "categories"]))
    entry = data.draw(st.sampled_from(content[part]))
    entry[data.draw(st.sampled_from(sorted(entry)))] = data.draw(VALUES)
    path = tmp_path_factory.getbasetemp() / "spoilt.json"
    path.write_text(json.dumps(content))
    names, faces = read_or_refused(lambda path: read_coco(path, path.parent), path) or ((), [])
    for face in faces:
        assert face.points_px.shape == (len(names), 3)
        assert np.isfinite(face.points_px).all()
