"""What the figures hold: artists, data and words; how they look is for the eye."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from facekp import figures
from facekp.figures import Face
from facekp.landmarks import DANES

RNG = np.random.default_rng(0)


def faces(count: int, points: int) -> list[Face]:
    return [
        Face(f"face {i}", np.full((60, 80), i, np.uint8), RNG.random((points, 2)), RNG.random((points, 2)))
        for i in range(count)
    ]


def texts(figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


@pytest.mark.parametrize("points", [(52,), tuple(range(58))])
def test_faces_show_red_circles_for_truth_and_blue_crosses_for_predictions(points):
    shown = faces(5, len(points))
    figure = figures.face_grid(shown, DANES, points, "some faces", "drawn, raw labels")
    for panel, face in zip(figure.axes, shown, strict=False):
        marks = {line.get_marker(): line for line in panel.lines if line.get_marker() != "None"}
        np.testing.assert_array_equal(marks["o"].get_xydata(), face.truth)
        np.testing.assert_array_equal(marks["x"].get_xydata(), face.prediction)
        red, blue = (to_rgb(marks[mark].get_color()) for mark in ("o", "x"))
        assert red[0] > 2 * max(red[1:])
        assert blue[2] > 2 * max(blue[:2])
        assert panel.get_title() == face.title
        np.testing.assert_array_equal(panel.images[0].get_array(), face.image)
    for word in ("some faces", "drawn, raw labels", "ground truth", "prediction"):
        assert word in texts(figure)


def test_paths_join_the_points_of_a_group_and_nothing_else():
    figure = figures.face_grid(faces(1, 58), DANES, range(58), "t", "c")
    path = next(line for line in figure.axes[0].lines if line.get_marker() == "None").get_xydata()
    joins = sum(len(group.segments) for group in DANES.groups)
    assert np.isnan(path).all(1).sum() == joins
    assert len(path) == 3 * joins


def test_loss_curves_put_both_losses_on_one_logarithmic_axis():
    curves = {"train/loss": (range(300), np.ones(300)), "val/loss": ([99, 199, 299], [0.3, 0.2, 0.1])}
    figure = figures.loss_curves(curves, "losses", "caption")
    (axes,) = figure.axes
    assert axes.get_yscale() == "log"
    assert {line.get_label(): len(line.get_xdata()) for line in axes.lines} == {"train/loss": 300, "val/loss": 3}
    assert axes.get_xlabel() == "iteration"


def test_cumulative_error_rises_from_none_to_all_images():
    figure = figures.cumulative_errors({"prediction": np.array([0.02, 0.01, 0.04])}, 0.1, "t", "c")
    line = figure.axes[0].lines[0]
    np.testing.assert_allclose(line.get_xdata(), [0, 1, 2, 4])
    np.testing.assert_allclose(line.get_ydata(), [0, 1 / 3, 2 / 3, 1])
    assert "%" in figure.axes[0].get_xlabel()


def test_error_table_writes_every_number():
    figure = figures.error_table(["type 1", "all"], ["jaw", "eye"], np.array([[1.0, 2.25], [3.0, 40.0]]), "t", "c")
    for word in ("1.0", "2.2", "3.0", "40.0", "type 1", "jaw", "px"):
        assert word in texts(figure)


@pytest.mark.parametrize("shape", [(6, 1, 5, 5), (12, 6, 5, 5), (3, 2, 3, 3)])
def test_filters_show_every_kernel_on_one_scale_around_zero(shape):
    weights = RNG.normal(size=shape)
    figure = figures.filters(weights, "t", "c")
    picture = figure.axes[0].images[0]
    drawn = picture.get_array().compressed() if np.ma.isMaskedArray(picture.get_array()) else picture.get_array()
    drawn = drawn[~np.isnan(drawn)]
    np.testing.assert_allclose(np.sort(drawn.ravel()), np.sort(weights.ravel()))
    assert picture.get_clim() == pytest.approx((-np.abs(weights).max(), np.abs(weights).max()))


def test_responses_show_each_channel_from_its_least_to_its_largest():
    maps = RNG.normal(size=(5, 8, 9)) * np.array([1, 10, 100, 1, 1])[:, None, None]
    maps[4] = 3.0
    figure = figures.responses(np.zeros((60, 80), np.uint8), maps, "t", "c")
    sheet = np.ma.filled(figure.axes[1].images[0].get_array(), np.nan)
    assert np.nanmin(sheet) == 0
    assert np.nanmax(sheet) == 1
    assert (~np.isnan(sheet)).sum() == maps.size
