"""The content of the figures of a comparison; not their appearance."""

import numpy as np
from matplotlib.colors import to_rgb

from facekp.reporting import curve_figures as figures
from facekp.reporting.figures import PREDICTION

RNG = np.random.default_rng(0)


def texts(figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def test_intervals_lie_about_their_means_beside_the_line_of_no_difference():
    values = np.array([[1.0, -0.5, 2.5], [-2.0, np.nan, np.nan]])
    figure = figures.paired_differences(values, ["all", "turned"], "px", "title", "caption")
    (axes,) = figure.axes
    zero, means = axes.lines
    assert set(zero.get_xdata()) == {0}
    np.testing.assert_array_equal(means.get_xydata(), [[1, 0], [-2, 1]])
    (intervals,) = axes.collections
    np.testing.assert_array_equal(intervals.get_segments()[0], [[-0.5, 0], [2.5, 0]])
    top, bottom = (axes.transData.transform((0, row))[1] for row in (0, 1))
    assert top > bottom
    for word in ("all", "turned", "px", "title", "caption"):
        assert word in texts(figure)


def test_every_run_has_a_line_of_its_own_and_none_is_red():
    errors = {f"run {i}": RNG.random(5) for i in range(20)}
    lines = figures.cumulative_errors(errors, "px", "t", "c").axes[0].lines
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 20
    assert lines[0].get_color() == PREDICTION
    for line in lines:
        red, green, blue = to_rgb(line.get_color())
        assert red < 2 * max(green, blue)


def test_cumulative_errors_rise_from_none_to_all_images_also_where_an_error_is_not_finite():
    errors = {"a": np.array([2.0, 1.0, 4.0]), "b": np.array([1.0, np.inf, np.nan])}
    line = figures.cumulative_errors(errors, "px", "t", "c").axes[0].lines[0]
    np.testing.assert_allclose(line.get_xdata(), [0, 1, 2, 4])
    np.testing.assert_allclose(line.get_ydata(), [0, 1 / 3, 2 / 3, 1])


def test_losses_are_thick_where_validation_and_thin_and_smoothed_where_training():
    noisy = np.tile([1.0, 3.0], 150)
    losses = {"a": {"train/loss": (range(300), noisy), "val/loss": ([99, 299], [0.3, 0.2])}, "b": {}}
    (axes,) = figures.loss_curves(losses, "t", "c").axes
    training, validation, _ = axes.lines
    assert training.get_linewidth() < validation.get_linewidth()
    assert np.ptp(training.get_ydata()) < 0.5 * np.ptp(noisy)
    np.testing.assert_array_equal(validation.get_xydata(), [[99, 0.3], [299, 0.2]])
    assert axes.get_yscale() == "log"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]


def test_each_tenth_of_the_predictions_by_confidence_has_a_bar_with_its_error():
    confidence = RNG.permutation(np.arange(1000) / 1000)
    (axes,) = figures.error_by_confidence(confidence, 10 * (1 - confidence), "t", "c").axes
    mean_confidence = 0.0495 + 0.1 * np.arange(10)
    np.testing.assert_allclose([bar.get_height() for bar in axes.patches], 10 * (1 - mean_confidence))
    assert axes.get_xticklabels()[0].get_text() == "0.05"
    few = figures.error_by_confidence(np.array([0.2, 0.1]), np.array([1.0, 3.0]), "t", "c").axes[0].patches
    assert [bar.get_height() for bar in few] == [3, 1]
