"""Files from outside that are none: pipes, devices, folders, names that no file can have."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from facekp.utils.files import is_folder, open_regular, read_bytes, user_path, write_text


def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "to_device").symlink_to("/dev/zero")
    for place in (tmp_path / "pipe", Path("/dev/zero"), tmp_path / "to_device", tmp_path):
        with pytest.raises(OSError, match="not a regular file"):
            open_regular(place)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "nothing")
    for name in ("a\0b", "a\ud800b", "a" * 5000):
        with pytest.raises(OSError, match=r"such a name|too long"):
            open_regular(tmp_path / name)
    with open_regular(tmp_path / "file") as file:
        assert file.read() == b"content"


def test_no_more_is_read_than_a_file_may_hold(tmp_path):
    (tmp_path / "file").write_bytes(b"1234")
    assert read_bytes(tmp_path / "file", 4) == b"1234"
    with pytest.raises(OSError, match="larger than 3 bytes"):
        read_bytes(tmp_path / "file", 3)


def test_a_path_that_cannot_be_is_no_folder(tmp_path):
    assert is_folder(tmp_path)
    assert user_path("~/faces") == Path.home() / "faces"
    for path in ("~nobody-here/faces", "a" * 5000, "a\0b"):
        assert not is_folder(user_path(path))


def test_a_text_that_is_not_unicode_is_written_all_the_same(tmp_path):
    write_text(tmp_path / "page", "é \udce9")
    assert (tmp_path / "page").read_text(encoding="utf-8") == "é \\udce9"
