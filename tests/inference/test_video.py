from __future__ import annotations

import cv2
import numpy as np
import pytest

from facekp.inference.smoothing import OneEuroFilter
from facekp.inference.video import Frame, Tracker, Video, video_writer
from facekp.utils.errors import DataError

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


def test_the_filter_halves_the_jitter_of_a_face_at_rest():
    shape, smooth = 100 * RNG.random((58, 2)), OneEuroFilter()
    noisy = [shape + RNG.normal(0, 0.5, shape.shape) for _ in range(200)]
    smoothed = [smooth(points, number / 25) for number, points in enumerate(noisy)]
    jitter = [np.diff(points[50:], axis=0).std() for points in (noisy, smoothed)]
    assert jitter[1] < 0.5 * jitter[0]


def test_the_filter_does_not_lag_behind_a_face_that_moves():
    shape, smooth = 100 * RNG.random((58, 2)), OneEuroFilter()
    for number in range(50):  # by half of its size in a second
        points = shape + (2 * number, 0)
        found = smooth(points, number / 25)
    assert np.abs(found - points).max() < 3


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
