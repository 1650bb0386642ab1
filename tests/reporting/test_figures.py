"""The artists, data and texts of figures; not their appearance."""

import re
from itertools import pairwise

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.colors import to_rgb
from matplotlib.quiver import Quiver

from facekp.evaluation.errors import Predictions
from facekp.landmarks.scheme import DANES
from facekp.reporting import curve_figures, faces, figures, network_figures
from facekp.reporting.faces import FacePanel

RNG = np.random.default_rng(0)


def some_faces(count: int, points: int) -> list[FacePanel]:
    return [
        FacePanel(f"face {i}", np.full((60, 80), i, np.uint8), RNG.random((points, 2)), RNG.random((points, 2)))
        for i in range(count)
    ]


def missing(shape, errors_px, points=tuple(range(58))) -> Predictions:
    """Predictions that miss the points of one shape by errors [N, K, 2]."""
    truth, size = np.broadcast_to(shape, (len(errors_px), 58, 2)), np.ones((len(errors_px), 2))
    return Predictions(truth[:, list(points)] + errors_px, truth, size, points, DANES)


def texts(figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


@pytest.mark.parametrize("points", [(52,), tuple(range(58))])
def test_faces_show_red_circles_for_truth_and_blue_crosses_for_predictions(points):
    shown = some_faces(5, len(points))
    figure = faces.face_grid(shown, DANES, points, "some faces", "drawn, raw labels")
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


@pytest.mark.parametrize("points", [(52,), tuple(range(58))])
def test_the_picture_is_cropped_to_the_whole_face_with_all_points_that_lie_in_it(points):
    landmarks = np.array([0.4, 0.3]) + 0.2 * RNG.random((58, 2))
    truth = landmarks[list(points)]
    near, far, outside = truth + 0.01, np.full_like(truth, 0.95), np.full_like(truth, 40.0)
    sides = []
    for prediction in (near, far, outside, np.full_like(truth, np.nan)):
        face = FacePanel("face", np.zeros((60, 80), np.uint8), truth, prediction, landmarks=landmarks)
        (panel,) = faces.face_grid([face], DANES, points, "t", "c").axes
        (left, right), (below, above) = panel.get_xlim(), panel.get_ylim()
        assert 80 * (right - left) == pytest.approx(60 * (below - above))
        shown = np.concatenate([landmarks, prediction[(prediction <= 1).all(1)]])
        assert (shown > (left, above)).all()
        assert (shown < (right, below)).all()
        sides.append(right - left)
    assert sides[0] < 0.35 < sides[1]
    assert sides[2] <= 1


def test_a_line_joins_truth_and_prediction_if_they_lie_further_apart_than_a_mark():
    truth = RNG.random((58, 2))
    prediction = truth.copy()
    prediction[7] += 0.2
    (panel,) = faces.face_grid([FacePanel("a", FACE[0], truth, prediction)], DANES, range(58), "t", "c").axes
    (joined,) = (line.get_xydata() for line in panel.lines if line.get_color() == "black")
    np.testing.assert_array_equal(joined[:2], [truth[7], prediction[7]])
    assert np.isnan(joined[2:]).all()


def test_long_titles_of_neighbours_do_not_touch():
    shown = [FacePanel("a-long-name-without-a-space-" * 5, FACE[0], FACE[1])] * 3
    figure = faces.face_grid(shown, DANES, range(58), "t " * 200, "c")
    figure.draw_without_rendering()
    boxes = [panel.title.get_window_extent() for panel in figure.axes]
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))
    assert figure._suptitle.get_window_extent().width < figure.bbox.width


def test_paths_join_the_points_of_a_group_and_nothing_else():
    figure = faces.face_grid(some_faces(1, 58), DANES, range(58), "t", "c")
    path = next(line for line in figure.axes[0].lines if line.get_marker() == "None").get_xydata()
    joins = sum(len(group.segments) for group in DANES.groups)
    assert np.isnan(path).all(1).sum() == joins
    assert len(path) == 3 * joins


def test_error_table_writes_every_number():
    figure = figures.error_table({"type 1": {"jaw": 1.0, "eye": 2.25}, "all": {"jaw": 3.0, "eye": 40.0}}, "t", "c")
    for word in ("1.0", "2.2", "3.0", "40.0", "type 1", "jaw", "px"):
        assert word in texts(figure)


@pytest.mark.parametrize("points", [(52,), tuple(range(58))])
def test_error_vectors_point_where_the_answers_lie(points):
    mean = 100 + 200 * RNG.random((58, 2))
    errors = np.stack([np.full((len(points), 2), (6.0, -2.0)), np.full((len(points), 2), (2.0, -2.0))])
    figure = figures.error_vectors(missing(mean, errors, points), "t", "c")
    means, spreads = figure.axes
    (arrows,) = (artist for artist in means.collections if isinstance(artist, Quiver))
    np.testing.assert_allclose(np.stack([arrows.U, arrows.V], axis=1), np.full((len(points), 2), (4.0, -2.0)))
    np.testing.assert_allclose(arrows.get_offsets(), mean[list(points)])
    assert f"drawn {1 / arrows.scale:g} times as long" in means.get_title()
    assert means.yaxis_inverted()
    assert len(spreads.patches) == len(points)
    for ellipse, point in zip(spreads.patches, points, strict=True):
        np.testing.assert_allclose(ellipse.center, mean[point] + (4, -2))
        assert (ellipse.width, ellipse.height) == pytest.approx((4, 0))  # one standard deviation, 2 px, either way
        assert abs(np.sin(np.radians(ellipse.angle))) < 1e-6
    assert "px" in texts(figure)


def test_error_vectors_of_perfect_answers_are_drawn_too():
    figure = figures.error_vectors(missing(RNG.random((58, 2)), np.zeros((3, 58, 2))), "t", "c")
    figure.draw_without_rendering()


ODD = r"${x}$ $x_$ \foo $\frac$"
FACE = np.zeros((60, 80), np.uint8), RNG.random((58, 2))


@pytest.mark.parametrize(
    ("draw", "times"),
    [
        (lambda: faces.face_grid([FacePanel(ODD, *FACE)], DANES, range(58), ODD, ODD), 3),
        (lambda: figures.error_table({ODD: {ODD: 1.0}}, ODD, ODD), 4),
        (lambda: figures.error_vectors(missing(FACE[1], np.ones((2, 58, 2))), ODD, ODD), 2),
        (lambda: faces.face_grid([FacePanel(ODD, *FACE, FACE[1])], DANES, range(58), ODD, ODD, prediction=ODD), 4),
        (lambda: curve_figures.cumulative_errors({ODD: np.ones(3)}, ODD, ODD, ODD), 4),
        (lambda: curve_figures.loss_curves({ODD: {"val/loss": ([1, 2], [1e-3, 2])}}, ODD, ODD), 3),
        (lambda: curve_figures.paired_differences(np.ones((1, 3)), [ODD], ODD, ODD, ODD), 4),
        (lambda: curve_figures.error_by_confidence(RNG.random(99), RNG.random(99), ODD, ODD), 2),
        (lambda: network_figures.draw_filters(RNG.random((1, 1, 3, 3)), ODD, ODD), 2),
        (lambda: network_figures.draw_responses(FACE[0], RNG.random((2, 6, 8)), ODD, ODD), 2),
    ],
)
def test_text_from_outside_is_no_formula(draw, times, tmp_path):
    with rc_context({"svg.fonttype": "none"}):
        draw().savefig(tmp_path / "figure.svg")
    drawn = (tmp_path / "figure.svg").read_text()
    assert re.sub("<!--.*?-->", "", drawn).count(ODD) == times
    assert "mathdefault" not in drawn


def test_control_characters_are_written_out(tmp_path):
    with rc_context({"svg.fonttype": "none"}):
        figures.new_figure(4, 3, "a\x1b[31mb\udce9", "two\nlines").savefig(tmp_path / "figure.svg")
    drawn = (tmp_path / "figure.svg").read_text()
    assert r"a\x1b[31mb\udce9" in drawn
    assert r"two\n" not in drawn
