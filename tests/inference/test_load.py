from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

import facekp
from facekp.config import AugmentConfig
from facekp.data.datamodule import FaceDataModule
from facekp.evaluation.calibration import coverage
from facekp.evaluation.evaluate import Evaluation, evaluate_predictor
from facekp.inference import load as loading
from facekp.inference.ship import ship
from facekp.models.checkpoint import read_checkpoint
from facekp.models.module import KeypointModule
from facekp.utils.errors import CheckpointError

PUBLISHED_MSE_PX2 = 18.9


def test_the_import_of_the_package_alone_is_light():
    asked = "import sys, facekp; assert not {'torch', 'numpy', 'cv2', 'PIL'} & set(sys.modules); facekp.load"
    subprocess.run([sys.executable, "-c", asked], check=True, timeout=60)


def test_the_package_has_no_other_names():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = facekp.nothing


def test_weights_that_were_changed_are_refused(tmp_path, monkeypatch):
    for path in (loading.SHIPPED, loading.SHIPPED.with_suffix(".sha256")):
        shutil.copy(path, tmp_path)
    copy = tmp_path / loading.SHIPPED.name
    monkeypatch.setattr(loading, "SHIPPED", copy)
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    with pytest.raises(CheckpointError, match="not the file that was published"):
        facekp.load()
    copy.unlink()
    with pytest.raises(CheckpointError, match="install facekp again"):
        facekp.load()


def test_the_shipped_file_is_a_checkpoint_like_any_other(predictor):
    module = facekp.load(loading.SHIPPED).network.module
    assert loading.SHIPPED.stat().st_size < 2_500_000
    assert not module.training
    assert all(values.dtype == torch.float32 for values in module.network.parameters())


def test_shipping_changes_predictions_by_less_than_a_tenth_of_a_pixel(predictor, face_picture, tmp_path):
    module = predictor.network.module
    content = torch.load(loading.SHIPPED, weights_only=True)
    generator = torch.Generator().manual_seed(0)
    content["state_dict"] = {
        name: values.float() * (1 + 2e-4 * torch.rand(values.shape, generator=generator)) if values.ndim > 1 else values
        for name, values in module.state_dict().items()
    }
    content["FaceDataModule"]["settings"]["root"] = "/home/somebody"
    torch.save(content, tmp_path / "whole.ckpt")
    ship(tmp_path / "whole.ckpt", tmp_path / "half.ckpt")
    assert b"somebody" not in (tmp_path / "half.ckpt").read_bytes()
    assert (tmp_path / "half.sha256").read_text().endswith("  half.ckpt\n")
    box = [*face_picture[1].min(0), *face_picture[1].max(0)]
    (whole,), (half,) = (facekp.load(tmp_path / name)(face_picture[0], box=box) for name in ("whole.ckpt", "half.ckpt"))
    assert abs(whole.points_px - half.points_px).max() < 0.1


@pytest.fixture(scope="module")
def on_held_out_people(danes_root) -> Evaluation:
    """The shipped network on the held-out people of the course split."""
    checkpoint = read_checkpoint(loading.SHIPPED)
    settings, seed = checkpoint.data_settings()
    data = FaceDataModule(
        replace(settings, root=str(danes_root)), checkpoint.model.input_size, AugmentConfig("none"), seed
    )
    data.setup("test")
    assert data.split.name == "course"
    return evaluate_predictor(KeypointModule.restore(checkpoint), data.test_dataloader(), {})


@pytest.mark.danes
def test_the_shipped_network_is_as_good_as_published(on_held_out_people):
    """docs/model-card.md has the figures."""
    assert on_held_out_people.metrics["mse_px2"] == pytest.approx(PUBLISHED_MSE_PX2, abs=0.05)


@pytest.mark.danes
def test_the_ellipses_of_the_shipped_network_hold_what_they_say(on_held_out_people):
    """Within 5 per cent; docs/robustness.md has the figures."""
    told = [100 * coverage(on_held_out_people.predictions, share).mean() for share in (0.5, 0.9, 0.99)]
    assert told == pytest.approx([50, 90, 99], abs=5)
