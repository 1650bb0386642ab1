"""Exported files do what the networks do that they were made of."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from facekp.data.dataset import FaceDataset
from facekp.data.images import load_grey
from facekp.evaluation.evaluate import evaluate_predictor
from facekp.inference import export
from facekp.inference.exportable import ExportedPredictor
from facekp.inference.exported import Exported
from facekp.inference.load import SHIPPED
from facekp.landmarks.scheme import DANES
from facekp.models.checkpoint import Checkpoint, read_checkpoint
from facekp.models.module import KeypointModule
from facekp.utils.errors import CheckpointError, ConfigError
from tests.helpers import config

MODELS = ["nose", "full", *(pytest.param(name, marks=pytest.mark.slow) for name in ("heatmap_tiny", "heatmap"))]

MEASURED = {"data": "danes", "metrics": {"mse_px2": 18.3}}


@pytest.fixture(scope="module", params=MODELS)
def made(request, drawn_records, tmp_path_factory) -> tuple[KeypointModule, Path]:
    """A network with random weights, and the file that it was exported into."""
    settings = config("train", f"model={request.param}", "run_dir=unused", "data.root=there")
    torch.manual_seed(0)
    module = KeypointModule(settings.model, DANES)
    module.init_from_shapes(np.stack([record.keypoints for record in drawn_records]))
    module.eval()
    data = {"settings": vars(settings.data), "seed": 0}
    checkpoint = Checkpoint(Path("unused"), settings.model, DANES, 3, 36, {}, data, MEASURED)
    path = tmp_path_factory.mktemp("exported") / "network.onnx"
    path.write_bytes(export.as_onnx(module, export.describe(module, checkpoint)))
    return module, path


def assert_alike(module: KeypointModule, network: Exported, windows: np.ndarray, flip_test: bool) -> None:
    """Points within 0.05 px of a photograph of 640x480, confidences within 0.001, and covariances within 1%."""
    found = network.predict(windows, flip_test)
    with torch.inference_mode():
        expected = module.predict(torch.from_numpy(windows)[:, None], flip_test)
    assert (np.abs(found.points_px / network.input_size - expected.keypoints.numpy()) * (640, 480)).max() < 0.05
    if expected.confidence is None or expected.covariance is None:
        assert found.confidence is None
        assert found.covariance_px2 is None
        return
    assert np.abs(found.confidence - expected.confidence.numpy()).max() < 1e-3
    size = np.array(network.input_size)
    covariance_px2 = expected.covariance.numpy() * size * size[:, None]
    off = np.abs(found.covariance_px2 - covariance_px2).max((-1, -2))
    assert (off / np.trace(covariance_px2, axis1=-2, axis2=-1)).max() < 0.01


def test_an_exported_network_predicts_the_same(made, drawn_records):
    module, path = made
    network = Exported(path)
    for count in (1, 7, 16):
        windows = np.stack([load_grey(record.image, network.input_size) for record in drawn_records[:count]])
        for flip_test in (True, False):
            assert_alike(module, network, windows, flip_test)


@pytest.mark.slow
@pytest.mark.danes
def test_the_network_of_the_package_predicts_the_same_of_photographs(danes_root, tmp_path):
    path = tmp_path / "network.onnx"
    export.main(["--out", str(path)])
    network, module = Exported(path), KeypointModule.restore(read_checkpoint(SHIPPED))
    photographs = sorted(danes_root.rglob("*.jpg"))[::5]
    windows = np.stack([load_grey(photograph, network.input_size) for photograph in photographs])
    for flip_test in (True, False):
        assert_alike(module, network, windows, flip_test)


def test_it_finds_faces_by_the_same_heatmaps(made):
    module, path = made
    network, scanner = Exported(path), module.network.scanner()
    assert network.shrink == (scanner and scanner[1])
    if scanner is not None:
        photograph = np.random.default_rng(0).integers(0, 256, (181, 245), np.uint8)
        with torch.inference_mode():
            expected = scanner[0](torch.from_numpy(photograph)[None, None] / 255 - 0.5)[0]
        assert network.scan(photograph) == pytest.approx(expected.numpy(), abs=1e-3)


def test_colours_are_turned_to_grey_as_by_pillow(made):
    network = Exported(made[1])
    width, height = network.input_size
    colours = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), np.uint8)
    grey = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in colours])
    images = colours.transpose(0, 3, 1, 2)
    feed = {name: images if name == "images" else images[:0] for name in network._inputs}
    found = network._session.run(["keypoints"], feed)[0]
    assert (found == network.predict(grey, flip_test=False).points_px).all()


def test_an_exported_network_is_evaluated_as_the_checkpoint_is(made, drawn_records):
    module, path = made
    exported = ExportedPredictor(path)
    faces = FaceDataset(drawn_records[:24], exported.checkpoint.model.input_size)
    name = dict.fromkeys(("model", "weights", "epoch", "data", "split"), "") | {"labels": "raw"}
    one, other = (
        evaluate_predictor(predictor, DataLoader(faces, 16), name).as_json()["by_type"]["all"]
        for predictor in (module, exported)
    )
    assert other == pytest.approx(one, rel=1e-4)
    settings, seed = exported.checkpoint.data_settings()
    assert (settings.root, seed, settings.name) == (None, 0, "danes")
    assert exported.checkpoint.epoch == 3
    assert Exported(path).facts["measured"] == MEASURED


@pytest.mark.parametrize(
    ("model", "within_px"), [("nose", 1e-3), pytest.param("heatmap_tiny", 0.02, marks=pytest.mark.slow)]
)
def test_a_program_of_torch_predicts_the_same(model, within_px, drawn_records):
    settings = config("train", f"model={model}", "run_dir=unused").model
    torch.manual_seed(0)
    module = KeypointModule(settings, DANES)
    module.init_from_shapes(np.stack([record.keypoints for record in drawn_records]))
    module.eval()
    checkpoint = Checkpoint(Path("unused"), settings, DANES, 1, 1, {}, None)
    content = io.BytesIO(export.as_torch_export(module, export.describe(module, checkpoint)))
    told = {"facekp": ""}
    program = torch.export.load(content, extra_files=told).module()
    assert json.loads(told["facekp"])["point_indices"] == module.point_indices
    images = torch.from_numpy(np.stack([load_grey(each.image, settings.input_size) for each in drawn_records[:5]]))
    views = [images[:, None], images[:, None].flip(-1)][: 1 + settings.flip_test]
    found = program(*views)[0]
    with torch.inference_mode():
        expected = module.predict(images[:, None]).keypoints * torch.tensor(settings.input_size)
    assert torch.allclose(found, expected, atol=within_px)


@pytest.fixture(scope="module")
def sound() -> onnx.ModelProto:
    """A small file that is refused by what it tells alone."""
    settings = config("train", "model=nose", "run_dir=unused").model
    module = KeypointModule(settings, DANES).eval()
    facts = export.describe(module, Checkpoint(Path("unused"), settings, DANES, 1, 1, {}, None))
    info = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Cast", ["images"], ["keypoints"], to=onnx.TensorProto.FLOAT)
    images = info("images", onnx.TensorProto.UINT8, ["b", 1, 60, 80])
    graph = onnx.helper.make_graph([node], "g", [images], [info("keypoints", onnx.TensorProto.FLOAT, None)])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)
    model.metadata_props.add(key="facekp", value=json.dumps(facts))
    return model


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 2),
        ("point_indices", [58]),
        ("mean_shape", [[0.5]]),
        ("shrink", 2),
        ("score", [1.0]),
        ("scheme", {"name": "x" * 100_000, "points": 1}),
        ("model", {"name": "nose", "input_size": [80], "flip_test": False}),
        ("data", {"settings": {"reader": {"_target_": "os.system", "callback": {"_target_": "os.system"}}}}),
        ("epoch", "${oc.env:HOME}"),
        ("epoch", 3),  # what it tells is sound, but what it does is not
    ],
)
def test_a_file_that_contradicts_itself_is_refused_in_one_sentence(sound, tmp_path, key, value):
    facts = json.loads(sound.metadata_props[0].value) | {key: value}
    changed = onnx.ModelProto.FromString(sound.SerializeToString())
    changed.metadata_props[0].value = json.dumps(facts)
    path = tmp_path / "hostile.onnx"
    path.write_bytes(changed.SerializeToString())
    with pytest.raises(CheckpointError, match=r"hostile\.onnx") as error:
        Exported(path)
    assert "\n" not in str(error.value)


def test_weights_are_read_from_no_other_file(sound, tmp_path):
    changed = onnx.ModelProto.FromString(sound.SerializeToString())
    weights = changed.graph.initializer.add(name="w", data_type=1, dims=[1], data_location=1)
    weights.external_data.add(key="location", value="/etc/passwd")
    path = tmp_path / "hostile.onnx"
    path.write_bytes(changed.SerializeToString())
    with pytest.raises(CheckpointError, match="in other files"):
        Exported(path)


@pytest.mark.parametrize("content", [b"", b"text", b"\x08\x0a" * 500])
def test_what_is_no_exported_file_is_refused(tmp_path, content):
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="not a network that facekp export wrote"):
        ExportedPredictor(path)


def test_a_missing_package_is_told_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "onnxscript" else object())
    with pytest.raises(ConfigError, match="onnxscript must be installed for ONNX files: pip install onnxscript"):
        export.export(export.parser().parse_args([]))
