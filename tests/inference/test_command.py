from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facekp.inference.command import main
from facekp.inference.video import video_writer
from tests.inference.conftest import drawn
from tests.processes import REPOSITORY


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
        *("predictions.csv", "images.csv", "options.json", "predictions.json", "predictions.html"),
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
    assert {path.name for path in Path("out").iterdir()} == {"predictions.csv", "images.csv", "options.json"}
    assert "1 face in 1 image" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nowhere.jpg"], 1, "nowhere.jpg does not exist"),
        (["photographs", "--box", "1,2,30,40"], 2, "--box tells where the face of one photograph is"),
        (["drawings/one.png", "--out", "."], 2, "drawings holds what is to be marked"),
        *((["photographs", "--device", name], 2, f"device={name} cannot be used here") for name in ("moon", "meta")),
        (["photographs", "--weights", "photographs"], 1, "has no checkpoints/last.ckpt"),
        (["photographs/notes.txt", "--weights", "photographs/notes.txt"], 1, "is not a checkpoint"),
    ],
)
def test_a_mistake_is_one_sentence(folder, capsys, arguments, status, said):
    assert run(*arguments) == status
    printed = capsys.readouterr()
    assert said in printed.err
    assert len(printed.err.splitlines()) == 1
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [("--faces", "0"), ("--faces", "some"), ("--box", "1,2,3"), ("--box", "9,9,1,1"), ("--min-score", "2")]
    + [("--formats", "csv,xml"), ("--min-score", "nan"), ("--workers", "0"), ("--part", "9/8")],
)
def test_values_that_are_not_possible_are_refused(capsys, option, value):
    assert run("one.jpg", option, value) == 2
    assert value.split(",")[-1] in capsys.readouterr().err


def start(*arguments: str) -> subprocess.Popen[str]:
    """The command as a user starts it, in a group of its own."""
    command = [sys.executable, "-m", "facekp", "predict", *arguments]
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True
    )


@pytest.fixture
def many(tmp_path, monkeypatch) -> list[str]:
    """Photographs in a working folder, by name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "many").mkdir()
    for number in range(16):
        Image.fromarray(drawn(number % 3 + 1, 160)[0]).save(f"many/{number:02}.png")
    Image.new("RGB", (40, 30)).save("many/none.png")
    return [path.name for path in sorted(Path("many").iterdir())]


@pytest.mark.parametrize(
    ("number", "workers"), [(signal.SIGINT, "1"), pytest.param(signal.SIGTERM, "2", marks=pytest.mark.slow)]
)
def test_what_was_done_before_an_interruption_is_kept_and_not_done_again(many, number, workers, capsys):
    options = ["many", "--formats", "coco"]
    running = start(*options, "--out", "out", "--workers", workers)
    deadline = time.monotonic() + 100
    while not (Path("out/images.csv").exists() and "03.png" in Path("out/images.csv").read_text()):
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(running.pid, number)
    _, err = running.communicate(timeout=100)
    assert running.returncode == 128 + number
    assert "Interrupted; to do the rest, give the command again with --out out" in err
    assert "Traceback" not in err
    done = [image["file_name"] for image in json.loads(Path("out/predictions.json").read_text())["images"]]
    assert 4 <= len(done) < len(many)
    assert done == many[: len(done)]
    first = Path("out/drawings/00.jpg").stat().st_mtime_ns

    assert run(*options, "--out", "out") == 0
    assert f"{len(done)} images were done before" in capsys.readouterr().err
    assert Path("out/drawings/00.jpg").stat().st_mtime_ns == first
    assert run(*options, "--out", "whole") == 0
    for name in ("predictions.csv", "images.csv", "predictions.json"):
        assert Path("out", name).read_bytes() == Path("whole", name).read_bytes()


def test_parts_are_the_whole(many, capsys):
    for part in ("1/2", "2/2"):
        assert run("many", "--part", part, "--out", f"out-{part[0]}", "--no-drawings") == 0
    images = [image for part in (1, 2) for image in Path(f"out-{part}/images.csv").read_text().split()[1:]]
    assert sorted(line.partition(",")[0] for line in images) == many
