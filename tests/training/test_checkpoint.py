"""Which checkpoint a run goes on from, and how checkpoints are written and removed."""

from __future__ import annotations

import errno
import io
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from facekp.landmarks.scheme import DANES, Scheme
from facekp.models.checkpoint import read_checkpoint
from facekp.training.checkpoint import AtomicCheckpointIO, check_scheme, checkpoint_to_resume
from facekp.utils import files
from facekp.utils.errors import CheckpointError
from tests.helpers import config
from tests.hostile import Content, checkpoint_content, write_checkpoint


@pytest.fixture(scope="module")
def content() -> Content:
    return checkpoint_content(channels=[12, 24, 32], kernels=[7, 5, 3], hidden=128)


def test_a_checkpoint_that_is_trained_longer_than_the_run_is_refused(content, tmp_path):
    write_checkpoint(content, tmp_path / "checkpoints" / "last.ckpt")
    shorter = config("train", "model=nose", "run_dir=nowhere", f"resume={tmp_path}", "trainer.max_epochs=3")
    with pytest.raises(CheckpointError, match=r"has had 5 epochs, this run has 3; give trainer\.max_epochs="):
        checkpoint_to_resume(shorter, DANES)


def test_other_landmarks_are_refused(content, tmp_path):
    checkpoint = read_checkpoint(write_checkpoint(content, tmp_path / "a.ckpt"))
    with pytest.raises(CheckpointError, match=rf"trained on the landmarks {DANES.name}, the data have none"):
        check_scheme(checkpoint, Scheme.unknown(58))
    with pytest.raises(CheckpointError, match="the data have danes, but with other points, groups or mirror images"):
        check_scheme(checkpoint, replace(DANES, mirror=None))


class FullDisk(io.BytesIO):
    """A file on a disk with room for so many bytes."""

    def __init__(self, file: Any, room: int) -> None:
        super().__init__()
        self._file, self._room = file, room

    def write(self, data: Any) -> int:
        self._file.write(memoryview(data)[: self._room])
        if len(data) > self._room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._room -= len(data)
        return len(data)

    def fileno(self) -> int:
        return self._file.fileno()


@pytest.mark.parametrize("room", [0, 1, 4096, 100_000])
def test_where_the_disk_is_full_the_last_checkpoint_stays(content, tmp_path, monkeypatch, room):
    path = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(content, path)
    real_open = Path.open
    monkeypatch.setattr(files.Path, "open", lambda self, mode: FullDisk(real_open(self, mode), room))
    with pytest.raises(OSError, match="No space left") as caught:
        AtomicCheckpointIO().save_checkpoint(content | {"epoch": 5}, path)
    monkeypatch.undo()
    assert caught.value.filename == str(path)
    assert read_checkpoint(path).epoch == 5
    assert list(tmp_path.iterdir()) == [path]


def test_what_an_ended_process_left_half_written_is_replaced(content, tmp_path):
    path = tmp_path / "last.ckpt"
    path.with_name("last.ckpt.part").write_bytes(b"half")
    AtomicCheckpointIO().save_checkpoint(content, path)
    assert read_checkpoint(path).epoch == 5
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_that_leads_out_of_the_folder_of_checkpoints_is_not_removed(tmp_path):
    outside, inside = tmp_path / "outside", tmp_path / "checkpoints" / "best-1.ckpt"
    inside.parent.mkdir()
    for file in (outside, inside):
        file.touch()
    AtomicCheckpointIO().remove_checkpoint(f"{inside.parent}/../outside")
    AtomicCheckpointIO().remove_checkpoint(str(inside))
    assert outside.exists()
    assert not inside.exists()
