"""The ASF reader against whatever a file may hold: a correct shape or one line that says what is wrong."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from facekp.data.readers.asf import read_asf, write_asf
from facekp.landmarks.scheme import DANES, Scheme
from facekp.landmarks.scheme_files import load_scheme
from facekp.utils.errors import DataError
from tests.data.readers.folders import read_or_refused

SCHEMES = (DANES, load_scheme("ibug68"), Scheme.unknown(1), Scheme.unknown(200))
ODD_WORDS = (
    *("nan", "-inf", "1e999", "1e300", "-1", "0", "99999999999999999999", "9" * 5000, "1_0", "٣", "²", "0x10", "1e5"),
    *("\0", "\x85", "\u2028", "#", "", "\t", "é", "1,5", "--", "+3", "58.0", "True", "[1]"),
)


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    """Where each test writes its annotation."""
    return tmp_path_factory.mktemp("asf") / "face.asf"


@pytest.fixture(scope="module")
def good(path) -> bytes:
    write_asf(path, np.random.default_rng(0).random((58, 2)), "face.jpg", DANES)
    return path.read_bytes()


def read(path: Path, raw: bytes) -> np.ndarray | None:
    """What the file holds, or None if it is refused as it should be."""
    path.write_bytes(raw)
    keypoints = read_or_refused(read_asf, path)
    if keypoints is not None:
        assert keypoints.dtype == np.float32
        assert keypoints.shape == (len(keypoints), 2)
        assert len(keypoints) > 0
        assert np.isfinite(keypoints).all()
    return keypoints


@settings(deadline=None)
@given(st.data())
def test_what_is_written_is_read(path, data):
    scheme = data.draw(st.sampled_from(SCHEMES))
    keypoints = data.draw(arrays(np.float64, (len(scheme), 2), elements=st.floats(-2, 3)))
    name = data.draw(st.from_regex(r"[A-Za-z0-9åéñ_][A-Za-z0-9åéñ_ .-]{0,30}\.jpg", fullmatch=True))
    write_asf(path, keypoints, name, scheme)
    np.testing.assert_allclose(read_asf(path), keypoints, rtol=0, atol=3e-7)  # float32 near 3


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=20))
def test_other_bytes_here_and_there(path, good, changes):
    raw = bytearray(good)
    for place, byte in changes:
        raw[place % len(raw)] = byte
    read(path, bytes(raw))


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 500), st.integers(0, 20), st.sampled_from(ODD_WORDS))
def test_another_word_in_the_place_of_one(path, good, line, column, word):
    lines = [text.split() for text in good.decode().splitlines()]
    words = lines[line % len(lines)]
    if words:
        words[column % len(words)] = word
    read(path, "\n".join(" ".join(words) for words in lines).encode())


@settings(deadline=None)
@given(st.data())
def test_lines_cut_dropped_doubled_and_moved(path, good, data):
    lines = good.splitlines()
    at, to = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    change = data.draw(st.sampled_from(("cut", "drop", "double", "move", "end")))
    if change == "cut":
        lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
    elif change == "drop":
        del lines[at]
    elif change == "double":
        lines.insert(to, lines[at])
    elif change == "move":
        lines.insert(to, lines.pop(at))
    keypoints = read(path, b"\n".join(lines[:at] if change == "end" else lines))
    assert keypoints is None or len(keypoints) == 58


@settings(deadline=None)
@given(st.binary(max_size=2000))
@example(b"1" * 5000)
@example(b"9" * 5000 + b"\nface.jpg")
@example(b"0\nface.jpg")
@example(b"1\n0 0 1e300 0 0 0 0\nface.jpg")
@example(b"1\n0 0 0.5 0.5 0 0 0\n\x00\xff")
def test_anything_at_all(path, raw):
    read(path, raw)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-32", "cp037"])
def test_every_encoding_is_understood_or_refused(path, good, encoding):
    raw = good.decode().replace("host image", "the møther's image").encode(encoding)
    assert (read(path, raw) is not None) == (encoding in ("utf-8", "utf-8-sig", "latin-1"))


@pytest.mark.parametrize(
    "raw",
    [
        b"1\n" + b"7" * 10_000_000 + b"\nface.jpg",
        b"999999999999999999\n" + b"0 0 0.5 0.5 0 0 0\n" * 50_000 + b"face.jpg",
        b"-5\n" + b"0 0 0.5 0.5 0 0 0\n" * 1000,
        b"\n" * 10_000_000,
    ],
    ids=["long line", "huge count", "negative count", "empty lines"],
)
def test_hostile_files_are_refused_in_bounded_memory(path, raw):
    path.write_bytes(raw)
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            read_asf(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40e6
