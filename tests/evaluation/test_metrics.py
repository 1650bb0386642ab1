import math

import pytest
import torch

from facekp.evaluation.metrics import Answers, KeypointMetrics, errors_of, eye_distance_px, spread, summarise
from facekp.landmarks.scheme import DANES, Group, Scheme

SQUARE = Scheme(
    "square",
    groups=(Group("left", (0, 1)), Group("right", (2, 3)), Group("ring", (4, 5, 6, 7), closed=True)),
    mirror=(2, 3, 0, 1, 4, 5, 6, 7),
    eyes=((0, 1), (2, 3)),
)
TRUTH = torch.tensor([[0.1, 0.1], [0.1, 0.3], [0.6, 0.1], [0.6, 0.3], [0.2, 0.5], [0.4, 0.5], [0.4, 0.9], [0.2, 0.9]])
CANVAS = torch.tensor([[200.0, 100.0]])


def answers(offsets: torch.Tensor, points=tuple(range(8))) -> Answers:
    """Predictions that miss the truth by so many pixels, float [N, K, 2]."""
    truth = TRUTH.expand(len(offsets), -1, -1)
    canvas = CANVAS.expand(len(offsets), -1)
    return Answers(truth[:, list(points)] + offsets / canvas[:, None], truth, canvas, tuple(points), SQUARE)


def test_true_answers_have_no_error():
    figures = summarise(errors_of(answers(torch.zeros(3, 8, 2))))
    for name in ("error_px", "median_px", "p90_px", "worst_px", "curve_px", "mse_px2", "nme"):
        assert figures[name] == pytest.approx(0, abs=1e-4)
    assert figures["pck_05"] == figures["pck_10"] == 1
    assert figures["auc_10"] == pytest.approx(1)


def test_distances_are_measured_in_pixels_of_the_photograph():
    offsets = torch.zeros(1, 8, 2)
    offsets[0, 0] = torch.tensor([3.0, 4.0])
    figures = summarise(errors_of(answers(offsets)))
    assert figures["error_px"] == pytest.approx(5 / 8, rel=1e-4)
    assert figures["worst_px"] == pytest.approx(5, rel=1e-4)
    assert figures["mse_px2"] == pytest.approx((9 + 16) / 2 / 8, rel=1e-4)
    assert figures["nme"] == pytest.approx(5 / 8 / 100, rel=1e-4)
    assert figures["pck_05"] == pytest.approx(1)


def test_eye_distance_is_between_the_means_of_the_eyes():
    assert eye_distance_px(TRUTH[None] * CANVAS[:, None], SQUARE).item() == pytest.approx(100)


def test_sliding_along_the_path_costs_nothing_to_the_curve():
    offsets = torch.zeros(1, 8, 2)
    offsets[0, 0] = torch.tensor([0.0, 10.0])  # along the open path from point 0 to point 1
    offsets[0, 7] = torch.tensor([0.0, -20.0])  # along the side that closes the ring
    offsets[0, 3] = torch.tensor([0.0, 10.0])  # past the end of an open path
    offsets[0, 4] = torch.tensor([-7.0, 0.0])  # off the ring
    errors = errors_of(answers(offsets))
    assert errors.distance_px[0, [0, 7, 3, 4]].tolist() == pytest.approx([10, 20, 10, 7], rel=1e-4)
    assert errors.curve_px[0, [0, 7, 3, 4]].tolist() == pytest.approx([0, 0, 10, 7], abs=1e-4)


def test_a_lone_point_is_measured_against_the_whole_path_of_its_group():
    offsets = torch.tensor([[[0.0, 15.0]]])
    errors = errors_of(answers(offsets, points=(0,)))
    assert errors.distance_px.item() == pytest.approx(15, rel=1e-4)
    assert errors.curve_px.item() == pytest.approx(0, abs=1e-4)


def test_pck_and_auc_follow_their_definitions():
    offsets = torch.zeros(2, 8, 2)
    offsets[0, :4, 0] = 6.0  # 6 % of the eye distance
    offsets[0, 4:, 0] = 4.0
    offsets[1, :, 0] = 30.0
    figures = summarise(errors_of(answers(offsets)))
    assert figures["pck_05"] == pytest.approx(4 / 16)
    assert figures["pck_10"] == pytest.approx(8 / 16)
    assert figures["auc_10"] == pytest.approx((0.5 + 0) / 2, rel=1e-4)  # the first image's NME is 5 %


def test_auc_is_the_area_under_the_cumulative_distribution():
    generator = torch.Generator().manual_seed(0)
    offsets = 20 * torch.rand(50, 8, 2, generator=generator)
    errors = errors_of(answers(offsets))
    limits = torch.linspace(0, 0.10, 20001, dtype=torch.float64)
    shares = (errors.normalised.mean(1)[None] <= limits[:, None]).double().mean(1)
    area = torch.trapezoid(shares, limits) / 0.10
    assert summarise(errors)["auc_10"] == pytest.approx(area.item(), abs=1e-3)


def test_no_image_gives_nan_instead_of_a_crash():
    figures = summarise(errors_of(answers(torch.zeros(0, 8, 2))))
    assert all(math.isnan(value) for value in figures.values())


def test_spread_tells_one_shape_for_all_from_answers_that_vary():
    truth = torch.rand(20, 58, 2, generator=torch.Generator().manual_seed(1))
    canvas = CANVAS.expand(20, -1)
    exact = Answers(truth, truth, canvas, tuple(range(58)), DANES)
    assert spread(exact) == pytest.approx(1)
    assert spread(exact.replaced_by(truth.mean(0))) == pytest.approx(0, abs=1e-6)


def test_the_metric_is_the_same_in_one_batch_or_many():
    generator = torch.Generator().manual_seed(2)
    truth, predictions = torch.rand(2, 10, 58, 2, generator=generator)
    canvas, turned = torch.tensor([[640.0, 480.0]]).expand(10, -1), torch.arange(10) % 3 == 0
    mean_shape = truth.mean(0)
    whole, parts = (KeypointMetrics(DANES, range(58), mean_shape) for _ in range(2))
    whole.update(predictions, truth, canvas, turned)
    for start in range(0, 10, 4):
        batch = slice(start, start + 4)
        parts.update(predictions[batch], truth[batch], canvas[batch], turned[batch])
    assert whole.compute() == parts.compute()

    errors = errors_of(whole.answers())
    figures = whole.compute()
    assert figures["error_px"] == pytest.approx(errors.distance_px.mean().item())
    assert figures["error_px_turned"] == pytest.approx(errors.distance_px[turned].mean().item())
    baseline = errors_of(whole.answers().replaced_by(mean_shape))
    assert figures["mean_shape_mse_px2"] == pytest.approx(baseline.squared_px2.mean().item())


@pytest.mark.danes
@pytest.mark.parametrize(
    ("selection", "expected"), [("nose_tip", {"mse_px2": 1929}), ("all", {"mse_px2": 1509, "error_px": 42.8})]
)
def test_mean_shape_baseline_of_the_real_set_is_the_known_one(danes_root, selection, expected):
    """The course split with raw labels; measured independently of this code."""
    import numpy as np

    from facekp.config import DataConfig
    from facekp.data.readers.danes import DanesReader
    from facekp.data.splits import split_records

    split = split_records(DanesReader().read(danes_root, "raw"), DataConfig(name="danes"))
    points = DANES.select(selection)
    train, val = (torch.from_numpy(np.stack([r.keypoints for r in side])) for side in (split.train, split.val))
    canvas = torch.tensor([[640.0, 480.0]]).expand(len(val), -1)
    mean = Answers(train.mean(0)[list(points)].expand(len(val), -1, -1), val, canvas, points, DANES)
    figures = summarise(errors_of(mean))
    for name, value in expected.items():
        assert figures[name] == pytest.approx(value, rel=2e-3)


def test_without_eyes_or_paths_there_is_no_nme_and_the_distance_is_the_points_own():
    generator = torch.Generator().manual_seed(3)
    predictions, truth = 100 * torch.rand(2, 6, 4, 2, generator=generator)
    errors = errors_of(Answers(predictions[:, [0, 1, 3]], truth, torch.ones(6, 2), (0, 1, 3), Scheme.unknown(4)))
    assert torch.equal(errors.curve_px, errors.distance_px)
    figures = summarise(errors)
    unknown = {"nme", "pck_05", "pck_10", "auc_10"}
    assert {name for name, value in figures.items() if math.isnan(value)} == unknown
