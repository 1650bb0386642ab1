"""Checkpoints: what they tell, how they are written, and those of strangers."""

from __future__ import annotations

import builtins
import errno
import io
import os
import pickle
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import facekp
from facekp.config import Config
from facekp.landmarks.scheme import DANES, Scheme
from facekp.training.checkpoint import build_module, checkpoint_to_resume, describe, read_checkpoint, restore_module
from facekp.training.checkpoint_io import AtomicCheckpointIO
from facekp.utils import files
from facekp.utils.errors import CheckpointError
from tests import helpers as runs


@pytest.fixture(scope="module")
def config() -> Config:
    return runs.config("train", "model=nose", "data.root=nowhere", "run_dir=nowhere")


@pytest.fixture
def content(config) -> dict[str, Any]:
    """What the checkpoint of a run holds, as far as it is read."""
    module = build_module(config.model, DANES, np.full((1, 58, 2), 0.5, np.float32))
    return {"facekp": describe(config, DANES), "state_dict": module.state_dict(), "epoch": 4, "global_step": 20}


def written(content: Any, path: Path) -> Path:
    torch.save(content, path)
    return path


def test_a_checkpoint_tells_all_that_judging_it_needs(content, config, tmp_path):
    checkpoint = read_checkpoint(written(content, tmp_path / "a.ckpt"))
    assert (checkpoint.model, checkpoint.data, checkpoint.augment) == (config.model, config.data, config.augment)
    assert (checkpoint.scheme, checkpoint.seed, checkpoint.epoch, checkpoint.step) == (DANES.name, 0, 5, 20)
    module = restore_module(checkpoint, DANES)
    assert all(torch.equal(weights, content["state_dict"][name]) for name, weights in module.state_dict().items())
    stored = torch.load(tmp_path / "a.ckpt", weights_only=True)["facekp"]
    assert stored["versions"]["facekp"] == facekp.__version__
    assert torch.__version__.startswith(stored["versions"]["torch"])
    assert stored["scheme"]["mirror"] == DANES.mirror


def test_other_landmarks_are_refused(content, tmp_path):
    checkpoint = read_checkpoint(written(content, tmp_path / "a.ckpt"))
    with pytest.raises(CheckpointError, match=rf"trained on the landmarks {DANES.name}, the data have none"):
        restore_module(checkpoint, Scheme.unknown(58))


def test_a_checkpoint_that_is_trained_longer_than_the_run_is_refused(content, config, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    written(content, tmp_path / "checkpoints" / "last.ckpt")
    shorter = replace(config, resume=str(tmp_path), trainer=replace(config.trainer, max_epochs=3))
    with pytest.raises(CheckpointError, match=r"has had 5 epochs, this run has 3; give trainer\.max_epochs="):
        checkpoint_to_resume(shorter, DANES)


def test_weights_of_another_network_are_refused(content, tmp_path):
    content["facekp"]["model"]["network"]["hidden"] = 64
    checkpoint = read_checkpoint(written(content, tmp_path / "mixed.ckpt"))
    with pytest.raises(CheckpointError, match=r"mixed\.ckpt does not hold the weights of nose"):
        restore_module(checkpoint, DANES)


@pytest.mark.parametrize(
    "other", [{"state_dict": {}, "epoch": 3}, {"facekp": {}, "state_dict": 3}, [1], torch.zeros(2)]
)
def test_other_peoples_checkpoints_are_refused(tmp_path, other):
    with pytest.raises(CheckpointError, match=r"other\.ckpt is not a checkpoint of facekp; give one that"):
        read_checkpoint(written(other, tmp_path / "other.ckpt"))


@pytest.mark.parametrize("lacking", ["model", "data", "seed"])
def test_a_checkpoint_that_does_not_tell_enough_is_of_another_version(content, tmp_path, lacking):
    del content["facekp"][lacking]
    with pytest.raises(CheckpointError, match=rf"a\.ckpt was made by another version of facekp \('{lacking}'\)"):
        read_checkpoint(written(content, tmp_path / "a.ckpt"))


@pytest.mark.parametrize("damage", [b"", b"no checkpoint", b"PK\x03\x04 broken zip", b"\x80\x02}q\x00."])
def test_what_is_no_checkpoint_is_refused(tmp_path, damage):
    path = tmp_path / "odd.ckpt"
    path.write_bytes(damage)
    with pytest.raises(CheckpointError, match=r"odd\.ckpt is not a checkpoint, or is damaged; give one that"):
        read_checkpoint(path)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(content, tmp_path, share):
    path = written(content, tmp_path / "cut.ckpt")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(CheckpointError, match=r"cut\.ckpt is not a checkpoint, or is damaged"):
        read_checkpoint(path)


def test_a_file_that_would_unpack_to_more_than_it_holds_is_refused_unread(content, tmp_path, monkeypatch):
    plain, path = written(content, tmp_path / "plain.ckpt"), tmp_path / "bomb.ckpt"
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry))
        target.writestr(f"{source.infolist()[0].filename.split('/')[0]}/data/99", bytes(10**7))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(CheckpointError, match=r"bomb\.ckpt is not a checkpoint"):
        read_checkpoint(path)


def test_a_tensor_that_claims_more_than_its_file_holds_is_refused(tmp_path):
    path = written({"state_dict": {"a": torch.zeros(10)}}, tmp_path / "a.ckpt")
    claim = (10).to_bytes(1, "little")
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    (name,) = (name for name in entries if name.endswith("data.pkl"))
    huge = entries[name].replace(b"K" + claim, b"\x8a\x06" + (10**13).to_bytes(6, "little"))
    assert huge != entries[name]
    with zipfile.ZipFile(tmp_path / "huge.ckpt", "w") as archive:
        for entry, text in (entries | {name: huge}).items():
            archive.writestr(entry, text)
    with pytest.raises(CheckpointError, match=r"huge\.ckpt is not a checkpoint"):
        read_checkpoint(tmp_path / "huge.ckpt")


class Trap:
    """Calls something when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("kind", ["os.system", "eval", "exec", "Popen", "getattr", "numpy", "state"])
def test_code_in_a_checkpoint_is_not_run(content, tmp_path, kind, legacy):
    sprung = tmp_path / "sprung"
    traps = {
        "os.system": lambda: Trap(os.system, f"touch {sprung}"),
        "eval": lambda: Trap(builtins.eval, f"open({str(sprung)!r}, 'w')"),
        "exec": lambda: Trap(builtins.exec, f"open({str(sprung)!r}, 'w')"),
        "Popen": lambda: Trap(subprocess.Popen, ["touch", str(sprung)]),
        "getattr": lambda: Trap(getattr, Trap(Path, str(sprung)), "touch"),
        "numpy": lambda: np.array([Trap(os.system, f"touch {sprung}")], dtype=object),
        "state": lambda: torch.utils.data.TensorDataset(torch.zeros(1)),
    }
    content["optimizer_states"] = [{"lr": traps[kind]()}]
    torch.save(content, tmp_path / "trap.ckpt", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(CheckpointError, match=r"trap\.ckpt is not a checkpoint, or is damaged"):
        read_checkpoint(tmp_path / "trap.ckpt")
    assert not sprung.exists()


def test_the_traps_would_spring_if_they_were_unpickled(tmp_path):
    text = pickle.dumps(Trap(builtins.eval, f"open({str(tmp_path / 'sprung')!r}, 'w')"))
    pickle.loads(text)
    assert (tmp_path / "sprung").exists()


@pytest.mark.parametrize("place", ["network", "reader"])
def test_settings_in_a_checkpoint_create_nothing_beside_the_network_and_the_reader(content, tmp_path, place):
    trap = {"_target_": "os.system", "_args_": ["true"]}
    settings = content["facekp"]["model"]["network"] if place == "network" else content["facekp"]["data"]["reader"]
    settings["more"] = [{"deep": trap}]
    with pytest.raises(CheckpointError, match=r"a\.ckpt asks to create os\.system, which no network or data reader"):
        read_checkpoint(written(content, tmp_path / "a.ckpt"))


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
