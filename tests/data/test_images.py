import numpy as np
import pytest
from PIL import ExifTags, Image

from facekp.data.images import load_grey, load_image, read_image_size
from facekp.utils.errors import DataError


@pytest.fixture
def photograph(tmp_path):
    rows, columns = np.mgrid[:480, :640]
    path = tmp_path / "ramp.jpg"
    Image.fromarray(((rows / 480 + columns / 640) * 127).astype(np.uint8)).convert("RGB").save(path, quality=95)
    return path


@pytest.mark.parametrize("size", [(640, 480), (320, 240), (160, 120), (80, 60), (100, 75)])
def test_the_wanted_size_shows_the_same_picture(photograph, size):
    grey = load_grey(photograph, size)
    assert grey.shape == (size[1], size[0])
    assert grey.dtype == np.uint8
    rows, columns = np.mgrid[: size[1], : size[0]]
    expected = ((rows + 0.5) / size[1] + (columns + 0.5) / size[0]) * 127
    assert np.abs(grey - expected).mean() < 2


def test_other_proportions_are_kept_between_bars(tmp_path):
    path = tmp_path / "tall.png"
    Image.new("L", (300, 600), 200).save(path)
    grey = load_grey(path, (160, 120))
    assert (grey[:, 50:110] == 200).all()
    assert (grey[:, :50] == 0).all()
    assert (grey[:, 110:] == 0).all()
    assert read_image_size(path) == (300, 600)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_photograph_cut_short_is_refused(photograph, tmp_path, share):
    cut = tmp_path / "cut.jpg"
    content = photograph.read_bytes()
    cut.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"cut\.jpg is damaged or cut short"):
        load_grey(cut, (160, 120))


@pytest.mark.parametrize("content", [b"", b"text", b"\xff\xd8\xff"])
def test_what_is_no_image_is_refused(tmp_path, content):
    path = tmp_path / "odd.jpg"
    path.write_bytes(content)
    for use in (read_image_size, lambda path: load_grey(path, (160, 120))):
        with pytest.raises(DataError, match=r"odd\.jpg .*replace it"):
            use(path)


def test_a_missing_image_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.jpg cannot be opened"):
        load_grey(tmp_path / "gone.jpg", (160, 120))


STORED_AS = {  # what a camera does with the upright picture, by the orientation that it then writes
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", STORED_AS)
def test_a_photograph_is_upright_whatever_its_orientation(tmp_path, suffix, orientation):
    rows, columns = np.mgrid[:320, :480]
    upright = Image.fromarray((columns / 4 + rows / 3).astype(np.uint8)).convert("RGB")
    stored = upright if STORED_AS[orientation] is None else upright.transpose(STORED_AS[orientation])
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / f"face.{suffix}"
    stored.save(path, exif=exif, **({"quality": 95} if suffix in ("jpg", "webp") else {}))

    assert read_image_size(path) == (480, 320)
    for size in ((480, 320), (60, 40)):  # the second is decoded at an eighth
        expected = np.asarray(upright.convert("L").resize(size, Image.Resampling.BOX), int)
        assert np.abs(load_grey(path, size) - expected).max() <= 4
    whole = load_image(path, "RGB")
    assert np.abs(whole - np.asarray(upright, int)).max() <= 6


def test_a_portrait_from_a_phone_lies_between_bars_at_its_sides(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("L", (400, 300), 200).save(tmp_path / "portrait.jpg", exif=exif)
    grey = load_grey(tmp_path / "portrait.jpg", (160, 120))
    assert (grey[:, :30] == 0).all()
    assert (grey[:, 36:124] > 190).all()


def test_damaged_exif_data_tell_nothing(tmp_path):
    Image.new("L", (40, 30), 200).save(tmp_path / "face.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert read_image_size(tmp_path / "face.jpg") == (40, 30)
    assert load_grey(tmp_path / "face.jpg", (40, 30)).shape == (30, 40)
