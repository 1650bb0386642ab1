import numpy as np

from facekp.reporting.confidence import by_confidence, draw_confidence

RNG = np.random.default_rng(0)


def test_answers_are_parted_by_how_sure_they_are():
    confidence = RNG.permutation(np.arange(1000) / 1000)
    mean_confidence, error = by_confidence(confidence, 10 * (1 - confidence))
    np.testing.assert_allclose(mean_confidence, 0.0495 + 0.1 * np.arange(10))
    np.testing.assert_allclose(error, 10 * (1 - mean_confidence))
    assert by_confidence(np.array([0.2, 0.1]), np.array([1.0, 3.0]))[1].tolist() == [3.0, 1.0]


def test_the_figure_has_a_bar_for_each_tenth_with_its_error():
    confidence = RNG.random(95)
    errors = RNG.random(95)
    figure = draw_confidence(confidence, errors, "confidence", "drawn, raw labels")
    (axes,) = figure.axes
    np.testing.assert_allclose([bar.get_height() for bar in axes.patches], by_confidence(confidence, errors)[1])
    assert "px" in axes.get_ylabel()
    assert figure.get_suptitle() == "confidence"
