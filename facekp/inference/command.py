"""Find the faces of photographs and videos, and mark their points: ``python -m facekp predict photo.jpg folder``.

What is found is written into a folder: ``predictions.csv`` with a row for each point, ``drawings/`` with the points on
the photographs and videos, and for several photographs ``predictions.html``. What cannot be read is told in one
sentence, and the rest goes on; the exit status is 1 if anything could not be read, and 0 otherwise, also if no face was
found.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from facekp.inference import MIN_SCORE
from facekp.runs.command_line import error_message
from facekp.utils.errors import ConfigError, DataError
from facekp.utils.files import user_path
from facekp.utils.terminal import counted, display_path, one_line

if TYPE_CHECKING:
    from facekp.inference.work import Work

FORMATS = ("csv", "coco", "pts", "asf")


def main(arguments: list[str]) -> None:
    """Run the command."""
    options = parser().parse_args(arguments)
    try:
        failed = predict(options)
    except Exception as error:
        text = error_message(error)
        if text is None or os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        print(f"Error: {text}", file=sys.stderr)
        sys.exit(1)
    sys.exit(1 if failed else 0)


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
    add("--weights", metavar="PATH", help="a run folder or a checkpoint; by default the network of the package")
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
    add("--formats", type=_formats, default=("csv",), metavar="LIST", help="of csv,coco,pts,asf; default csv")
    add("--device", default="cpu", metavar="NAME", help="cpu, cuda, mps, ...; default cpu")
    add("--no-drawings", action="store_true", help="write no drawings and no page")
    add("--no-smoothing", action="store_true", help="leave the points of videos as they are in each frame")
    return parsed


def predict(options: argparse.Namespace) -> list[str]:
    """Do what the options say, and return a sentence for each input that could not be used."""
    from facekp.inference.inputs import find_inputs

    inputs = find_inputs(options.inputs)
    if options.box is not None and (len(inputs) > 1 or inputs[0].is_video):
        raise ConfigError("--box tells where the face of one photograph is; give one photograph")
    out = user_path(options.out) if options.out else Path("outputs", "predict", f"{datetime.now():%Y-%m-%d_%H-%M-%S}")
    for kind in ("drawings", "points"):
        if any(each.path.is_relative_to((out / kind).absolute()) for each in inputs):
            raise ConfigError(f"{display_path(out / kind)} holds what is to be marked; choose another folder by --out")
    work = _start(options, out, len([each for each in inputs if not each.is_video]))
    with ExitStack() as stack:
        work.open(stack)
        for each in work.progress(stack, inputs):
            try:
                work.video(each) if each.is_video else work.photograph(each)
            except DataError as error:
                work.fail(str(error))
    work.finish()
    where = f", written to {display_path(out.absolute())}"
    print(f"{counted(work.faces, 'face')} in {counted(work.images, 'image')}{where}")
    return work.failed


def _start(options: argparse.Namespace, out: Path, photographs: int) -> Work:
    from facekp.inference.load import load
    from facekp.inference.work import Work

    predictor = load(options.weights, options.device)
    return Work(predictor, out, options, photographs)


def _faces(text: str) -> str | int:
    if text in ("all", "largest"):
        return text
    if not text.isdecimal() or not 0 < int(text) < 10**6:
        raise argparse.ArgumentTypeError(f"{one_line(text)} is not all, largest or a number from 1")
    return int(text)


def _box(text: str) -> Sequence[float]:
    try:
        left, top, right, bottom = box = [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{one_line(text)} is not four numbers such as 10,20,110,140") from None
    if not (right - left >= 1 and bottom - top >= 1 and max(map(abs, box)) < 1e6):
        raise argparse.ArgumentTypeError(f"{one_line(text)} is not left,top,right,bottom of a face in pixels")
    return box


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
