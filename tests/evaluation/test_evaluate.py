from dataclasses import replace

import numpy as np
from torch.utils.data import DataLoader

from facekp.config import ModelConfig
from facekp.data.dataset import FaceDataset
from facekp.data.readers.danes import mend
from facekp.evaluation.evaluate import Evaluation, evaluate_predictor
from facekp.landmarks.scheme import DANES
from facekp.models.module import KeypointModule

SIZE = (160, 120)
MODEL = ModelConfig(name="full", network={"_target_": "facekp.models.full.FullNet"})


def evaluated(records, labels) -> Evaluation:
    faces = FaceDataset(records, SIZE)
    name = {"model": "full", "weights": "last", "epoch": 0, "data": "drawn", "labels": labels, "split": "all"}
    module = KeypointModule(MODEL, DANES)
    module.init_from_shapes(faces.keypoints)
    return evaluate_predictor(module, DataLoader(faces, 8), name)


def misordered(record):
    keypoints = record.keypoints.copy()
    eye = list(DANES.eyes[0])
    keypoints[eye] = keypoints[eye[4::-1] + eye[:4:-1]]
    return replace(record, keypoints=keypoints)


def test_mended_labels_are_reported_beside_the_published_ones(drawn_records):
    raw = [misordered(drawn_records[0]), *drawn_records[1:6]]
    mended = [mend(record) for record in raw]
    on_mended = evaluated(mended, "mended")
    measured = on_mended.as_json()
    published = replace(on_mended, records=raw, predictions=on_mended.on_raw_labels)
    assert measured["raw_labels"]["by_type"] == published.as_json()["by_type"]
    assert measured["raw_labels"]["by_type"]["type 1, neutral"] != measured["by_type"]["type 1, neutral"]
    assert measured["raw_labels"]["by_type"]["turned"] == measured["by_type"]["turned"]


def test_raw_labels_are_reported_once(drawn_records):
    assert "raw_labels" not in evaluated(drawn_records[:6], "raw").as_json()


def test_what_mending_changes_is_kept(drawn_records):
    raw = misordered(drawn_records[0])
    mended = mend(raw)
    assert (mended.raw_keypoints == raw.keypoints).all()
    assert (mended.keypoints == drawn_records[0].keypoints).all()
    assert drawn_records[0].raw_keypoints is drawn_records[0].keypoints


def test_it_is_told_how_many_points_lie_within_the_ellipses_of_a_network_that_has_them(drawn_records):
    plain = evaluated(drawn_records[:6], "mended")
    assert "coverage" not in plain.as_json()
    sure = np.full((6, 58, 2, 2), 1e-9, np.float32) * np.eye(2, dtype=np.float32)
    for covariance, expected in ((sure, 0.0), (sure * 1e9, 1.0)):
        told = replace(plain, predictions=replace(plain.predictions, covariance=covariance)).as_json()
        assert list(told["coverage"]) == ["50%", "90%", "99%"]
        assert all(abs(share - expected) < 0.02 for share in told["coverage"].values())
