"""Checkpoints: what they tell, and that those of others are refused."""

from __future__ import annotations

import zipfile
from dataclasses import asdict

import pytest
import torch

import facekp
from facekp.data.datamodule import FaceDataModule
from facekp.landmarks.scheme import DANES, Scheme
from facekp.models.checkpoint import read_checkpoint
from facekp.models.module import KeypointModule
from facekp.utils.errors import CheckpointError
from tests.helpers import config
from tests.hostile import Content, checkpoint_content, write_checkpoint
from tests.models.helpers import tiny_module


@pytest.fixture
def content() -> Content:
    return checkpoint_content()


def test_a_module_comes_back_from_its_checkpoint_with_nothing_else_given(content, tmp_path):
    path = write_checkpoint(content, tmp_path / "a.ckpt")
    for module in (KeypointModule.load_from_checkpoint(path), KeypointModule.load_from_checkpoint(str(path), "cpu")):
        assert not module.training
        assert (module.scheme, module.point_indices) == (DANES, [52])
        assert all(torch.equal(weights, content["state_dict"][name]) for name, weights in module.state_dict().items())


@pytest.mark.parametrize("scheme", [DANES, Scheme.unknown(5)])
def test_the_scheme_comes_back_whole(tmp_path, scheme):
    module = tiny_module((80, 60), scheme=scheme)
    stored = {"hyper_parameters": dict(module.hparams), "state_dict": module.state_dict(), "epoch": 0, "global_step": 0}
    assert read_checkpoint(write_checkpoint(stored, tmp_path / "a.ckpt")).scheme == scheme


def test_a_checkpoint_tells_all_that_evaluating_it_needs(content, tmp_path):
    settings = config("train", "model=nose", "data.root=nowhere", "run_dir=nowhere")
    told = KeypointModule(settings.model, DANES).hparams
    content["hyper_parameters"] = dict(told)
    content["FaceDataModule"] = FaceDataModule(settings.data, [80, 60], settings.augment, seed=3).state_dict()
    checkpoint = read_checkpoint(write_checkpoint(content, tmp_path / "a.ckpt"))
    assert checkpoint.data_settings() == (settings.data, 3)
    assert (checkpoint.epoch, checkpoint.step) == (5, 20)
    described = {name: value for name, value in asdict(settings.model).items() if name in told["model"]}
    assert {name: value for name, value in asdict(checkpoint.model).items() if name in told["model"]} == described
    assert told["versions"]["facekp"] == facekp.__version__
    assert torch.__version__.startswith(told["versions"]["torch"])


@pytest.mark.parametrize(
    "other", [{"state_dict": {}, "epoch": 3}, {"hyper_parameters": {}, "state_dict": 3}, [1], torch.zeros(2)]
)
def test_other_peoples_checkpoints_are_refused(tmp_path, other):
    with pytest.raises(CheckpointError, match=r"other\.ckpt is not a checkpoint of facekp; give one that"):
        read_checkpoint(write_checkpoint(other, tmp_path / "other.ckpt"))


@pytest.mark.parametrize("lacking", ["model", "scheme"])
def test_a_checkpoint_that_does_not_tell_enough_is_of_another_version(content, tmp_path, lacking):
    del content["hyper_parameters"][lacking]
    with pytest.raises(CheckpointError, match=rf"a\.ckpt was made by another version of facekp \('{lacking}'\)"):
        read_checkpoint(write_checkpoint(content, tmp_path / "a.ckpt"))


def test_a_class_of_others_is_known_once_its_module_is_imported(content, tmp_path):
    content["hyper_parameters"]["model"]["network"]["_target_"] = f"{__name__}.NotHere"
    path = write_checkpoint(content, tmp_path / "a.ckpt")
    with pytest.raises(CheckpointError, match=rf"NotHere', which is no .*; if you trust .* add trust=\[{__name__}\]"):
        read_checkpoint(path)
    globals()["NotHere"] = type("NotHere", (type(tiny_module((80, 60)).network),), {})
    try:
        assert type(KeypointModule.load_from_checkpoint(path).network).__name__ == "NotHere"
    finally:
        del globals()["NotHere"]


@pytest.mark.parametrize("damage", [b"", b"no checkpoint", b"PK\x03\x04 broken zip", b"\x80\x02}q\x00."])
def test_what_is_no_checkpoint_is_refused(tmp_path, damage):
    path = tmp_path / "odd.ckpt"
    path.write_bytes(damage)
    with pytest.raises(CheckpointError, match=r"odd\.ckpt is not a checkpoint, or is damaged; give one that"):
        read_checkpoint(path)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(content, tmp_path, share):
    path = write_checkpoint(content, tmp_path / "cut.ckpt")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(CheckpointError, match=r"cut\.ckpt is not a checkpoint, or is damaged"):
        read_checkpoint(path)


def test_a_file_that_would_unpack_to_more_than_it_holds_is_refused_unread(content, tmp_path, monkeypatch):
    plain, path = write_checkpoint(content, tmp_path / "plain.ckpt"), tmp_path / "bomb.ckpt"
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry))
        target.writestr(f"{source.infolist()[0].filename.split('/')[0]}/data/99", bytes(10**7))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(CheckpointError, match=r"bomb\.ckpt is not a checkpoint"):
        read_checkpoint(path)


def test_a_tensor_that_claims_more_than_its_file_holds_is_refused(tmp_path):
    path = write_checkpoint({"state_dict": {"a": torch.zeros(10)}}, tmp_path / "a.ckpt")
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
