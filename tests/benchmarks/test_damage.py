"""Damaged photographs, and the page of errors on them, by baselines whose errors are known."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from facekp.benchmarks.detectors import command as commands
from facekp.benchmarks.detectors.base import Baseline
from facekp.benchmarks.detectors.damage import DAMAGES, damaged
from facekp.benchmarks.detectors.damage_page import details, draw, measure, overview, write
from facekp.benchmarks.detectors.networks import Found, Network
from facekp.data.images import load_image
from facekp.evaluation.errors import eye_distance_px
from facekp.inference.load import shipped
from facekp.landmarks.scheme import DANES
from facekp.utils.errors import ConfigError, DataError
from tests.helpers import config

MOVES = ("rotation", "smaller", "larger", "shift")
PARTS = {"covered eye": "eye", "covered mouth": "mouth", "covered chin": "jaw"}
CASES = [(name, level) for name, kind in DAMAGES.items() for level in kind.levels]
ORIGIN = {"data": "drawn", "labels": "raw"}


class Off(Baseline):
    """Misses every point by so many eye distances; it sees no face where the photograph is a copy of these names."""

    given = "the truth"

    def __init__(self, kind, miss, unseen=()) -> None:
        super().__init__(DANES)
        self.kind, self._miss, self._unseen = kind, miss, unseen

    def fit(self, records) -> None:
        pass

    def predict(self, record):
        if record.name in self._unseen and record.image.suffix == ".png":
            self.missed.add(record.name)
        away = self._miss * eye_distance_px((record.keypoints * record.image_size)[None], DANES)[0]
        return (record.keypoints + (0, away / record.image_size[1])).astype(np.float32)


@pytest.fixture
def marked(drawn_records, tmp_path):
    """A dark picture with a bright disc about the first point of a face."""
    record = drawn_records[0]
    image = np.full((480, 640, 3), 60, np.uint8)
    x, y = record.keypoints[0] * record.image_size - 0.5
    cv2.circle(image, (round(16 * x), round(16 * y)), 16 * 8, (250, 250, 250), cv2.FILLED, cv2.LINE_AA, 4)
    cv2.imwrite(str(tmp_path / "marked.png"), image)
    return replace(record, image=tmp_path / "marked.png")


@pytest.fixture(scope="module")
def measured(drawn_records):
    """Two seeds of a network, a detector, and one that sees no face of the first person's."""
    records = [drawn_records[0], drawn_records[7]]
    methods = {
        "net": [Off("network", 0.05), Off("network", 0.07)],
        "detector": [Off("detector", 0.08)],
        "blind": [Off("detector", 0.2, unseen=(records[0].name,))],
    }
    return measure(methods, records, DANES, ORIGIN)


def rows_of(measured):
    return {row["name"]: row for row in measured["methods"]}


@pytest.mark.parametrize(("damage", "level"), [case for case in CASES if case[0] not in PARTS])
def test_the_truth_moves_with_the_picture(marked, tmp_path, damage, level):
    made = damaged(marked, damage, level, DANES, tmp_path)
    seen = load_image(made.image, "L")
    if damage in ("noise", "JPEG"):
        seen = cv2.GaussianBlur(seen, (0, 0), 6)
    disc = np.argwhere(seen > 0.7 * seen.max())[:, ::-1] + 0.5
    assert disc.mean(0) == pytest.approx(made.keypoints[0] * made.image_size, abs=1.5)
    assert (damage in MOVES) == (not np.allclose(made.keypoints, marked.keypoints))
    assert ((made.keypoints > -1e-6) & (made.keypoints < 1 + 1e-6)).all()


def test_faces_are_turned_scaled_and_shifted_as_told(drawn_records, tmp_path):
    record = drawn_records[0]
    before = record.keypoints * record.image_size
    for damage, level in CASES:
        if damage in MOVES:
            after = damaged(record, damage, level, DANES, tmp_path).keypoints * record.image_size
            one, other = ((points - points.mean(0)) @ [1, 1j] for points in (before, after))
            factor = np.vdot(one, other) / np.vdot(one, one)
            assert abs(factor) == pytest.approx(level if damage in ("smaller", "larger") else 1, abs=1e-3)
            assert abs(np.degrees(np.angle(factor))) == pytest.approx(level if damage == "rotation" else 0, abs=0.1)
    edge = min(after.min(), *(record.image_size - after.max(0)))  # after the last level of the shift
    assert edge == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("damage", PARTS)
def test_a_growing_square_covers_a_part_of_the_face(drawn_records, tmp_path, damage):
    record = drawn_records[0]
    plain, points = load_image(record.image, "RGB"), record.keypoints * record.image_size
    for level in DAMAGES[damage].levels:
        made = damaged(record, damage, level, DANES, tmp_path)
        changed = np.argwhere((load_image(made.image, "RGB") != plain).any(2))
        side = level * eye_distance_px(points[None], DANES)[0]
        assert np.ptp(changed, axis=0) + 1 == pytest.approx([side, side], abs=2)
        middle = (changed.min(0) + changed.max(0) + 1)[::-1] / 2
        nearest = np.linalg.norm(points - middle, axis=1).argmin()
        assert PARTS[damage] in DANES.group_of(int(nearest)).name
        assert np.array_equal(made.keypoints, record.keypoints)


@pytest.mark.parametrize("damage", ["blur", "noise", "darkness", "JPEG"])
def test_damage_grows_and_is_the_same_again(drawn_records, tmp_path, damage):
    record, other = drawn_records[0], replace(drawn_records[0], name="another")
    plain = load_image(record.image, "RGB").astype(float)
    away, last = [], None
    for level in DAMAGES[damage].levels:
        last = load_image(damaged(record, damage, level, DANES, tmp_path).image, "RGB")
        away.append(np.abs(last - plain).mean())
    assert away == sorted(away)
    assert np.array_equal(last, load_image(damaged(record, damage, level, DANES, tmp_path).image, "RGB"))
    differs = (last != load_image(damaged(other, damage, level, DANES, tmp_path).image, "RGB")).any()
    assert differs == (damage == "noise")


def test_every_level_of_every_damage_is_measured(measured):
    row = rows_of(measured)["net"]
    assert row["inner_nme"].keys() == row["missed"].keys() == DAMAGES.keys()
    for name in DAMAGES:
        assert np.array(row["inner_nme"][name]) == pytest.approx(np.tile([0.05, 0.07], (6, 1)), rel=1e-3)
    first, *_, smallest = row["mse_px2"]["smaller"]
    assert smallest[0] / first[0] == pytest.approx(0.18**2, rel=1e-3)
    assert (measured["images"], measured["people"]) == (2, 2)


def test_misses_are_announced_by_a_face_that_is_not_seen(measured):
    rows = rows_of(measured)
    assert rows["net"]["gross"]["blur"] == [[0, 0]] * 6
    assert rows["blind"]["gross"]["blur"] == [[2]] * 6
    assert rows["blind"]["missed"]["blur"] == [[0]] + [[1]] * 5
    assert rows["blind"]["unannounced"]["blur"] == [[2]] + [[1]] * 5
    assert "| blind | the truth | 1 | 55 | 110 | 55 |" in overview(measured)  # of 2 x 55 damaged photographs


def test_areas_are_means_over_levels_and_compared_over_people(measured):
    (pair,) = (pair for pair in measured["differences"] if pair["detector"] == "detector")
    assert pair["inner_nme"].keys() == {*DAMAGES, "all damage"}
    assert pair["inner_nme"]["blur"]["mean"] == pytest.approx(0.06 - 0.08, rel=1e-3)
    assert pair["inner_nme"]["blur"]["verdict"] == "better"
    text = overview(measured)
    assert "| blur | 6.00 ± 1.41 | 8.00 | 20.00 |" in text
    assert "| all damage | 6.00 ± 1.41 | 8.00 | 20.00 |" in text
    assert "−2.00 (−2.00 to −2.00): better" in text
    assert "| smaller 0.18 | 6.00 ± 1.41 | 8.00 | 20.00 |" in details(measured)


def test_the_page_is_written_whole(measured, tmp_path):
    docs, page = tmp_path / "docs", tmp_path / "results.md"
    page.write_text("before\n<!-- damage -->\nof last year\n<!-- /damage -->\n")
    write(measured, docs, [page])
    assert {path.name for path in docs.iterdir()} == {"damage.json", "damage.md", "damage.svg"}
    assert "covered mouth" in (docs / "damage.svg").read_text()
    assert "of last year" not in page.read_text()
    assert "Area under each curve" in page.read_text()


def test_the_figure_has_a_panel_for_each_damage_and_a_line_for_each_method(measured):
    *panels, legend = draw(measured).axes
    assert [panel.get_title() for panel in panels] == list(DAMAGES)
    for panel in panels:
        lines = {line.get_label(): line.get_ydata() for line in panel.lines}
        assert lines["net"] == pytest.approx([6.0] * 6, rel=1e-3)
    assert [text.get_text() for text in legend.get_legend().get_texts()] == ["net", "detector", "blind"]


def test_the_network_of_the_package_is_a_method(drawn_records, tmp_path):
    record = drawn_records[0]
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((480, 640), 128, np.uint8))
    for method in (Network(DANES, shipped(), "course"), Found(DANES)):
        method.fit(drawn_records)
        off_px = (method.predict(record) - record.keypoints) * record.image_size
        assert np.linalg.norm(off_px, axis=1).mean() < 20
        assert not method.missed
        method.predict(replace(record, name="none", image=tmp_path / "grey.png"))
        assert method.missed == {"none"}


def test_networks_must_fit(monkeypatch, tmp_path, drawn_root):
    with pytest.raises(ConfigError, match="was trained on split course"):
        Network(DANES, shipped(), "person_folds")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"first give python train\.py -m sweep=heatmap"):
        commands.damage(config("train", f"data.root={drawn_root}", f"run_dir={tmp_path}"))
