"""What the contact sheets hold: artists, data and words; how they look is for the eye."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from facekp.data.augmentation import Augmentation, RandomAffine
from facekp.data.dataset import AugmentedDataset, FaceDataset
from facekp.landmarks.scheme import DANES, Group, Scheme
from facekp.reporting import data_figures as sheets

SIZE = (80, 60)


@pytest.fixture(scope="module")
def faces(drawn_records) -> FaceDataset:
    return FaceDataset(drawn_records, SIZE)


def titles(figure: Figure) -> list[str]:
    return [panel.get_title() for panel in figure.axes if panel.get_title()]


def marked(panel: Axes, marker: str) -> np.ndarray:
    return np.concatenate([line.get_xydata() for line in panel.lines if line.get_marker() == marker])


def is_red(colour: str) -> bool:
    red, green, blue = to_rgb(colour)
    return red > 2 * max(green, blue)


def words(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def test_ground_truth_has_a_row_for_each_person_and_a_column_for_each_type(faces):
    figure = sheets.ground_truth(faces, DANES, "drawn, raw labels")
    assert titles(figure) == [record.name for record in faces.records]
    assert figure.axes[0].get_subplotspec().get_gridspec().get_geometry() == (4, 6)
    for index, panel in enumerate(figure.axes):
        np.testing.assert_array_equal(marked(panel, "o"), faces.keypoints[index])
        np.testing.assert_array_equal(panel.images[0].get_array(), faces.image(index))
    assert "drawn, raw labels" in words(figure)


@pytest.mark.parametrize(
    ("of_each", "shown", "columns"), [(1, 24, 6), (2, 24, 6), (4, 24, 4), (12, 24, 6), (24, 24, 6)]
)
def test_ground_truth_fits_any_number_of_photographs_of_a_person(drawn_records, of_each, shown, columns):
    records = [replace(record, person=i // of_each) for i, record in enumerate(drawn_records)]
    figure = sheets.ground_truth(FaceDataset(records, SIZE), DANES, "c")
    assert len(titles(figure)) == shown
    assert figure.axes[0].get_subplotspec().get_gridspec().get_geometry()[1] == columns


def test_ground_truth_is_of_those_who_have_the_most_photographs(drawn_records):
    figure = sheets.ground_truth(FaceDataset(drawn_records[1:], SIZE), DANES, "c")
    assert titles(figure) == [record.name for record in drawn_records[6:]]


def test_asked_points_are_those_and_no_others(faces):
    points = DANES.select("nose_tip")
    figure = sheets.asked_points(faces, DANES, points, "nose_tip", "c")
    for index, panel in enumerate(figure.axes):
        np.testing.assert_array_equal(marked(panel, "o"), faces.keypoints[index, points])
    assert "nose_tip" in words(figure)


def test_draws_are_those_of_the_augmentation_after_the_face_itself(drawn_records):
    augmentation = Augmentation([RandomAffine(rotate_deg=15, scale=0.1, shift=0.1)], DANES, mirror=0.5, seed=3)
    faces = AugmentedDataset(drawn_records, SIZE, augmentation)
    figure = sheets.draws(faces, 2, DANES, "c", count=5)
    assert titles(figure) == [drawn_records[2].name, *(f"draw {draw}" for draw in range(5))]
    np.testing.assert_array_equal(marked(figure.axes[0], "o"), faces.keypoints[2])
    for draw, panel in enumerate(figure.axes[1:6]):
        sample = faces[(draw, 2)]
        np.testing.assert_array_equal(marked(panel, "o"), sample["keypoints"])
        np.testing.assert_array_equal(panel.images[0].get_array(), sample["image"][0])


def test_every_point_is_numbered_once_near_its_mark_and_no_two_numbers_overlap(drawn_records):
    faces = FaceDataset(drawn_records, (640, 480))
    for index in (0, 2, 3):
        figure = sheets.numbered(faces, index, DANES, "c")
        panel = figure.axes[0]
        assert [text.get_text() for text in panel.texts] == [str(point) for point in range(58)]
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in panel.texts]
        marks = panel.transData.transform(faces.keypoints[index])
        middles = np.array([(box.x0 + box.x1, box.y0 + box.y1) for box in boxes]) / 2
        assert np.linalg.norm(middles - marks, axis=1).max() < 0.5 * figure.dpi
        overlapping = [(i, j) for i in range(58) for j in range(i) if boxes[i].overlaps(boxes[j])]
        assert overlapping == []


def test_mean_shapes_have_a_panel_for_each_type_that_says_its_pose(faces):
    figure = sheets.mean_shapes(faces, DANES, "c")
    poses = ["frontal", "frontal", "turned", "turned", "frontal", "free"]
    assert titles(figure) == [f"type {kind}, {pose}: 4 photographs" for kind, pose in enumerate(poses, start=1)]
    joins = sum(len(group.segments) for group in DANES.groups)
    for kind, panel in enumerate(figure.axes, start=1):
        of_type = [r.image_type == kind for r in faces.records]
        mean = faces.keypoints[of_type].mean(0)
        labels, outline = (line for line in panel.lines if line.get_marker() == "None")
        assert is_red(outline.get_color())
        drawn = outline.get_xydata()
        np.testing.assert_allclose(drawn[~np.isnan(drawn).any(1)][:2], mean[[0, 1]], rtol=1e-6)
        assert len(drawn) == 3 * joins
        assert len(labels.get_xydata()) == 4 * 3 * joins
    assert figure.axes[0].get_xlim() == figure.axes[3].get_xlim()


def test_suspects_show_the_label_in_red_circles_and_the_models_shape_in_another_mark():
    rng = np.random.default_rng(0)
    truth, nearest = rng.random((2, 58, 2))
    suspect = sheets.Suspect("face 1   9.9 px", np.full((60, 80), 7, np.uint8), truth, nearest)
    figure = sheets.suspects([suspect] * 5, DANES, "c")
    assert titles(figure) == ["face 1   9.9 px"] * 5
    panel = figure.axes[0]
    np.testing.assert_array_equal(marked(panel, "o"), truth)
    np.testing.assert_array_equal(marked(panel, "^"), nearest)
    colours = {line.get_marker(): line.get_color() for line in panel.lines}
    assert is_red(colours["o"])
    assert not is_red(colours["^"])
    for word in ("ground truth", "nearest shape"):
        assert word in words(figure)


@pytest.mark.parametrize(
    "scheme",
    [Scheme.unknown(5), Scheme.unknown(1), Scheme("two", (Group("a", (0,)), Group("b", (1,))), mirror=None, eyes=None)],
)
def test_schemes_without_lines_and_data_without_types_are_drawn_too(drawn_records, scheme):
    plain = [replace(r, keypoints=r.keypoints[: len(scheme)], sex=None, image_type=None) for r in drawn_records]
    faces = FaceDataset(plain, SIZE)
    figures = [
        sheets.ground_truth(faces, scheme, "c"),
        sheets.numbered(faces, 0, scheme, "c"),
        sheets.mean_shapes(faces, scheme, "c"),
    ]
    for figure in figures:
        figure.draw_without_rendering()
    assert titles(figures[2]) == ["no type: 24 photographs"]
