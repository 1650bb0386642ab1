import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facekp.data.readers.asf import read_asf, write_asf
from facekp.data.readers.danes import DanesReader, mend, swapped_eyes
from facekp.landmarks.scheme import DANES
from facekp.utils.errors import DataError

FROM_THE_INNER_CORNER = [4, 3, 2, 1, 0, 7, 6, 5]


@pytest.fixture
def folder(drawn_root, tmp_path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(drawn_root, tmp_path / "faces"))


def read(folder: Path, labels: str = "raw"):
    return DanesReader().read(folder, labels)


def test_indexes_every_photograph_with_what_its_name_tells(folder):
    records = read(folder)
    assert [record.name for record in records] == sorted(path.stem for path in folder.glob("*.jpg"))
    assert Counter(record.person for record in records) == dict.fromkeys((1, 2, 3, 4), 6)
    assert Counter(record.image_type for record in records) == dict.fromkeys(range(1, 7), 4)
    assert {record.sex for record in records} <= {"m", "f"}
    assert {record.name.split("-")[1][0] for record in records if record.turned} == {"3", "4"}
    for record in records:
        assert record.image_size == (640, 480)
        np.testing.assert_array_equal(record.keypoints, read_asf(folder / f"{record.name}.asf"))


def spoil_missing_image(folder):
    next(iter(sorted(folder.glob("*.jpg")))).unlink()
    return r"01-1\w has no image"


def spoil_missing_annotation(folder):
    next(iter(sorted(folder.glob("*.asf")))).unlink()
    return r"01-1\w has no \.asf file"


def spoil_name(folder):
    for half in sorted(folder.glob("01-1*")):
        half.rename(half.with_stem("holiday"))
    return r"holiday\.jpg: the name does not follow PP-Ts\.jpg"


def spoil_count(folder):
    path = min(folder.glob("*.asf"))
    lines = [line for line in path.read_text().splitlines() if line.split()[4:5] != ["57"]]
    path.write_text("\n".join("57" if line.strip() == "58" else line for line in lines))
    return r"01-1\w\.asf holds 57 points instead of 58"


def spoil_position(folder):
    path = min(folder.glob("*.asf"))
    keypoints = read_asf(path)
    keypoints[7] = 0.5, 1.02
    write_asf(path, keypoints, path.with_suffix(".jpg").name, DANES)
    return r"01-1\w\.asf: point 7 lies too far outside the image, at \(0\.500, 1\.020\)"


def spoil_image(folder):
    min(folder.glob("*.jpg")).write_text("not a photograph")
    return r"01-1\w\.jpg is not an image"


def spoil_everything(folder):
    for path in folder.iterdir():
        path.unlink()
    return r"faces holds no annotated face"


def spoil_folder(folder):
    shutil.rmtree(folder)
    return "faces does not exist"


@pytest.mark.parametrize("spoil", [value for name, value in globals().items() if name.startswith("spoil_")])
def test_each_fault_is_one_sentence_that_names_the_file(folder, spoil):
    message = spoil(folder)
    with pytest.raises(DataError, match=message) as caught:
        read(folder)
    assert "\n" not in str(caught.value)


def test_images_of_another_size_are_indexed_with_their_size(folder):
    path = min(folder.glob("*.jpg"))
    Image.new("L", (320, 240)).save(path)
    assert read(folder)[0].image_size == (320, 240)


def test_faces_in_order_are_left_alone(drawn_records):
    for record in drawn_records:
        assert swapped_eyes(record.keypoints) == []
        assert mend(record) is record


@pytest.mark.parametrize("eyes", [DANES.eyes[:1], DANES.eyes[1:], DANES.eyes])
def test_eyes_listed_from_the_inner_corner_are_found_and_mended(drawn_records, eyes):
    for record in drawn_records:
        keypoints = record.keypoints.copy()
        for eye in eyes:
            keypoints[list(eye)] = keypoints[[eye[i] for i in FROM_THE_INNER_CORNER]]
        assert swapped_eyes(keypoints) == list(eyes)
        np.testing.assert_array_equal(mend(replace(record, keypoints=keypoints)).keypoints, record.keypoints)


@pytest.mark.danes
def test_real_set_has_the_documented_people_types_and_points(danes_root):
    records = read(danes_root)
    assert len(records) == 240
    assert Counter(record.person for record in records) == dict.fromkeys(range(1, 41), 6)
    assert {record.person for record in records if record.sex == "f"} == {8, 12, 14, 15, 22, 30, 35}
    assert {record.image_size for record in records} == {(640, 480)}


@pytest.mark.danes
def test_real_set_is_mended_in_the_nine_known_images_and_nowhere_else(danes_root):
    raw, mended = read(danes_root), read(danes_root, "mended")
    changed = {
        a.name: a.keypoints != b.keypoints
        for a, b in zip(raw, mended, strict=True)
        if (a.keypoints != b.keypoints).any()
    }
    left, right = ["10-4m", "18-4m", "33-3m", "36-4m", "36-5m", "36-6m", "39-3m", "40-5m"], ["06-5m"]
    assert sorted(changed) == sorted(left + right)
    for name, points in changed.items():
        eye = DANES.eyes[1] if name in left else DANES.eyes[0]
        assert set(np.flatnonzero(points.any(1))) <= set(eye)
