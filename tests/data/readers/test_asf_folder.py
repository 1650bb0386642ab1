import numpy as np
import pytest

from facekp.data.augmentation import Augmentation
from facekp.data.readers.asf import AsfFolderReader, write_asf
from facekp.landmarks.scheme import Scheme
from facekp.utils.errors import ConfigError, DataError
from tests.data.readers.folders import draw

SIZES = {"anna_1": (120, 90), "anna_2": (90, 120), "bert_1": (64, 64), "more/7-1": (200, 50)}
PAIRED = {"points": 4, "mirror": [[0, 1]], "eyes": [0, 1]}


@pytest.fixture
def points() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.uniform(0.1, 0.9, (4, 2)).astype(np.float32) for name in SIZES}


@pytest.fixture
def folder(tmp_path, points):
    for name, size in SIZES.items():
        draw(tmp_path / f"{name}.png", size, points[name] * size)
        write_asf(tmp_path / f"{name}.asf", points[name], f"{name}.png", Scheme.unknown(4))
    (tmp_path / "notes.txt").write_text("other files are left alone")
    (tmp_path / "._anna_1.asf").write_text("so are hidden ones")
    return tmp_path


def test_reads_any_number_of_points_and_folders_inside_the_folder(folder, points):
    reader = AsfFolderReader()
    records = reader.read(folder)
    assert {record.name: record.image_size for record in records} == SIZES
    assert [record.person for record in records] == [1, 2, 3, 4]
    assert {(record.sex, record.image_type, record.turned) for record in records} == {(None, None, False)}
    for record in records:
        assert record.keypoints.dtype == np.float32
        np.testing.assert_allclose(record.keypoints, points[record.name], atol=1e-7)
    assert (reader.scheme.name, len(reader.scheme), reader.scheme.mirror) == ("none", 4, None)


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        (None, [1, 2, 3, 4]),
        (r"(\w+)[_-]\d", [2, 2, 3, 1]),  # 7, anna, bert
        (r"(\d)$", [1, 2, 1, 1]),
        (r"^.", [1, 1, 2, 3]),
    ],
)
def test_people_are_found_in_names(folder, person, expected):
    assert [record.person for record in AsfFolderReader(person=person).read(folder)] == expected


def test_a_name_without_a_person_is_told(folder):
    with pytest.raises(DataError, match=r"bert_1\.png: data\.reader\.person=anna finds no person"):
        AsfFolderReader(person="anna").read(folder)
    with pytest.raises(ConfigError, match=r"data\.reader\.person=\( is no regular expression"):
        AsfFolderReader(person="(")
    for endless in ("(a+)+$", ".*.*.*.*x"):
        with pytest.raises(ConfigError, match="which can take for ever; make it simpler"):
            AsfFolderReader(person=endless)


def test_the_mirror_map_of_a_given_scheme_moves_the_points(folder, points):
    reader = AsfFolderReader(scheme=PAIRED)
    record = reader.read(folder)[0]
    augmentation = Augmentation([], reader.scheme, mirror=1.0)
    _, mirrored = augmentation(np.zeros((90, 120), np.uint8), record.keypoints, (0, 0))
    expected = points["anna_1"][[1, 0, 2, 3]] * (-1, 1) + (1, 0)
    np.testing.assert_allclose(mirrored, expected, atol=1e-5)


def test_without_a_mirror_map_mirroring_is_refused(folder):
    reader = AsfFolderReader()
    reader.read(folder)
    Augmentation([], reader.scheme)
    with pytest.raises(
        ConfigError, match=r"augment\.mirror=0\.5 is not possible: scheme none .* set augment\.mirror=0"
    ):
        Augmentation([], reader.scheme, mirror=0.5)


def spoil_other_count(folder):
    write_asf(folder / "bert_1.asf", np.full((3, 2), 0.5), "bert_1.png", Scheme.unknown(3))
    return r"bert_1\.asf holds 3 points instead of 4"


def spoil_pair(folder):
    (folder / "anna_2.asf").unlink()
    return r"anna_2 has no \.asf file"


def spoil_other_half(folder):
    (folder / "more" / "7-1.png").unlink()
    return "more/7-1 has no image"


def spoil_two_images(folder):
    draw(folder / "anna_1.jpg", (8, 8), np.zeros((0, 2)))
    return r"anna_1\.jpg and anna_1\.png share one name"


def spoil_units(folder):
    write_asf(folder / "anna_1.asf", np.full((4, 2), 55.0), "anna_1.png", Scheme.unknown(4))
    return r"anna_1\.asf: point 0 lies too far outside the image, at \(55\.000, 55\.000\) of its size"


def spoil_everything(folder):
    for path in folder.rglob("*.*"):
        path.unlink()
    return "holds no annotated face"


@pytest.mark.parametrize("spoil", [value for name, value in globals().items() if name.startswith("spoil_")])
def test_each_fault_is_one_sentence_that_names_the_file(folder, spoil):
    message = spoil(folder)
    with pytest.raises(DataError, match=message) as caught:
        AsfFolderReader().read(folder)
    assert "\n" not in str(caught.value)


def test_a_scheme_must_have_the_points_of_the_files(folder):
    with pytest.raises(DataError, match=r"anna_1\.asf holds 4 points instead of 68; .* data\.reader\.scheme"):
        AsfFolderReader(scheme="ibug68").read(folder)


def test_mending_is_for_the_danes(folder):
    with pytest.raises(ConfigError, match=r"data\.labels=mended is for the Danes set; set data\.labels=raw"):
        AsfFolderReader().read(folder, "mended")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone does not exist; set data\.root"):
        AsfFolderReader().read(tmp_path / "gone")


@pytest.mark.danes
def test_the_danes_are_read_as_any_other_folder(danes_root):
    from facekp.data.readers.danes import DanesReader

    reader = AsfFolderReader(person=r"^(\d+)-")
    anybody, danes = reader.read(danes_root), DanesReader().read(danes_root, "raw")
    assert len(reader.scheme) == 58
    for one, other in zip(anybody, danes, strict=True):
        assert (one.name, one.person, one.image_size) == (other.name, other.person, other.image_size)
        np.testing.assert_array_equal(one.keypoints, other.keypoints)
