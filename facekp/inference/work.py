"""What is done with each photograph and video, in this process or in several."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread

import cv2
import numpy as np
from PIL import Image as Pillow
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from facekp.inference.face import draw_on
from facekp.inference.inputs import Input
from facekp.inference.load import load
from facekp.inference.pictures import as_pillow
from facekp.inference.predictor import Predictor
from facekp.inference.tables import Image, Tables, rows_of
from facekp.inference.video import Tracker, Video, video_writer
from facekp.utils.errors import DataError, FacekpError
from facekp.utils.files import atomic_write
from facekp.utils.machine import usable_cores
from facekp.utils.terminal import console, display_path, one_line

_AHEAD = 4  # photographs that wait for each process


@dataclass(frozen=True)
class Result:
    """What was found in a photograph, or in a frame of a video.

    Args:
        size: (width, height) in pixels.
        faces: how many.
        rows: of predictions.csv.
        frames: of the video, as far as its file tells; 0 for a photograph.
    """

    size: tuple[int, int]
    faces: int
    rows: str
    frames: int = 0


Call = Callable[[], Iterable[Result]]


class Marker:
    """Predicts, and makes the drawings.

    Args:
        predictor: of faces.
        options: of the command.
        drawings: the folder for them.
    """

    def __init__(self, predictor: Predictor, options: argparse.Namespace, drawings: Path) -> None:
        self.predictor, self.options, self.drawings = predictor, options, drawings

    def photograph(self, given: Input) -> list[Result]:
        """One result.

        Raises:
            DataError: if it cannot be read.
        """
        picture, options = as_pillow(given.path), self.options
        faces = self.predictor(picture, options.faces, options.box, options.min_score, options.any_rotation)
        if not options.no_drawings:
            with atomic_write(self.drawings / f"{given.files}.jpg") as file:
                Pillow.fromarray(draw_on(np.array(picture), faces)).save(file, "JPEG", quality=92)
        return [Result(picture.size, len(faces), rows_of(given.name, [*enumerate(faces)]))]

    def video(self, given: Input) -> Iterator[Result]:
        """A result for each frame.

        Raises:
            DataError: if none can be read.
        """
        options, video = self.options, Video(given.path)
        smooth = not options.no_smoothing
        tracker = Tracker(self.predictor, options.faces, options.min_score, options.any_rotation, smooth)
        with ExitStack() as stack:
            writer = None
            if not options.no_drawings:
                path = self.drawings / f"{given.files}.mp4"
                writer = stack.enter_context(video_writer(path, video.size, video.fps))
            for frame in video:
                found = tracker(frame)
                if writer:
                    drawn = draw_on(frame.picture, [face for _, face in found], reverse=True)
                    writer.write(drawn if drawn.shape[1::-1] == video.size else cv2.resize(drawn, video.size))
                rows = rows_of(given.name, found, frame.number, frame.time_s)
                yield Result(video.size, len(found), rows, video.frames or frame.number + 1)


def mark(inputs: Sequence[Input], tables: Tables, marker: Marker, failed: list[str]) -> None:
    """Mark photographs and videos one after the other, with a progress bar, and add them to the tables.

    Args:
        inputs: in order.
        tables: to which they are added, each when it is complete.
        marker: of them; its options tell the number of processes.
        failed: to which a sentence is added for each that cannot be read.
    """
    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console(stderr=True), transient=True) as progress, ExitStack() as stack:
        say = partial(progress.console.print, highlight=False, soft_wrap=True)
        bar = progress.add_task("", total=len(inputs))
        for given, call in stack.enter_context(closing(_calls(inputs, marker))):
            progress.update(bar, description=one_line(given.name)[-40:])
            number = faces = 0
            size = 0, 0
            frames = progress.add_task("frames", total=None, visible=given.is_video)
            try:
                for number, result in enumerate(call(), 1):
                    tables.add(result.rows)
                    size, faces = result.size, faces + result.faces
                    progress.update(frames, completed=number, total=result.frames)
                tables.finish(Image(given.name, *size, number if given.is_video else 0, faces, given.files))
                if not faces:
                    say(f"No face in {display_path(given.path)}")
            except DataError as error:
                failed.append(str(error))
                say(f"Left out: {one_line(str(error))}")
            except BrokenProcessPool as error:
                raise FacekpError("a process of --workers was ended; if memory was short, give fewer") from error
            progress.remove_task(frames)
            progress.advance(bar)


def _calls(inputs: Iterable[Input], marker: Marker) -> Generator[tuple[Input, Call]]:
    """Each input, in order, with a function that gives its results.

    With several processes, they do photographs ahead, while videos are done here when it is their turn.
    """
    workers = usable_cores() if marker.options.workers == "auto" else marker.options.workers
    waiting: deque[tuple[Input, Call]] = deque()
    with ExitStack() as stack:
        pool = None
        if workers > 1:
            os.environ["OMP_NUM_THREADS"] = "1"  # of each process
            start = marker.options, marker.drawings
            pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _start, start)
            stack.callback(pool.shutdown, cancel_futures=True)
        for given in inputs:
            here = partial(marker.video if given.is_video else marker.photograph, given)
            waiting.append((given, pool.submit(_photograph, given).result if pool and not given.is_video else here))
            if len(waiting) > _AHEAD * workers or not pool:
                yield waiting.popleft()
        yield from waiting


_marker: Marker


def _start(options: argparse.Namespace, drawings: Path) -> None:
    """Prepare a process, which leaves Ctrl-C to the one that started it, and ends with it, however that ends."""
    global _marker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(1)
    _marker = Marker(load(options.weights, options.device), options, drawings)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _photograph(given: Input) -> list[Result]:
    return _marker.photograph(given)
