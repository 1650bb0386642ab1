"""Find the faces of photographs and videos, and mark their points: ``python -m facekp predict photo.jpg folder``.

What is found is written into a folder: ``predictions.csv`` with a row for each point, ``images.csv`` with one for
each image, ``drawings/`` with the points on the photographs and videos, and for several photographs
``predictions.html``. What cannot be read is told in one sentence, and the rest goes on; the exit status is 1 if
anything could not be read, and 0 otherwise, also if no face was found. The same command again does what was not done
before.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from facekp import __version__
from facekp.inference import MIN_SCORE
from facekp.runs.messages import exit_on_mistakes
from facekp.runs.signals import Interrupted
from facekp.utils.errors import ConfigError
from facekp.utils.files import user_path
from facekp.utils.terminal import counted, display_path, one_line

FORMATS = ("csv", "coco", "pts", "asf")
_OF_A_FOLDER = ("weights", "faces", "box", "min_score", "any_rotation", "no_drawings", "no_smoothing")
"""Options that all images in a folder of predictions have in common."""


def main(arguments: list[str]) -> None:
    """Run the command."""
    options = parser().parse_args(arguments)
    with exit_on_mistakes():
        sys.exit(predict(options))


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    described = (__doc__ or "").partition("\n\n")
    parsed = argparse.ArgumentParser(
        prog="facekp predict",
        description="Find the faces of photographs and videos, and mark their points.",
        epilog=described[2].replace("``", ""),
        allow_abbrev=False,
    )
    add = parsed.add_argument
    add("inputs", nargs="+", metavar="PATH", help="photographs, videos, and folders of them")
    add("--weights", metavar="PATH", help="a run folder, checkpoint or .onnx file; default: the network of the package")
    add("--faces", type=_faces, default="all", metavar="all|largest|N", help="which faces of an image; default all")
    add("--box", type=_box, metavar="X0,Y0,X1,Y1", help="where the only face is, in pixels; nothing is searched then")
    add(
        "--min-score",
        type=_score,
        default=MIN_SCORE,
        metavar="0..1",
        help=f"the least score of a face; default {MIN_SCORE}",
    )
    add("--any-rotation", action="store_true", help="also faces on their side or head, in four times the time")
    add("--out", metavar="FOLDER", help="default: outputs/predict/<time>")
    add("--formats", type=_formats, default=(), metavar="LIST", help="of coco,pts,asf, beside the csv files")
    add("--workers", type=_workers, default=1, metavar="N", help="processes, or auto for one per core; default 1")
    add("--part", type=_part, default=(1, 1), metavar="I/N", help="only the I-th of N shares of the files")
    add("--device", default="cpu", metavar="NAME", help="cpu, cuda, mps, ...; default cpu")
    add("--no-drawings", action="store_true", help="write no drawings and no page")
    add("--no-smoothing", action="store_true", help="leave the points of videos as they are in each frame")
    return parsed


def predict(options: argparse.Namespace) -> int:
    """Do what the options say, and return the exit status."""
    from facekp.inference.inputs import find_inputs, with_files

    common, inputs = find_inputs(options.inputs)
    if options.box is not None and (len(inputs) > 1 or inputs[0].is_video):
        raise ConfigError("--box tells where the face of one photograph is; give one photograph")
    out = user_path(options.out) if options.out else Path("outputs", "predict", f"{datetime.now():%Y-%m-%d_%H-%M-%S}")
    for kind in ("drawings", "points"):
        if any(each.path.is_relative_to((out / kind).absolute()) for each in inputs):
            raise ConfigError(f"{display_path(out / kind)} holds what is to be marked; choose another folder by --out")

    from facekp.inference.load import load
    from facekp.inference.outputs import write_outputs
    from facekp.inference.tables import Tables, claimed
    from facekp.inference.work import Marker, mark

    predictor = load(options.weights, options.device)
    if "asf" in options.formats and len(predictor.point_indices) < len(predictor.scheme):
        raise ConfigError("--formats asf needs a network that predicts all points; leave out asf")
    settings = {name: getattr(options, name) for name in _OF_A_FOLDER}
    with claimed(out, {"version": __version__, "folder": str(common)} | settings):
        tables = Tables(out, predictor.scheme, predictor.point_indices)
        before, (part, parts) = len(tables.done), options.part
        todo = [each for each in inputs[part - 1 :: parts] if each.name not in tables.done]
        todo = with_files(todo, [image.files for image in tables.done.values()])
        if before:
            print(f"{counted(before, 'image')} were done before", file=sys.stderr)
        failed: list[str] = []
        status = 0
        try:
            mark(todo, tables, Marker(predictor, options, out / "drawings"), failed)
        except Interrupted as interruption:
            status = interruption.status
        write_outputs(out, tables, options, failed)
    new = [*tables.done.values()][before:]
    images, faces = sum(image.frames or 1 for image in new), sum(image.faces for image in new)
    where = display_path(out.absolute())
    print(f"{counted(faces, 'face')} in {counted(images, 'image')}, written to {where}")
    if status:
        print(f"Interrupted; to do the rest, give the command again with --out {where}", file=sys.stderr)
    return status or int(bool(failed))


def _number_or(words: Sequence[str], below: int, text: str) -> str | int:
    if text in words:
        return text
    if not text.isdecimal() or not 0 < int(text) < below:
        raise argparse.ArgumentTypeError(f"{one_line(text)} is not {', '.join(words)} or a number from 1")
    return int(text)


_faces, _workers = partial(_number_or, ("all", "largest"), 10**6), partial(_number_or, ("auto",), 1000)


def _box(text: str) -> Sequence[float]:
    from facekp.inference.predictor import checked_box

    try:
        return [*checked_box([float(part) for part in text.split(",")])]
    except (ValueError, ConfigError):
        told = "is not left,top,right,bottom of a face in pixels, such as 10,20,110,140"
        raise argparse.ArgumentTypeError(f"{one_line(text)} {told}") from None


def _part(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 0 < int(part) <= int(parts) < 10**6):
        raise argparse.ArgumentTypeError(f"{one_line(text)} is not a share such as 2/8")
    return int(part), int(parts)


def _score(text: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = -1.0
    if not 0 <= score <= 1:
        raise argparse.ArgumentTypeError(f"{one_line(text)} is not a number within 0..1")
    return score


def _formats(text: str) -> tuple[str, ...]:
    asked = tuple(part.strip() for part in text.split(","))
    for part in asked:
        if part not in FORMATS:
            raise argparse.ArgumentTypeError(f"{one_line(part)} is none of {', '.join(FORMATS)}")
    return asked
