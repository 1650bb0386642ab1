"""What several runs have in common, and how each differs from the first."""

from __future__ import annotations

import numpy as np
import pytest

from facekp.evaluation.comparison import PredictionTable, common_ground, compare_tables, difference_of
from facekp.evaluation.errors import Errors
from facekp.utils.errors import ConfigError

IMAGES = tuple("abcdef")


def table(miss_px=1.0, images=IMAGES, points=(0, 1, 2), eyes=50.0, **told):
    rows, columns = [IMAGES.index(image) for image in images], list(points)
    true_px = np.arange(36.0).reshape(6, 3, 2)[rows][:, columns]
    distance = np.broadcast_to(np.asarray(miss_px, float), (6, 3))[rows][:, columns]
    errors = Errors(distance, distance / 2, np.full(len(rows), eyes))
    predicted = true_px + np.stack([distance, np.zeros_like(distance)], axis=-1)
    people, types = (np.array(each)[rows] for each in ([1, 1, 2, 2, 3, 3], [1, 3, 1, 3, 1, 3]))
    made = {"labels": "mended", "true_px": true_px} | told
    return PredictionTable(images, people, types, points, predicted_px=predicted, errors=errors, **made)


def test_runs_meet_on_the_images_and_points_that_all_of_them_predict():
    miss = np.arange(18.0).reshape(6, 3)
    met = common_ground({"one": table(miss), "other": table(miss, images=tuple("fdcb"), points=(2, 0))})
    for run in met.values():
        assert run.images == tuple("bcdf")
        assert run.point_indices == (0, 2)
        np.testing.assert_array_equal(run.errors.distance_px, miss[[1, 2, 3, 5]][:, [0, 2]])
        np.testing.assert_array_equal((run.predicted_px - run.true_px)[..., 0], run.errors.distance_px)
        assert run.people.tolist() == [1, 2, 2, 3]
        assert run.types.tolist() == [3, 1, 3, 3]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (table(labels="raw"), "one was evaluated on mended labels and other on raw ones"),
        (table(images=tuple("ab")), "no image that all 2 runs predict"),
        (table(points=(1,)), "no point that all 2 runs predict"),
        (table(true_px=np.full((6, 3, 2), 7.0)), "the true points of c differ between one and other"),
    ],
)
def test_what_has_nothing_in_common_is_told(other, message):
    with pytest.raises(ConfigError, match=message):
        common_ground({"one": table(images=tuple("cd"), points=(0, 2)), "other": other})


def test_each_run_is_set_against_the_first():
    first, second = compare_tables([table(2.0), table(3.0)])
    assert (first["error_px"], first["mse_px2"], first["nme"], first["error_px_turned"]) == (2, 2, 0.04, 2)
    assert "difference" not in first
    assert second["difference"]["error_px"] == {"mean": 1, "low": 1, "high": 1, "verdict": "worse"}
    assert second["error_px_by_type"].keys() == {"type 1, neutral", "type 3, turned right", "frontal", "turned", "all"}


def test_what_is_not_known_is_none():
    first, second = compare_tables([table(eyes=np.nan), table(eyes=np.nan)])
    assert first["nme"] is None
    assert "nme" not in second["difference"]


def test_the_verdict_knows_which_way_is_better():
    more, less, people = np.full(6, 2.0), np.full(6, 1.0), np.array([1, 1, 2, 2, 3, 3])
    assert difference_of(more, less, people)["verdict"] == "worse"
    assert difference_of(more, less, people, lower_is_better=False)["verdict"] == "better"
    assert difference_of(more, more, people)["verdict"] == "no difference shown"
