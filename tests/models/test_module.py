from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import TensorBoardLogger

from facekp.config import AugmentConfig, DataConfig, ModelConfig
from facekp.data.datamodule import FaceDataModule
from facekp.evaluation.calibration import calibrate
from facekp.evaluation.errors import Predictions
from facekp.evaluation.evaluate import Prediction
from facekp.landmarks.scheme import DANES
from facekp.models.checkpoint import Checkpoint
from facekp.models.module import KeypointModule
from facekp.models.nose import NoseNet
from facekp.runs.folder import RunFolder
from facekp.utils.errors import ConfigError
from tests.models.helpers import TINY, tiny_module

SIZE = (80, 60)


def test_images_are_scaled_to_half_a_unit_around_zero():
    seen = []
    module = tiny_module(SIZE)
    module.network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    images = torch.zeros(1, 1, 60, 80, dtype=torch.uint8)
    images[0, 0, 0, :2] = torch.tensor([0, 255])
    module(images)
    assert seen[0].dtype == torch.float32
    assert seen[0][0, 0, 0, :2].tolist() == [-0.5, 0.5]
    assert images[0, 0, 0, :2].tolist() == [0, 255]


def test_training_logs_every_iteration_and_validation_every_epoch(drawn_split, tmp_path):
    settings = DataConfig(name="drawn", batch_size=5)
    data = FaceDataModule(settings, SIZE, AugmentConfig(name="none"), known=(drawn_split, DANES))
    trainer = Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=TensorBoardLogger(tmp_path),
        log_every_n_steps=1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(tiny_module(SIZE), data)
    scalars = RunFolder(tmp_path).scalars
    batches = -(-len(drawn_split.train) // 5)
    assert scalars["train/loss"][0] == list(range(3 * batches))
    assert scalars["val/loss"][0] == [batches - 1, 2 * batches - 1, 3 * batches - 1]
    for name in ("mse_px2", "error_px", "nme"):
        for figure in (f"val/{name}", f"val/{name}_turned", f"val/mean_shape_{name}"):
            assert len(scalars[figure][0]) == 3


def batch_of(images: int) -> dict[str, torch.Tensor]:
    return {
        "image": torch.randint(0, 256, (images, 1, 60, 80), dtype=torch.uint8),
        "keypoints": torch.rand(images, 58, 2),
        "canvas_size": torch.tensor([640.0, 480.0]).expand(images, 2),
        "turned": torch.zeros(images, dtype=torch.bool),
    }


def test_the_selected_points_are_the_ones_compared():
    module, batch = tiny_module(SIZE, selection="nose_tip"), batch_of(2)
    output = module(batch["image"])
    loss = module._loss(output, batch)
    assert loss.item() == pytest.approx((output - batch["keypoints"][:, [52]]).square().mean().item())


@pytest.mark.parametrize("flip_test", [False, True])
def test_validation_passes_each_image_once_and_its_mirror_image_once_for_the_flip_test(flip_test):
    torch.manual_seed(0)
    module, batch = tiny_module(SIZE, flip_test=flip_test).eval(), batch_of(3)
    passed: list[int] = []
    module.network.register_forward_pre_hook(lambda _, inputs: passed.append(len(inputs[0])))
    with torch.inference_mode():
        module.validation_step(batch, 0)
        assert sum(passed) == (6 if flip_test else 3)
        loss = module._loss(module.network(module.scaled(batch["image"])), batch)
        assert module._val_loss.compute().item() == pytest.approx(loss.item(), rel=1e-6)
        np.testing.assert_allclose(module.metrics.predictions().keypoints, module(batch["image"]), rtol=1e-5)


def test_with_the_flip_test_a_face_and_its_mirror_image_get_mirrored_predictions():
    torch.manual_seed(0)
    plain = tiny_module(SIZE).eval()
    twice = tiny_module(SIZE, flip_test=True).eval()
    twice.load_state_dict(plain.state_dict())
    images = torch.randint(0, 256, (3, 1, 60, 80), dtype=torch.uint8)
    with torch.inference_mode():
        for module, agree in ((plain, False), (twice, True)):
            keypoints, mirrored = module(images), module(images.flip(-1))[:, DANES.mirror]
            mirrored = torch.stack([1 - mirrored[..., 0], mirrored[..., 1]], dim=-1)
            assert torch.allclose(keypoints, mirrored, atol=1e-5) is agree
    assert twice.predict(images)[1:] == (None, None)


class Confident(NoseNet):
    """Has a confidence and covariances."""

    def read(self, output):
        return Prediction(output, output[..., 0], output[..., None] * output[..., None, :])


def test_confidence_and_covariance_go_with_their_point_in_the_mirror():
    torch.manual_seed(0)
    module = tiny_module(SIZE, flip_test=True, **TINY | {"_target_": f"{__name__}.Confident"}).eval()
    images = torch.randint(0, 256, (3, 1, 60, 80), dtype=torch.uint8)
    with torch.inference_mode():
        _, confidence, covariance = module.predict(images)
        _, mirrored, mirrored_covariance = module.predict(images.flip(-1))
    assert torch.allclose(confidence, mirrored[:, DANES.mirror], atol=1e-5)
    assert not torch.allclose(confidence, mirrored, atol=1e-5)
    mirrored_covariance = mirrored_covariance[:, DANES.mirror]
    assert torch.allclose(
        covariance.diagonal(dim1=-2, dim2=-1), mirrored_covariance.diagonal(dim1=-2, dim2=-1), atol=1e-5
    )
    assert torch.allclose(covariance[..., 0, 1], -mirrored_covariance[..., 0, 1], atol=1e-5)


def test_the_mean_shape_is_that_of_the_points_asked_for():
    shapes = np.random.default_rng(0).random((5, 58, 2), np.float32)
    model = ModelConfig(name="eye", network={"_target_": "facekp.models.nose.NoseNet"}, selection="right_eye")
    module = KeypointModule(model, DANES)
    module.init_from_shapes(shapes)
    expected = shapes.mean(0)[list(DANES.select("right_eye"))]
    np.testing.assert_allclose(module.mean_shape, expected, atol=1e-6)
    np.testing.assert_allclose(module.network.last.bias.detach().view(-1, 2), expected, atol=1e-6)


def test_mirrored_answers_need_the_mirror_of_every_point():
    model = ModelConfig(
        name="half",
        network={"_target_": "facekp.models.nose.NoseNet"},
        input_size=list(SIZE),
        selection="right_eye",
        flip_test=True,
    )
    with pytest.raises(ConfigError, match=r"set model\.flip_test=false"):
        KeypointModule(model, DANES)


def test_a_calibrated_network_corrects_its_covariances_also_after_it_was_saved():
    torch.manual_seed(0)
    model = ModelConfig("heatmap_tiny", {"_target_": "facekp.models.heatmap.HeatmapNet", "channels": [2, 3]}, [80, 60])
    model.network["blocks"] = [0, 0]
    module = KeypointModule(model, DANES).eval()
    module.init_from_shapes(np.random.default_rng(0).random((9, 58, 2)).astype(np.float32))
    images = torch.randint(0, 256, (40, 1, 60, 80), dtype=torch.uint8)
    with torch.no_grad():
        keypoints, _, covariance = module.predict(images)
        size = np.array([[80.0, 60.0]] * 40, np.float32)
        error = 2 * torch.linalg.cholesky(covariance) @ torch.randn(40, 58, 2, 1)
        truth = (keypoints - error[..., 0]).numpy()
        held_out = Predictions(keypoints.numpy(), truth, size, tuple(range(58)), DANES, covariance=covariance.numpy())
        module.calibration = torch.from_numpy(calibrate(held_out))
        saved = Checkpoint(Path("saved.ckpt"), model, DANES, 1, 1, module.state_dict(), None)
        restored = KeypointModule.restore(saved).predict(images).covariance
        assert torch.equal(restored, module.predict(images).covariance)
    assert (restored / covariance)[..., 0, 0].mean().item() == pytest.approx(4, rel=0.2)
