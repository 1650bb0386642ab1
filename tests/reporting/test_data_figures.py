"""The artists, data and texts of the contact sheets; not their appearance."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from facekp.data.augmentation import Augmentation, RandomAffine
from facekp.data.dataset import AugmentedDataset, FaceDataset
from facekp.data.records import IMAGE_TYPES
from facekp.landmarks.scheme import DANES, Group, Scheme
from facekp.reporting import data_figures as sheets
from facekp.reporting.data_figures import plain, variants
from facekp.reporting.faces import FacePanel, face_grid

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


def test_a_face_is_shown_as_the_network_sees_it_with_the_selected_points(faces):
    points = DANES.select("nose_tip")
    face = plain(faces, 3, points)
    assert face.title == f"{faces.records[3].name} (type 4, turned left)"
    np.testing.assert_array_equal(face.image, faces.image(3))
    np.testing.assert_array_equal(face.truth, faces.keypoints[3, points])


def test_variants_are_the_samples_of_the_augmentation_after_the_face_itself(drawn_records):
    augmentation = Augmentation([RandomAffine(rotate_deg=15, scale=0.1, shift=0.1)], DANES, mirror=0.5, seed=3)
    faces = AugmentedDataset(drawn_records, SIZE, augmentation)
    face, *samples = variants(faces, 2, count=5)
    assert [face.title, *(s.title for s in samples)] == [drawn_records[2].title, *(f"sample {n}" for n in range(5))]
    np.testing.assert_array_equal(face.truth, faces.keypoints[2])
    for number, sample in enumerate(samples):
        np.testing.assert_array_equal(sample.truth, faces[(number, 2)]["keypoints"])
        np.testing.assert_array_equal(sample.image, faces[(number, 2)]["image"][0])


def test_every_point_is_numbered_once_near_its_mark_and_no_two_numbers_overlap(drawn_records):
    faces = FaceDataset(drawn_records, (640, 480))
    for index in (0, 2, 3):
        figure = sheets.numbered(plain(faces, index), DANES, "c")
        panel = figure.axes[0]
        assert [text.get_text() for text in panel.texts] == [str(point) for point in range(58)]
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in panel.texts]
        marks = panel.transData.transform(faces.keypoints[index])
        middles = np.array([(box.x0 + box.x1, box.y0 + box.y1) for box in boxes]) / 2
        assert np.linalg.norm(middles - marks, axis=1).max() < 0.5 * figure.dpi
        overlapping = [(i, j) for i in range(58) for j in range(i) if boxes[i].overlaps(boxes[j])]
        assert overlapping == []


def test_mean_shapes_have_a_panel_for_each_type_with_its_name(faces):
    figure = sheets.mean_shapes(faces, DANES, "c")
    assert titles(figure) == [f"type {kind}, {name}: 4 photographs" for kind, name in IMAGE_TYPES.items()]
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
    suspect = FacePanel("face 1   9.9 px", np.full((60, 80), 7, np.uint8), truth, nearest)
    figure = face_grid([suspect] * 5, DANES, range(58), "t", "c", prediction="nearest shape")
    assert titles(figure) == ["face 1   9.9 px"] * 5
    panel = figure.axes[0]
    np.testing.assert_array_equal(marked(panel, "o"), truth)
    np.testing.assert_array_equal(marked(panel, "x"), nearest)
    colours = {line.get_marker(): line.get_color() for line in panel.lines}
    assert is_red(colours["o"])
    assert not is_red(colours["x"])
    for word in ("ground truth", "nearest shape"):
        assert word in words(figure)


@pytest.mark.parametrize(
    "scheme",
    [Scheme.unknown(5), Scheme.unknown(1), Scheme("two", (Group("a", (0,)), Group("b", (1,))), mirror=None, eyes=None)],
)
def test_schemes_without_lines_and_data_without_types_are_drawn_too(drawn_records, scheme):
    bare = [replace(r, keypoints=r.keypoints[: len(scheme)], sex=None, image_type=None) for r in drawn_records]
    faces = FaceDataset(bare, SIZE)
    sheets.numbered(plain(faces, 0), scheme, "c").draw_without_rendering()
    figure = sheets.mean_shapes(faces, scheme, "c")
    figure.draw_without_rendering()
    assert titles(figure) == ["no type: 24 photographs"]
