from __future__ import annotations

import cv2
import numpy as np
import pytest

from facekp.inference.smoothing import OneEuroFilter
from facekp.inference.video import Frame, Tracker, Video, video_writer
from facekp.utils.errors import DataError
from tests.inference.conftest import drawn

RNG = np.random.default_rng(0)


def frames(picture: np.ndarray, shifts: list[int]) -> list[Frame]:
    """A picture that moves to the right, in a video of 25 frames a second."""
    moved = [np.roll(picture[..., ::-1], shift, axis=1) for shift in shifts]
    return [Frame(number, number / 25, np.ascontiguousarray(each)) for number, each in enumerate(moved)]


def test_a_face_is_followed_and_keeps_its_number(predictor, face_picture, monkeypatch):
    searched = []
    monkeypatch.setattr(type(predictor), "__call__", _counted(type(predictor).__call__, searched))
    tracker = Tracker(predictor, smooth=False)
    found = [tracker(frame) for frame in frames(face_picture[0], [0, 3, 6, 9, 12])]
    assert [[number for number, _ in faces] for faces in found] == [[0]] * 5
    assert len(searched) == 1
    moved = [faces[0][1].points_px.mean(0)[0] for faces in found]
    assert np.diff(moved) == pytest.approx([3] * 4, abs=1)


def _counted(function, calls):
    return lambda *given, **options: calls.append(1) or function(*given, **options)


def test_a_face_that_is_lost_is_searched_again(predictor, face_picture):
    tracker = Tracker(predictor)
    there, gone = frames(face_picture[0], [0])[0].picture, np.zeros((240, 320, 3), np.uint8)
    pictures = [there, gone, there, there]
    found = [tracker(Frame(number, number / 25, picture)) for number, picture in enumerate(pictures)]
    assert [len(faces) for faces in found[:2]] == [1, 0]


def test_a_still_picture_gives_still_points(predictor, face_picture):
    tracker = Tracker(predictor)
    found = [tracker(frame)[0][1].points_px for frame in frames(face_picture[0], [0] * 8)]
    assert np.linalg.norm(found[-1] - found[-2], axis=1).max() < 0.1


@pytest.mark.parametrize(
    ("motion", "speed_px"), [("still", 0), ("slow", 60), pytest.param("fast", 250, marks=pytest.mark.slow)]
)
def test_the_filter_halves_the_jitter_without_a_lag(predictor, motion, speed_px):
    """Of a drawn face with fresh noise in each frame, that sways by 60 pixels; docs/predict.md has what is printed."""
    picture, _ = drawn(1, 640)
    time_s = np.arange(75) / 25
    shift = np.zeros((75, 2))
    if speed_px:
        shift = 60 * np.sin(time_s[:, None] * speed_px / 60 * (1, 0.8)) * (1, 0.4)
    raw, smoothed = [], []
    tracker, smooth = Tracker(predictor, smooth=False), OneEuroFilter()
    for number, (x, y) in enumerate(shift):
        moved = cv2.warpAffine(picture, np.array([[1, 0, x], [0, 1, y]]), (640, 480), borderMode=cv2.BORDER_REPLICATE)
        noisy = np.clip(moved + RNG.normal(0, 10, moved.shape), 0, 255).astype(np.uint8)
        ((_, face),) = tracker(Frame(number, time_s[number], noisy))
        raw.append(face.points_px - shift[number])
        smoothed.append(smooth(face.points_px, time_s[number]) - shift[number])
    velocity = np.gradient(shift, axis=0)
    jitter, lag, error = [], [], []
    for points in (np.stack(raw)[10:], np.stack(smoothed)[10:]):
        off = points - np.stack(raw)[10:].mean(0)
        jitter.append(np.diff(points, 2, axis=0).std())
        lag.append(-(off.mean(1) * velocity[10:]).sum() / max((velocity**2).sum(), 1e-9))
        error.append(np.linalg.norm(off, axis=2).mean())
    cells = [f"{before:.2f} | {after:.2f}" for before, after in (jitter, lag, error)]
    print(f"\n| {motion} | {' | '.join(cells)} |")
    assert jitter[1] < (0.5 if motion != "fast" else 0.8) * jitter[0]
    assert abs(lag[1] - lag[0]) < 0.1
    assert error[1] < error[0] + 0.3


def test_the_filter_follows_what_moves_in_a_face_at_rest():
    shape, smooth = 100 * RNG.random((58, 2)), OneEuroFilter()
    opened = [5 * min(max(number - 20, 0), 4) for number in range(30)]  # a mouth, within 0.16 s
    for number, by in enumerate(opened):
        points = shape + np.where(np.arange(58)[:, None] < 8, (0, by), 0)
        found = smooth(points, number / 25)
        if number >= 25:
            assert np.abs(found - points).max() < 2


@pytest.mark.parametrize("points", [1, 58])
def test_the_filter_does_not_lag_behind_a_face_that_moves(points):
    shape, smooth = 100 * RNG.random((points, 2)), OneEuroFilter()
    for number in range(50):  # by half of its size in a second
        moved = shape + (2 * number, 0)
        found = smooth(moved, number / 25)
    assert np.abs(found - moved).max() < 0.5


@pytest.fixture
def clip(face_picture, tmp_path):
    with video_writer(tmp_path / "clip.mp4", (320, 240), 25) as writer:
        for frame in frames(face_picture[0], [0, 2, 4, 6, 8, 10]):
            writer.write(frame.picture)
    return tmp_path / "clip.mp4"


def test_the_frames_of_a_video_are_read_with_their_times(clip, face_picture):
    video = Video(clip)
    read = list(video)
    assert (video.size, video.fps, video.frames) == ((320, 240), 25, 6)
    assert [frame.number for frame in read] == list(range(6))
    assert [frame.time_s for frame in read] == pytest.approx([number / 25 for number in range(6)], abs=1e-3)
    assert np.abs(read[0].picture[..., ::-1].astype(int) - face_picture[0]).mean() < 8


def test_a_truncated_video_ends_with_what_can_be_read(clip, tmp_path):
    """An AVI, whose frames can be read without what follows them."""
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (320, 240))
    for _ in range(20):
        writer.write(RNG.integers(0, 256, (240, 320, 3), dtype=np.uint8))
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 2 <= len(list(Video(path))) < 20


def test_the_frames_of_a_video_of_variable_rate_have_their_own_times(face_picture, tmp_path):
    """A Matroska file, which tells the time of each frame: here each is put off by another time."""
    path, delays_ms = tmp_path / "clip.mkv", [0, 7, 30, 55]
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 25, (320, 240))
    for frame in frames(face_picture[0], delays_ms):
        writer.write(frame.picture)
    writer.release()
    before, *blocks = path.read_bytes().split(b"\x81\0\0\x80\xff\xd8")  # track, time, flags, and the start of a JPEG
    for delay_ms, block in zip(delays_ms, blocks, strict=True):
        before += b"\x81" + delay_ms.to_bytes(2, "big") + b"\x80\xff\xd8" + block
    path.write_bytes(before)
    assert [frame.time_s for frame in Video(path)] == pytest.approx([0, 0.047, 0.11, 0.175], abs=1e-3)


@pytest.mark.parametrize("kind", ["text", "play list", "cut short", "an image", "empty", "a folder"])
def test_what_is_no_video_is_told_in_one_sentence(clip, tmp_path, kind):
    path = tmp_path / "bad.mp4"
    if kind == "a folder":
        path.mkdir()
    else:
        whole = clip.read_bytes()
        path.write_bytes(
            {
                "text": b"hello",
                "play list": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
                "cut short": whole[: len(whole) // 3],
                "an image": cv2.imencode(".png", np.zeros((9, 9), np.uint8))[1].tobytes(),
                "empty": b"",
            }[kind]
        )
    with pytest.raises(DataError, match=r"bad\.mp4"):
        list(Video(path))
