"""What ``facekp predict`` does with each photograph and video."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import cv2
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from facekp.inference.face import draw_faces, draw_on
from facekp.inference.inputs import Input
from facekp.inference.outputs import CocoFile, FaceFiles, PredictionsCsv, open_csv
from facekp.inference.page import FacePage
from facekp.inference.pictures import as_pillow
from facekp.inference.predictor import Predictor
from facekp.inference.video import Tracker, Video, video_writer
from facekp.utils.terminal import console, display_path, one_line


class Work:
    """Predicts, and writes what is asked for.

    Args:
        predictor: of faces.
        out: the folder for all files.
        options: of the command.
        photographs: how many there are; a page is written for several.
    """

    def __init__(self, predictor: Predictor, out: Path, options: argparse.Namespace, photographs: int) -> None:
        self._predictor, self._out, self._options = predictor, out, options
        self._coco = CocoFile(predictor.scheme, predictor.point_indices) if "coco" in options.formats else None
        self._kinds = [kind for kind in ("pts", "asf") if kind in options.formats]
        self._points, self._drawings = FaceFiles(out / "points"), FaceFiles(out / "drawings")
        self._page = FacePage() if photographs > 1 and not options.no_drawings else None
        self._csv: PredictionsCsv | None = None
        self._progress: Progress
        self.faces = self.images = 0
        self.failed: list[str] = []

    def open(self, stack: ExitStack) -> None:
        """Make the folder, and open the files that are written bit by bit."""
        self._out.mkdir(parents=True, exist_ok=True)
        if "csv" in self._options.formats:
            self._csv = stack.enter_context(open_csv(self._out / "predictions.csv"))

    def progress(self, stack: ExitStack, inputs: Sequence[Input]) -> Iterator[Input]:
        """The inputs, one after the other, with a progress bar."""
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        self._progress = stack.enter_context(Progress(*columns, console=console(stderr=True), transient=True))
        task = self._progress.add_task("", total=len(inputs))
        for each in inputs:
            self._progress.update(task, description=one_line(each.name)[-40:])
            yield each
            self._progress.advance(task)

    def fail(self, sentence: str) -> None:
        """Tell that an input could not be used."""
        self.failed.append(sentence)
        self._progress.console.print(f"Left out: {one_line(sentence)}", highlight=False, soft_wrap=True)

    def photograph(self, given: Input) -> None:
        """Predict and write a photograph."""
        picture = as_pillow(given.path)
        options = self._options
        faces = self._predictor(
            picture,
            faces=options.faces,
            box=options.box,
            min_score=options.min_score,
            any_rotation=options.any_rotation,
        )
        self.images += 1
        self.faces += len(faces)
        if not faces:
            self._progress.console.print(f"No face in {display_path(given.path)}", highlight=False, soft_wrap=True)
        if self._csv:
            self._csv.add(given.name, list(enumerate(faces)))
        if self._coco:
            self._coco.add(given.name, picture.size, faces)
        stem = self._points.stem(given.name)
        for kind in self._kinds:
            self._points.write_points(stem, given.name, picture.size, faces, kind)
        if not options.no_drawings:
            drawing = draw_faces(picture, faces)
            self._drawings.write_drawing(stem, drawing)
            if self._page:
                self._page.add(given.name, drawing, faces)

    def video(self, given: Input) -> None:
        """Predict and write the frames of a video."""
        options, video = self._options, Video(given.path)
        tracker = Tracker(
            self._predictor, options.faces, options.min_score, options.any_rotation, not options.no_smoothing
        )
        with ExitStack() as stack:
            task = self._progress.add_task("frames", total=video.frames or None)
            stack.callback(self._progress.remove_task, task)
            writer = None
            if not options.no_drawings:
                path = self._drawings.path(self._points.stem(given.name), ".mp4")
                writer = stack.enter_context(video_writer(path, video.size, video.fps))
            for frame in video:
                found = tracker(frame)
                self.images += 1
                self.faces += len(found)
                if self._csv:
                    self._csv.add(given.name, found, frame.number, frame.time_s)
                if writer:
                    drawn = draw_on(frame.picture, [face for _, face in found], reverse=True)
                    writer.write(drawn if drawn.shape[1::-1] == video.size else cv2.resize(drawn, video.size))
                self._progress.advance(task)

    def finish(self) -> None:
        """Write what is written at the end."""
        if self._coco:
            self._coco.write(self._out / "predictions.json")
        if self._page:
            weights = self._options.weights or "the heatmap network of the package"
            self._page.write(self._out / "predictions.html", str(weights), self.failed)
