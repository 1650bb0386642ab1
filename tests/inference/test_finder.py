from __future__ import annotations

import numpy as np
import pytest
import torch

from facekp.inference.finder import Candidate, _decode_windows, distinct
from facekp.models import heatmap_codec as codec

RNG = np.random.default_rng(0)


def test_the_heatmaps_of_all_windows_are_decoded_as_one_by_one():
    logits = RNG.normal(scale=3, size=(2, 40, 55)).astype(np.float32)
    logits[1, 20, 30] = 60  # so that all others are lost beside it
    confidence, means = _decode_windows(logits, (8, 10))
    assert confidence.shape == (2 * 2, 2)
    corners = [(x, y) for y in (0, 8) for x in (0, 10)]
    for row, (x, y) in enumerate(corners):
        heatmap = codec.spatial_softmax(torch.from_numpy(logits[:, y : y + 32, x : x + 40]))
        marginals = codec.marginals(heatmap)
        keypoints = codec.decode(*marginals)
        assert confidence[row] == pytest.approx(codec.mass_near(*marginals, keypoints).numpy(), abs=1e-5)
        assert means[row] == pytest.approx(keypoints.numpy() * (40, 32) + (x, y), abs=1e-3)


def test_a_point_far_likelier_elsewhere_is_lost_not_wrong():
    logits = np.zeros((1, 32, 90), np.float32)
    logits[0, 5, 85] = 1000
    logits[0, 20, 20] = 90
    confidence, means = _decode_windows(logits, (8, 10))
    assert np.isfinite(means).all()
    assert confidence.min() < 0.03
    assert confidence.max() == pytest.approx(1)


def test_of_overlapping_candidates_the_best_stays():
    square = np.array([[0.0, 0.0], [10.0, 10.0]])
    near, far, point = (Candidate(square + shift, score) for shift, score in ((1, 0.5), (20, 0.4), (0, 0.9)))
    assert distinct([near, far, point]) == [point, far]
    assert distinct([]) == []
    part = Candidate(np.array([[3.0, 3.0], [7.0, 7.0]]), 0.6)
    assert distinct([part, point]) == [point]
    better = Candidate(part.points_px, 0.95)
    assert distinct([better, point]) == [better, point]
    single = [Candidate(np.array([[x, 5.0]]), 1 - x / 100) for x in (5.0, 5.2, 8.0)]
    assert distinct(single) == [single[0], single[2]]
