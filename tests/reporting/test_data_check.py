from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from facekp.config import Config, DataConfig
from facekp.data.readers.danes import DanesReader
from facekp.data.records import Record
from facekp.landmarks.scheme import DANES, Scheme
from facekp.reporting.data_check import ShapeFits, check, fit_others, run
from facekp.utils.errors import ConfigError, DataError

SWAPPED = [4, 3, 2, 1, 0, 7, 6, 5]
KNOWN = {
    "06-5m": ["right_eye"],
    **{name: ["left_eye"] for name in ("10-4m", "18-4m", "33-3m", "36-4m", "36-5m", "36-6m", "39-3m", "40-5m")},
}


def config_of(root: Path, **settings) -> Config:
    reader = {"_target_": "facekp.data.readers.danes.DanesReader"}
    return Config(data=DataConfig(name="drawn", reader=reader, root=str(root), **settings))


def varied(record: Record, people: int = 15, of_each: int = 2) -> list[Record]:
    """Faces that differ from one by three modes, a turn, a scale and a shift."""
    rng = np.random.default_rng(0)
    modes = 4 * rng.normal(size=(3, 58, 2))
    made = []
    for i in range(people * of_each):
        angle, scale = rng.uniform(-0.3, 0.3), rng.uniform(0.7, 1.1)
        turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        shape = record.keypoints * record.image_size + np.tensordot(rng.normal(size=3), modes, 1)
        points = ((shape - shape.mean(0)) @ turn + shape.mean(0) + rng.uniform(-20, 20, 2)) / record.image_size
        made.append(replace(record, name=f"face {i}", person=i // of_each, keypoints=points.astype(np.float32)))
    return made


def moved(record: Record, point: int, by_px: float) -> Record:
    keypoints = record.keypoints.copy()
    keypoints[point] += np.array([by_px, 0]) / record.image_size
    return replace(record, keypoints=keypoints)


def test_faces_that_vary_as_the_others_do_fit_whatever_their_pose(drawn_records):
    records = varied(drawn_records[0])
    fits = fit_others(records)
    assert fits.residual_px.shape == (30, 58)
    assert fits.residual_px.max() < 0.5
    np.testing.assert_allclose(fits.nearest, [record.keypoints for record in records], atol=1e-3)


def test_a_point_out_of_place_makes_its_image_the_first_suspect_and_its_group_the_worst(drawn_records):
    records = varied(drawn_records[0])
    fits = fit_others([*records[:7], moved(records[7], 41, 40), *records[8:]])
    assert fits.worst(3)[0] == 7
    group, there = fits.worst_group(7, DANES)
    assert group == "mouth"
    assert there == pytest.approx(fits.residual_px[7, 39:47].mean())
    assert fits.residual_px[7].argmax() == 41
    assert 25 < fits.residual_px[7, 41] < 40


def test_residuals_are_pixels_of_the_photograph(drawn_records):
    records = [moved(record, 5, 3) if i == 4 else record for i, record in enumerate(varied(drawn_records[0]))]
    twice = [replace(record, image_size=(1280, 960)) for record in records]
    np.testing.assert_allclose(fit_others(twice).residual_px, 2 * fit_others(records).residual_px, rtol=1e-6)
    np.testing.assert_allclose(fit_others(twice).nearest, fit_others(records).nearest, rtol=1e-6)


def test_nobody_is_judged_by_a_model_that_saw_them(drawn_records):
    records = varied(drawn_records[0], people=8, of_each=6)
    peculiar = [moved(record, 6, 40) if record.person == 2 else record for record in records]
    residual = fit_others(peculiar).residual_px[:, 6]
    of_person = np.array([record.person for record in records]) == 2
    assert residual[of_person].min() > 25
    unseen = fit_others([replace(r, person=i) for i, r in enumerate(peculiar)]).residual_px[:, 6]
    assert unseen[of_person].max() < 10  # the other five photographs have taught it


def test_more_people_than_models_are_judged_in_groups(drawn_records):
    fits = fit_others(varied(drawn_records[0], people=60, of_each=1))
    assert fits.residual_px.max() < 0.5


def test_too_few_people_or_points_are_said_and_not_judged(drawn_records):
    with pytest.raises(DataError, match="more than 20 photographs of other people"):
        fit_others(drawn_records)
    report = check(drawn_records, DANES)
    assert isinstance(report.fits, str)
    points = [replace(record, keypoints=record.keypoints[:1]) for record in drawn_records]
    assert "one place" in str(check(points, Scheme.unknown(1)).fits)
    assert "other people" in str(check(drawn_records[:1], DANES).fits)


def test_misordered_eyes_are_found_in_the_raw_labels_and_their_mending_is_seen(drawn_records):
    eye = DANES.eyes[1]
    keypoints = drawn_records[3].keypoints.copy()
    keypoints[list(eye)] = keypoints[[eye[i] for i in SWAPPED]]
    for fault, mended in (({"raw": keypoints}, True), ({"keypoints": keypoints}, False)):
        report = check([*drawn_records[:3], replace(drawn_records[3], **fault), *drawn_records[4:]], DANES)
        assert report.misordered == {drawn_records[3].name: ["left_eye"]}
        assert report.mended is mended


def test_the_rule_about_eyes_is_for_the_danes_alone(drawn_records):
    backwards = [replace(record, keypoints=record.keypoints[::-1]) for record in drawn_records]
    scheme = replace(DANES, name="other")
    assert check(backwards, scheme).misordered == {}


def test_points_out_of_the_frame_are_named(drawn_records):
    keypoints = drawn_records[0].keypoints.copy()
    keypoints[[3, 7]] = [[-0.01, 0.5], [0.5, 1.2]]
    records = [replace(drawn_records[0], keypoints=keypoints), *drawn_records[1:]]
    assert check(records, DANES).outside == {drawn_records[0].name: [3, 7]}


def test_a_small_set_is_reported_within_100_columns_and_nothing_is_drawn(drawn_root, tmp_path, capsys):
    report = run(config_of(drawn_root), tmp_path / "sheets")
    assert not report.misordered
    assert not report.outside
    printed = capsys.readouterr().out
    for word in ("drawn, mended labels", "24 photographs", "type 6", "6 of each of 1-4"):
        assert word in printed
    assert "more than 20 photographs of other people" in printed
    assert max(map(len, printed.splitlines())) <= 100
    assert not (tmp_path / "sheets").exists()


def test_the_suspects_are_listed_and_drawn(drawn_records, tmp_path, monkeypatch, capsys):
    records = varied(drawn_records[0])
    records[7] = moved(records[7], 41, 40)
    monkeypatch.setattr("facekp.reporting.data_check.read_chosen", lambda config: (records, DANES))
    report = run(config_of(tmp_path), tmp_path / "sheets")
    assert isinstance(report.fits, ShapeFits)
    printed = capsys.readouterr().out
    assert f"mean residual {report.fits.residual_px.mean():.2f} px" in printed
    first = next(line for line in printed.splitlines() if "face" in line)
    assert "face 7" in first
    assert "mouth" in first
    assert (tmp_path / "sheets" / "suspects.png").read_bytes().startswith(b"\x89PNG")


def test_only_the_chosen_persons_are_checked(drawn_root, tmp_path):
    report = run(config_of(drawn_root, persons=[2, 3]), tmp_path)
    assert {record.person for record in report.records} == {2, 3}
    with pytest.raises(ConfigError, match=r"data\.persons=\[50, 60\] leaves nobody"):
        run(config_of(drawn_root, persons=[50, 60]), tmp_path)


@pytest.mark.danes
def test_the_known_faults_of_the_danes_and_how_they_fit(danes_root):
    raw, mended = (DanesReader().read(danes_root, labels) for labels in ("raw", "mended"))
    report = check(raw, DANES)
    assert report.misordered == KNOWN
    assert not report.mended
    assert report.outside == {}
    assert isinstance(report.fits, ShapeFits)
    assert report.fits.residual_px.mean() == pytest.approx(2.75, abs=0.01)
    assert raw[report.fits.worst(1)[0]].name == "06-5m"
    assert report.fits.worst_group(report.fits.worst(1)[0], DANES)[0] == "right_eye"

    report = check(mended, DANES)
    assert report.misordered == KNOWN
    assert report.mended
    assert isinstance(report.fits, ShapeFits)
    assert report.fits.residual_px.mean() == pytest.approx(2.64, abs=0.01)
