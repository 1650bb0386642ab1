import math

import numpy as np
import pytest
import torch

from facekp.evaluation.catalogue import CATALOGUE, HEADLINE, by_image, summarise
from facekp.evaluation.errors import Predictions, errors_of, eye_distance_px, spread
from facekp.evaluation.metrics import KeypointMetrics
from facekp.landmarks.scheme import DANES, Group, Scheme

SQUARE = Scheme(
    "square",
    groups=(Group("left", (0, 1)), Group("right", (2, 3)), Group("ring", (4, 5, 6, 7), closed=True)),
    mirror=(2, 3, 0, 1, 4, 5, 6, 7),
    eyes=((0, 1), (2, 3)),
)
TRUTH = np.array([[0.1, 0.1], [0.1, 0.3], [0.6, 0.1], [0.6, 0.3], [0.2, 0.5], [0.4, 0.5], [0.4, 0.9], [0.2, 0.9]])
CANVAS = np.array([[200.0, 100.0]])


def predictions(offsets, points=tuple(range(8))) -> Predictions:
    """Predictions that miss the truth by so many pixels, float [N, K, 2]."""
    truth = np.broadcast_to(TRUTH, (len(offsets), *TRUTH.shape))
    canvas = np.broadcast_to(CANVAS, (len(offsets), 2))
    return Predictions(truth[:, list(points)] + offsets / canvas[:, None], truth, canvas, tuple(points), SQUARE)


def figures_of(offsets, points=tuple(range(8))) -> dict[str, float]:
    return summarise(errors_of(predictions(offsets, points)))


def test_true_predictions_have_no_error():
    figures = figures_of(np.zeros((3, 8, 2)))
    for name in ("error_px", "median_px", "p90_px", "worst_px", "curve_px", "mse_px2", "nme"):
        assert figures[name] == pytest.approx(0, abs=1e-4)
    assert figures["pck_05"] == figures["pck_10"] == 1
    assert figures["auc_10"] == pytest.approx(1)


def test_distances_are_measured_in_pixels_of_the_photograph():
    offsets = np.zeros((1, 8, 2))
    offsets[0, 0] = 3, 4
    figures = figures_of(offsets)
    assert figures["error_px"] == pytest.approx(5 / 8, rel=1e-4)
    assert figures["worst_px"] == pytest.approx(5, rel=1e-4)
    assert figures["mse_px2"] == pytest.approx((9 + 16) / 2 / 8, rel=1e-4)
    assert figures["nme"] == pytest.approx(5 / 8 / 100, rel=1e-4)
    assert figures["pck_10"] == 1


def test_eye_distance_is_between_the_means_of_the_eyes():
    assert eye_distance_px(TRUTH[None] * CANVAS[:, None], SQUARE)[0] == pytest.approx(100)


def test_sliding_along_the_path_costs_nothing_to_the_curve():
    offsets = np.zeros((1, 8, 2))
    offsets[0, 0] = 0, 10  # along the open path from point 0 to point 1
    offsets[0, 7] = 0, -20  # along the side that closes the ring
    offsets[0, 3] = 0, 10  # past the end of an open path
    offsets[0, 4] = -7, 0  # off the ring
    errors = errors_of(predictions(offsets))
    assert errors.distance_px[0, [0, 7, 3, 4]].tolist() == pytest.approx([10, 20, 10, 7], rel=1e-4)
    assert errors.curve_px[0, [0, 7, 3, 4]].tolist() == pytest.approx([0, 0, 10, 7], abs=1e-4)


def test_a_lone_point_is_measured_against_the_whole_path_of_its_group():
    offsets = np.array([[[0.0, 15.0]]])
    errors = errors_of(predictions(offsets, points=(0,)))
    assert errors.distance_px[0, 0] == pytest.approx(15, rel=1e-4)
    assert errors.curve_px[0, 0] == pytest.approx(0, abs=1e-4)


def test_pck_and_auc_follow_their_definitions():
    offsets = np.zeros((2, 8, 2))
    offsets[0, :4, 0] = 6.0  # 6 % of the eye distance
    offsets[0, 4:, 0] = 4.0
    offsets[1, :, 0] = 30.0
    figures = figures_of(offsets)
    assert figures["pck_05"] == pytest.approx(4 / 16)
    assert figures["pck_10"] == pytest.approx(8 / 16)
    assert figures["auc_10"] == pytest.approx((0.5 + 0) / 2, rel=1e-4)  # the first image's NME is 5 %


def test_auc_is_the_area_under_the_cumulative_distribution():
    offsets = 20 * np.random.default_rng(0).random((50, 8, 2))
    errors = errors_of(predictions(offsets))
    limits = np.linspace(0, 0.10, 20001)
    shares = (errors.normalised.mean(1)[None] <= limits[:, None]).mean(1)
    area = np.trapezoid(shares, limits) / 0.10
    assert summarise(errors)["auc_10"] == pytest.approx(area, abs=1e-3)


def test_an_image_fails_whose_nme_is_above_the_limit():
    offsets = np.zeros((4, 8, 2))
    offsets[0, :, 0] = 8.5  # % of the eye distance
    offsets[1, :, 0] = 7.5
    offsets[2, 0, 0] = 60.0  # one point alone: an NME of 7.5 %
    offsets[3, 0, 0] = 70.0
    assert figures_of(offsets)["failure_08"] == 0.5


def test_no_image_gives_nan_instead_of_a_crash():
    figures = figures_of(np.zeros((0, 8, 2)))
    assert all(math.isnan(value) for value in figures.values())


def test_spread_tells_one_shape_for_all_from_predictions_that_vary():
    truth = np.random.default_rng(1).random((20, 58, 2))
    exact = Predictions(truth, truth, np.broadcast_to(CANVAS, (20, 2)), tuple(range(58)), DANES)
    assert spread(exact) == pytest.approx(1)
    assert spread(exact.replaced_by(truth.mean(0))) == pytest.approx(0, abs=1e-6)


def test_the_metric_is_the_same_in_one_batch_or_many():
    generator = torch.Generator().manual_seed(2)
    truth, keypoints = torch.rand(2, 10, 58, 2, generator=generator)
    canvas, turned = torch.tensor([[640.0, 480.0]]).expand(10, -1), torch.arange(10) % 3 == 0
    mean_shape = truth.mean(0)
    whole, parts = (KeypointMetrics(DANES, range(58), mean_shape) for _ in range(2))
    whole.update(keypoints, truth, canvas, turned)
    for start in range(0, 10, 4):
        batch = slice(start, start + 4)
        parts.update(keypoints[batch], truth[batch], canvas[batch], turned[batch])
    assert whole.compute() == parts.compute()

    errors = errors_of(whole.predictions())
    figures = whole.compute()
    assert figures["error_px"] == pytest.approx(errors.distance_px.mean())
    assert figures["error_px_turned"] == pytest.approx(errors.distance_px[turned.numpy()].mean())
    baseline = errors_of(whole.predictions().replaced_by(mean_shape.numpy()))
    assert figures["mean_shape_mse_px2"] == pytest.approx(baseline.squared_px2.mean())
    assert set(HEADLINE) < set(figures)


@pytest.mark.danes
@pytest.mark.parametrize(
    ("selection", "expected"), [("nose_tip", {"mse_px2": 1929}), ("all", {"mse_px2": 1509, "error_px": 42.8})]
)
def test_mean_shape_baseline_of_the_real_set_is_the_known_one(danes_root, selection, expected):
    """The course split with raw labels; measured independently of this code."""
    from facekp.config import DataConfig
    from facekp.data.readers.danes import DanesReader
    from facekp.data.splits import split_records

    split = split_records(DanesReader().read(danes_root, "raw"), DataConfig(name="danes"))
    points = DANES.select(selection)
    train, val = (np.stack([r.keypoints for r in side]) for side in (split.train, split.val))
    exact = Predictions(val[:, points], val, np.full((len(val), 2), (640, 480)), points, DANES)
    figures = summarise(errors_of(exact.replaced_by(train.mean(0)[list(points)])))
    for name, value in expected.items():
        assert figures[name] == pytest.approx(value, rel=2e-3)


def test_without_eyes_or_paths_there_is_no_nme_and_the_distance_is_the_points_own():
    keypoints, truth = 100 * np.random.default_rng(3).random((2, 6, 4, 2))
    points = (0, 1, 3)
    errors = errors_of(Predictions(keypoints[:, points], truth, np.ones((6, 2)), points, Scheme.unknown(4)))
    np.testing.assert_array_equal(errors.curve_px, errors.distance_px)
    figures = summarise(errors)
    unknown = {"nme", "failure_08", "pck_05", "pck_10", "auc_10"}
    assert {name for name, value in figures.items() if math.isnan(value)} == unknown


def test_each_image_has_its_share_of_every_metric_that_is_a_mean_over_images():
    errors = errors_of(predictions(20 * np.random.default_rng(4).random((5, 8, 2))))
    figures, of_images = summarise(errors), by_image(errors)
    assert set(CATALOGUE) - set(of_images) == {"median_px", "p90_px", "worst_px"}
    for name, values in of_images.items():
        assert values.shape == (5,)
        assert values.mean() == pytest.approx(figures[name])
        assert summarise(errors.of(np.array([2])))[name] == pytest.approx(values[2])


def test_a_metric_is_written_in_its_unit():
    nme, error = CATALOGUE["nme"], CATALOGUE["error_px"]
    assert (nme.title(), nme.text(0.05678)) == ("NME, %", "5.68")
    assert (error.title("on turned faces"), error.text(4.321, sign="+")) == ("error on turned faces, px", "+4.32")
    assert nme.text(None) == nme.text(math.nan) == "–"
