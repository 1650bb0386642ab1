from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facekp.inference.command import main
from facekp.inference.video import video_writer
from tests.inference.conftest import drawn


@pytest.fixture
def folder(tmp_path, monkeypatch, face_picture) -> Path:
    """A working folder with photographs of a face and of none, one that is damaged, and a video."""
    monkeypatch.chdir(tmp_path)
    photographs = tmp_path / "photographs"
    (photographs / "more").mkdir(parents=True)
    Image.fromarray(face_picture[0]).save(photographs / "one <b>.png")
    Image.fromarray(drawn(2, 240)[0]).save(photographs / "more" / "two.jpg")
    Image.new("RGB", (90, 70)).save(photographs / "none.png")
    (photographs / "broken.jpg").write_bytes((photographs / "more" / "two.jpg").read_bytes()[:3000])
    (photographs / "notes.txt").touch()
    (tmp_path / "drawings").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "drawings" / "one.png")
    with video_writer(photographs / "clip.mp4", (320, 240), 25) as writer:
        for _ in range(3):
            writer.write(np.ascontiguousarray(face_picture[0][..., ::-1]))
    return tmp_path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    return int(ended.value.code or 0)


def test_photographs_and_videos_are_marked_and_what_is_broken_is_left_out(folder, capsys):
    status = run("photographs", "--out", "out", "--formats", "csv,coco,pts,asf")
    printed = capsys.readouterr()
    assert status == 1
    assert "broken.jpg is damaged or cut short" in printed.err
    assert "No face in photographs/none.png" in printed.err
    assert "5 faces in 6 images, written to out" in printed.out
    assert {path.relative_to("out").as_posix() for path in Path("out").rglob("*.*")} == {
        *("predictions.csv", "predictions.json", "predictions.html"),
        *("points/one <b>.pts", "points/one <b>.asf", "points/more/two.pts", "points/more/two.asf"),
        *("drawings/one <b>.jpg", "drawings/more/two.jpg", "drawings/none.jpg", "drawings/clip.mp4"),
    }
    with Path("out/predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["image"] for row in rows} == {"one <b>.png", "more/two.jpg", "clip.mp4"}
    assert {row["frame"] for row in rows if row["image"] == "clip.mp4"} == {"0", "1", "2"}
    assert len(json.loads(Path("out/predictions.json").read_text())["annotations"]) == 2
    page = Path("out/predictions.html").read_text()
    assert "one &lt;b&gt;.png" in page
    assert "one <b>" not in page
    assert "broken.jpg" in page
    assert "none.png" in page
    assert page.count("data:image/jpeg") == 2


def test_one_photograph_with_a_box(folder, face_picture, capsys):
    box = ",".join(str(round(value)) for value in [*face_picture[1].min(0), *face_picture[1].max(0)])
    assert run("photographs/one <b>.png", "--box", box, "--no-drawings", "--out", "out") == 0
    assert [path.name for path in Path("out").iterdir()] == ["predictions.csv"]
    assert "1 face in 1 image" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.jpg"], "nowhere.jpg does not exist"),
        (["photographs", "--box", "1,2,30,40"], "--box tells where the face of one photograph is"),
        (["drawings/one.png", "--out", "."], "drawings holds what is to be marked"),
        (["photographs", "--device", "moon"], "device=moon cannot be used here"),
        (["photographs", "--weights", "photographs"], "has no checkpoints/last.ckpt"),
        (["photographs/notes.txt", "--weights", "photographs/notes.txt"], "is not a checkpoint"),
    ],
)
def test_a_mistake_is_one_sentence(folder, capsys, arguments, said):
    assert run(*arguments) == 1
    printed = capsys.readouterr()
    assert said in printed.err
    assert len(printed.err.splitlines()) == 1
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [("--faces", "0"), ("--faces", "some"), ("--box", "1,2,3"), ("--box", "9,9,1,1"), ("--min-score", "2")]
    + [("--formats", "csv,xml"), ("--min-score", "nan")],
)
def test_values_that_are_not_possible_are_refused(capsys, option, value):
    assert run("one.jpg", option, value) == 2
    assert value.split(",")[-1] in capsys.readouterr().err
