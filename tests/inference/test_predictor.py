from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from facekp.inference.predictor import Predictor
from facekp.inference.torch_network import TorchNetwork
from facekp.landmarks.scheme import DANES, Scheme
from facekp.utils.errors import ConfigError, DataError
from tests.inference.conftest import drawn
from tests.models.helpers import TINY, tiny_module


def off(face, truth) -> float:
    """Mean distance of the inner points from the truth, as a fraction of the distance of the eyes."""
    eyes = [truth[list(eye)].mean(0) for eye in DANES.eyes]
    inner = list(DANES.select("inner"))
    return np.linalg.norm(face.points_px[inner] - truth[inner], axis=1).mean() / np.linalg.norm(eyes[0] - eyes[1])


def test_the_faces_of_a_scene_are_found_whatever_their_size_and_tilt(predictor, scene):
    picture, truth = scene
    faces = predictor(picture)
    assert len(faces) == 3
    for points in truth:
        nearest = min(faces, key=lambda face: np.linalg.norm(face.points_px - points))
        assert off(nearest, points) < 0.12
    assert [face.score for face in faces] == sorted((face.score for face in faces), reverse=True)


def test_a_face_tells_what_it_is(predictor, face_picture):
    (face,) = predictor(face_picture[0])
    assert face.points_px.shape == (58, 2)
    assert face.confidence.shape == (58,)
    assert face.covariance_px2.shape == (58, 2, 2)
    assert (np.linalg.eigvalsh(face.covariance_px2) > 0).all()
    assert len(set(face.names)) == 58
    assert face.names[52] == "nose_tip"
    assert face.groups[13] == "right_eye"
    left, top, right, bottom = face.box
    assert (left, bottom) == (face.points_px[:, 0].min(), face.points_px[:, 1].max())
    assert right > left
    assert bottom > top
    drawing = np.asarray(face.draw(face_picture[0]))
    assert drawing.shape == face_picture[0].shape
    changed = np.argwhere((drawing != face_picture[0]).any(-1))
    assert (changed.min(0) > (top - 9, left - 9)).all()
    assert (changed.max(0) < (bottom + 9, right + 9)).all()


def test_some_of_the_faces_can_be_chosen(predictor, scene):
    every = predictor(scene[0])
    (largest,) = predictor(scene[0], faces="largest")
    assert largest.box == max((face.box for face in every), key=lambda box: box[2] - box[0])
    assert [face.box for face in predictor(scene[0], faces=2)] == [face.box for face in every[:2]]
    assert predictor(scene[0], min_score=1.0) == []


def test_faces_that_stand_side_by_side_are_told_apart(predictor):
    rows = []
    for row in range(2):
        parts = []
        for column in range(4):
            picture, points = drawn(4 * row + column + 1, 240)
            (left, top), (right, bottom) = points.min(0).astype(int) - (12, 25), points.max(0).astype(int) + (12, 10)
            parts.append(cv2.resize(picture[max(top, 0) : bottom, left:right], (100, 120)))
        rows.append(np.hstack(parts))
    faces = predictor(np.vstack(rows))
    places = {(int(x // 100), int(y // 120)) for x, y in (face.points_px.mean(0) for face in faces)}
    assert len(places) >= 7
    assert len(faces) == len(places)


def test_a_path_an_array_and_a_pillow_image_give_the_same(predictor, photograph, face_picture):
    image = Image.open(photograph)
    faces = [found[0] for found in predictor([photograph, str(photograph), image, face_picture[0]])]
    for face in faces[1:]:
        assert np.array_equal(face.points_px, faces[0].points_px)
        assert face.score == faces[0].score


@pytest.mark.parametrize("orientation", range(2, 9))
def test_photographs_are_upright_as_their_exif_data_tell(predictor, face_picture, tmp_path, orientation):
    image = Image.fromarray(face_picture[0])
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]  # 6 is stored turned left, 8 turned right
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.transpose(Image.Transpose(back)).save(tmp_path / "turned.png", exif=exif)
    (expected,), (face,) = predictor([face_picture[0], tmp_path / "turned.png"])
    assert np.array_equal(face.points_px, expected.points_px)


@pytest.mark.parametrize("kind", ["CMYK", "P", "RGBA", "LA", "1-pixel", "16 bits"])
def test_every_kind_of_picture_is_read(predictor, face_picture, tmp_path, kind):
    image = Image.fromarray(face_picture[0])
    if kind == "1-pixel":
        assert predictor(image.resize((1, 1))) == []
        return
    path = tmp_path / ("face.tif" if kind == "CMYK" else "face.png")
    if kind == "16 bits":
        Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257).save(path)
    else:
        image.convert(kind).save(path)
    (expected,), (face,) = predictor([image, path])
    assert np.abs(face.points_px - expected.points_px).max() < 3


def test_what_is_no_photograph_is_told_in_one_sentence(predictor, face_picture, tmp_path):
    frames = [Image.fromarray(face_picture[0]), Image.new("RGB", (320, 240))]
    frames[0].save(tmp_path / "moving.png", save_all=True, append_images=frames[1:])
    Image.new("1", (12_000, 9_000)).save(tmp_path / "huge.png")
    (tmp_path / "short.jpg").write_bytes((tmp_path / "huge.png").read_bytes()[:200])
    for path, said in (("moving.png", "animated"), ("huge.png", "12000x9000"), ("short.jpg", "short.jpg")):
        with pytest.raises(DataError, match=said):
            predictor(tmp_path / path)
    for array in (face_picture[0] / 255, face_picture[0][None], np.zeros((0, 5), np.uint8)):
        with pytest.raises(DataError, match=r"is no photograph; give uint8"):
            predictor(array)


def test_a_picture_without_a_face_has_none(predictor):
    noise = np.random.default_rng(0).integers(0, 256, (240, 320), dtype=np.uint8)
    ramp = np.tile(np.arange(320, dtype=np.uint8), (240, 1))
    assert predictor([noise, ramp, np.zeros((10, 900), np.uint8)]) == [[], [], []]


def test_in_a_box_there_is_one_face(predictor, scene):
    picture, truth = scene
    box = [*truth[1].min(0), *truth[1].max(0)]
    (face,) = predictor(picture, box=box)
    assert off(face, truth[1]) < 0.12
    for wrong in ([1, 2, 3], [0, 0, 0, 5], [float("nan")] * 4):
        with pytest.raises(ConfigError, match="left, top, right and bottom"):
            predictor(picture, box=wrong)
    with pytest.raises(ConfigError, match="outside of a photograph"):
        predictor(picture, box=[900, 0, 999, 99])


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_faces_on_their_side_or_head_are_found_when_asked(predictor, face_picture, turns):
    picture, truth = face_picture
    turned = np.ascontiguousarray(np.rot90(picture, turns))
    assert predictor(turned) == []
    (face,) = predictor(turned, any_rotation=True)
    x, y = truth.T
    expected = {1: (y, 320 - x), 2: (320 - x, 240 - y), 3: (240 - y, x)}[turns]
    assert off(face, np.stack(expected, axis=1)) < 0.12


@pytest.mark.parametrize("selection", ["all", "nose_tip"])
def test_a_network_without_a_confidence_gets_the_frame_of_the_face(predictor, face_picture, selection):
    """One that always predicts the mean shape of the Danes then predicts it where the face is."""
    torch.manual_seed(0)
    module = tiny_module((160, 120), selection).eval()
    shape = predictor.network.module.mean_shape[module.point_indices]
    with torch.no_grad():
        module.network.last.weight.zero_()
        module.network.last.bias.copy_(shape.flatten())
    module.mean_shape.copy_(shape)
    (face,) = Predictor(TorchNetwork(module), predictor)(face_picture[0])
    assert face.confidence is None
    assert face.score == face.frame.score
    distance = np.linalg.norm(face.points_px - face_picture[1][module.point_indices], axis=1)
    assert distance.mean() < 15


def test_a_network_that_cannot_be_framed_is_refused(predictor, face_picture):
    module = tiny_module((160, 120), scheme=Scheme.unknown(5), **TINY).eval()
    with pytest.raises(ConfigError, match="without eyes"):
        Predictor(TorchNetwork(module), predictor)(face_picture[0])
