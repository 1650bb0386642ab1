"""Broken files: each is refused by one sentence, or left out and counted, whatever it holds."""

import os
import shutil
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facekp.config import AugmentConfig, DataConfig
from facekp.data.datamodule import FaceDataModule
from facekp.data.dataset import FaceDataset
from facekp.data.images import load_grey, read_image_size
from facekp.data.read import read_records
from facekp.data.readers.asf import write_asf
from facekp.data.records import Record
from facekp.data.splits import split_records
from facekp.landmarks.scheme import DANES
from facekp.utils.errors import DataError
from tests.data.readers.damage import encoded, spoilt
from tests.data.readers.folders import coco, draw, read_or_refused, write_coco, write_pts

SIZE = (80, 60)
DANES_READER = {"_target_": "facekp.data.readers.danes.DanesReader"}


@pytest.fixture
def folder(drawn_root, tmp_path) -> Path:
    """Four drawn people that a test may spoil."""
    return Path(shutil.copytree(drawn_root, tmp_path / "faces"))


def config(root: Path, on_bad: str = "skip", **settings) -> DataConfig:
    settings = {"split": "person_folds", "folds": 4, "reader": DANES_READER} | settings
    return DataConfig(name="drawn", root=str(root), on_bad=on_bad, **settings)


def cut_image(root: Path, name: str) -> None:
    path = root / f"{name}.jpg"
    path.write_bytes(path.read_bytes()[:9000])


def faults(records: list[Record]) -> dict[str, str]:
    return {record.name: record.fault for record in records if record.fault is not None}


def test_broken_faces_are_named_counted_and_left_out(folder, capsys):
    names = sorted(path.stem for path in folder.glob("*.jpg"))
    cut_image(folder, names[2])
    (folder / f"{names[5]}.jpg").write_text("a letter")
    (folder / f"{names[9]}.asf").write_text("58\n")
    (folder / f"{names[11]}.asf").unlink()
    (folder / f"{names[12]}.jpg").unlink()
    (folder / f"{names[20]}.jpg").unlink()
    (folder / f"{names[20]}.jpg").mkdir()
    records, _ = read_records(config(folder))
    assert [record.name for record in records] == names
    broken = [names[i] for i in (2, 5, 9, 11, 12, 20)]
    assert list(faults(records)) == broken
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "Skipped 6 of 24 faces, which cannot be used:"
    for name, line in zip(broken[:5], out[1:6], strict=True):
        assert str(folder / name) in line
    assert out[6:] == ["  and 1 more"]
    split = split_records(records, config(folder))
    assert {record.name for record in (*split.train, *split.val)} == set(names) - set(broken)
    assert {record.name for record in split.skipped} == set(broken)
    data = FaceDataModule(config(folder, cache_mb=0), SIZE, AugmentConfig(name="none"))
    data.setup("validate")
    assert sum(len(batch["index"]) for batch in data.val_dataloader()) == len(split.val)


def test_the_first_broken_face_stops_everything_unless_it_may_be_skipped(folder):
    assert config(folder).on_bad == "skip"
    assert DataConfig(name="x").on_bad == "error"
    (folder / "01-2m.asf").write_text("58\n")
    with pytest.raises(DataError, match=r"01-2m\.asf announces 58 points"):
        read_records(config(folder, "error"))


def test_if_nothing_is_left_that_is_an_error(folder):
    for path in folder.glob("*.jpg"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"^none of 24 faces can be used, the first because .*01-1m\.jpg"):
        read_records(config(folder))


@pytest.mark.parametrize("split", [{}, {"fold": 3}, {"split": "random", "val_fraction": 0.3}])
def test_nobody_changes_sides_for_a_face_that_is_skipped(folder, split):
    def sides() -> tuple[set[str], set[str]]:
        settings = config(folder, **split)
        divided = split_records(read_records(settings)[0], settings, seed=3)
        return {record.name for record in divided.train}, {record.name for record in divided.val}

    before = sides()
    for path in sorted(folder.glob("02-*.jpg")):  # a whole person
        cut_image(folder, path.stem)
    broken = {path.stem for path in folder.glob("02-*.jpg")}
    after = sides()
    assert after == (before[0] - broken, before[1] - broken)
    assert broken & (before[0] | before[1])


def test_a_saved_split_says_what_was_skipped_and_is_read_again(folder, tmp_path):
    cut_image(folder, "03-4m")
    settings = config(folder)
    split = split_records(read_records(settings)[0], settings)
    split.save(tmp_path / "split.json")
    assert '"skipped": [\n  "03-4m"\n ]' in (tmp_path / "split.json").read_text()
    again = split_records(read_records(settings)[0], replace(settings, split=str(tmp_path / "split.json")))
    assert ([r.name for r in again.train], [r.name for r in again.val]) == (
        [r.name for r in split.train],
        [r.name for r in split.val],
    )


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])  # PyTorch waits 5 s for such a worker
def test_a_worker_that_meets_a_broken_image_says_so_in_one_sentence(folder, workers):
    settings = config(folder, "error", cache_mb=0, num_workers=workers)
    data = FaceDataModule(settings, SIZE, AugmentConfig(name="none"))
    data.setup("fit")
    record = data.split.train[7]
    cut_image(folder, record.name)
    with pytest.raises(DataError) as caught:
        list(data.train_dataloader())
    assert str(caught.value).startswith(f"{record.image} is damaged or cut short (")
    assert len(str(caught.value).splitlines()) == 1


@pytest.fixture
def others(tmp_path) -> Path:
    """Six photographs of three points each."""
    root = tmp_path / "others"
    points = np.array([[20, 15], [25, 9], [12, 10]])
    for name in "abcdef":
        draw(root / f"{name}.png", (40, 30), points)
        write_pts(root / f"{name}.pts", points + 1)
    return root


def test_folders_of_other_data_skip_likewise(others):
    (others / "a.pts").write_text("version: 1\nn_points: 2\n{\n1 1\n2 2\n}\n")  # fewer points than all others
    (others / "b.pts").write_text("version: 1\nn_points: 3\n{\n1 1\n2 2\n}\n")
    (others / "c.png").write_bytes((others / "d.png").read_bytes()[:70])
    (others / "e.png").unlink()
    settings = config(others, labels="raw", reader={"_target_": "facekp.data.readers.pts.PtsReader", "scheme": "none"})
    records, scheme = read_records(settings)
    assert len(scheme) == 3
    assert [(record.name, record.person) for record in records] == list(zip("abcdef", range(1, 7), strict=True))
    assert list(faults(records)) == list("abce")
    for path in others.glob("*.pts"):
        path.write_text("")
    with pytest.raises(DataError, match="none of 6 faces can be used"):
        read_records(settings)


def test_broken_faces_of_a_coco_file_are_skipped_one_by_one(others, tmp_path):
    keypoints = [20, 15, 2, 25, 9, 2, 12, 10, 2]
    faces = [(f"{name}.png", (40, 30), keypoints) for name in "abcdef"]
    content = coco(("nose", "left_eye", "right_eye"), faces)
    annotations = content["annotations"]
    annotations[1]["keypoints"] = keypoints[:-1]
    annotations[2]["keypoints"] = [float("nan")] * 9
    (others / "d.png").unlink()
    (others / "e.png").write_text("a letter")
    annotations.append(annotations[5] | {"id": 9, "keypoints": None})  # perhaps the larger of two faces
    path = write_coco(tmp_path / "faces.json", content)
    reader = {"_target_": "facekp.data.readers.coco.CocoReader", "annotations": str(path)}
    settings = config(others, labels="raw", reader=reader)
    records, _ = read_records(settings)
    assert list(faults(records)) == [f"{name}.png" for name in "bcdef"]
    with pytest.raises(DataError, match=r"annotations\[1\]: keypoints has 8 numbers"):
        read_records(replace(settings, on_bad="error"))


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, pixels: bytes, *more: bytes) -> bytes:
    """A PNG file of one bit a pixel."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join([chunk(b"IHDR", header), *more, chunk(b"IDAT", pixels), chunk(b"IEND", b"")])


def huge_png() -> bytes:
    return png(30_000, 30_000, zlib.compress(bytes(30_000 * 3_751)))  # 110 kB that would unpack to 900 megapixels


def large_png() -> bytes:
    return png(10_000, 10_000, zlib.compress(bytes(10_000 * 1_251)))


def text_png() -> bytes:
    return png(8, 8, zlib.compress(bytes(16)), chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000))))


def huge_jpeg() -> bytes:
    raw = encoded(Image.new("L", SIZE))["jpg"]
    frame = raw.index(b"\xff\xc0")
    return raw[: frame + 5] + struct.pack(">HH", 65_000, 65_000) + raw[frame + 9 :]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("bomb", [huge_png, large_png, text_png, huge_jpeg])
def test_bombs_are_refused_by_what_they_declare(tmp_path, bomb):
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb())
    assert path.stat().st_size < 300_000
    for read in (read_image_size, lambda path: load_grey(path, SIZE)):
        assert read_or_refused(read, path) is None


def test_other_programs_are_never_run_for_an_image(tmp_path):
    path = tmp_path / "drawing.jpg"
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n")
    with pytest.raises(DataError, match=r"drawing\.jpg is not an image that can be read"):
        load_grey(path, SIZE)


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.filterwarnings("ignore")  # what Pillow thinks of such files
@pytest.mark.parametrize("cases", [210, pytest.param(7_000, marks=pytest.mark.slow)])
def test_spoilt_images_are_read_or_refused_in_bounded_memory(drawn_root, tmp_path, cases):
    with Image.open(min(drawn_root.glob("*.jpg"))) as face:
        files = encoded(face.resize((320, 240)))
    rng = np.random.default_rng(0)
    outcomes = {True: 0, False: 0}

    def read_some(count: int) -> None:
        for number in range(count):
            suffix, good = list(files.items())[number % len(files)]
            path = tmp_path / f"face.{suffix}"
            path.write_bytes(spoilt(good, rng))
            grey = read_or_refused(lambda path: load_grey(path, SIZE), path)
            assert grey is None or (grey.shape, grey.dtype) == (SIZE[::-1], np.uint8)
            outcomes[grey is None] += 1

    read_some(cases // 3)
    linux = Path("/proc/self/statm").exists()
    before = resident_mb() if linux else 0.0
    read_some(cases - cases // 3)
    if linux:
        assert resident_mb() - before < 100
    assert min(outcomes.values()) > cases / 10


def with_other_bytes(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(spoilt(path.read_bytes(), rng))


def emptied(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(b"")


def with_text(path: Path, rng: np.random.Generator) -> None:
    path.write_text("This is not what you expect.\n" * rng.integers(1, 1000))


def as_folder(path: Path, rng: np.random.Generator) -> None:
    path.unlink()
    path.mkdir()


def removed(path: Path, rng: np.random.Generator) -> None:
    path.unlink()


ACCIDENTS: tuple[Callable[[Path, np.random.Generator], None], ...] = (
    *([with_other_bytes] * 8),
    *(emptied, with_text, as_folder, removed),
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("people", [30, pytest.param(800, marks=pytest.mark.slow)])
def test_a_folder_of_which_a_third_is_spoilt_leaves_the_other_two_thirds(tmp_path, people):
    rng = np.random.default_rng(1)
    picture = encoded(Image.fromarray(rng.integers(0, 255, (48, 64), np.uint8)))["jpg"]
    broken = set()
    for person in range(1, people + 1):
        for kind in range(1, 7):
            name = f"{person:04d}-{kind}m"
            (tmp_path / f"{name}.jpg").write_bytes(picture)
            write_asf(tmp_path / f"{name}.asf", rng.random((58, 2)), f"{name}.jpg", DANES)
            if rng.random() < 1 / 3:
                broken.add(name)
                ACCIDENTS[rng.integers(len(ACCIDENTS))](tmp_path / f"{name}{rng.choice(('.jpg', '.asf'))}", rng)
    records, _ = read_records(config(tmp_path))
    assert len(records) == 6 * people
    found = faults(records)
    assert set(found) <= broken
    assert len(found) > len(broken) / 2
    for fault in found.values():
        assert len(fault.splitlines()) == 1
    split = split_records(records, config(tmp_path))
    for side in (split.train, split.val):
        faces = FaceDataset(side, SIZE)  # decodes them all
        assert np.isfinite(faces.keypoints).all()
