from pathlib import Path

import numpy as np
import pytest

from facekp.data.readers.asf import read_asf
from facekp.utils.errors import DataError

GOOD = """\
# a comment
  3
0 \t0 \t0.25 \t0.50 \t0 \t2 \t1
0 \t0\t 0.5  0.75\t1 0 2

0 0 1.5 -0.25 2 1 0
# another
face one.jpg
"""


@pytest.fixture
def write(tmp_path):
    def write(text: str | bytes) -> Path:
        path = tmp_path / "01-1m.asf"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_reads_points_relative_and_in_the_order_of_their_index(write):
    keypoints = read_asf(write(GOOD))
    np.testing.assert_allclose(keypoints, [(0.25, 0.5), (0.5, 0.75), (1.5, -0.25)])
    assert keypoints.dtype == np.float32


def test_reads_user_columns_other_line_ends_marks_and_encodings(write):
    wide = GOOD.replace("2 1 0\n", "2 1 0\t0.00\t0.00\t0.00\n").replace("\n", "\r\n")
    plain = read_asf(write(GOOD))
    np.testing.assert_array_equal(read_asf(write(wide)), plain)
    np.testing.assert_array_equal(read_asf(write(b"\xef\xbb\xbf" + GOOD.encode())), plain)
    np.testing.assert_array_equal(read_asf(write(GOOD.replace("comment", "Stegmann, Søren").encode("latin-1"))), plain)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("  3\n", "  4\n"), "announces 4 points .* 3 point lines follow"),
        (("  3\n", "  2\n"), "announces 2 points .* 3 point lines follow"),
        (("  3\n", "  -3\n"), "line 2: the number of points was expected"),
        (("  3\n", "  three\n"), "line 2: the number of points was expected"),
        (("  3\n", "  99999999999999\n"), "announces 99999999999999 points"),
        (("0.75", "abc"), "line 4 .* not a number"),
        (("0.75", "nan"), "line 4: point 1 has a coordinate that is not finite"),
        (("0.75", "1e999"), "line 4: point 1 has a coordinate that is not finite"),
        (("\t1 0 2", "\t7 0 2"), r"line 4: point index 7 is not within 0\.\.2"),
        (("\t1 0 2", "\t0 0 2"), "line 4: point 0 is given twice"),
        (("\t1 0 2", ""), "line 4: .* 7 columns, this line has 4"),
        (("face one.jpg\n", ""), "announces 3 points and a host image"),
    ],
)
def test_each_fault_names_file_line_and_what_is_wrong(write, change, message):
    path = write(GOOD.replace(*change))
    with pytest.raises(DataError, match=message) as caught:
        read_asf(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no annotation"),
        (b"# only\n# comments\n", "no annotation"),
        (bytes(range(256)) * 8, "binary data"),
        (b"1\n" + b"0" * 10_000_000 + b"\nx.jpg\n", "larger than"),
    ],
)
def test_what_is_no_annotation_is_refused(write, content, message):
    with pytest.raises(DataError, match=message):
        read_asf(write(content))


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.asf cannot be read"):
        read_asf(tmp_path / "gone.asf")
