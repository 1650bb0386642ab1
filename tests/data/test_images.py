import numpy as np
import pytest
from PIL import Image

from facekp.data.images import load_grey, read_image_size
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
