"""Time an exported network beside its checkpoint: ``python -m facekp.benchmarks.exported FILE CHECKPOINT PHOTOGRAPHS``.

From a JPEG to keypoints with confidence and covariance, on the whole photograph. The parts are measured in turn in one
process, with as many threads as ``OMP_NUM_THREADS`` says (1 by default). The medians of the processor time, which is
summed over threads, and of the elapsed time are printed. With ``--detectors`` MediaPipe and dlib are measured too,
after they are fitted to the photographs, which must be the Danes; for that onnxruntime must be installed beside them.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch

from facekp.benchmarks.detectors.base import Baseline
from facekp.data.images import load_grey
from facekp.data.records import Record
from facekp.inference.exported import Exported
from facekp.inference.network import Network
from facekp.inference.torch_network import load_checkpoint

_ROUNDS, _WARM_UP = 60, 20


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a row for each part."""
    parser = argparse.ArgumentParser(prog="python -m facekp.benchmarks.exported", description="Time an exported file.")
    parser.add_argument("file", type=Path, help="an .onnx file of facekp export")
    parser.add_argument("checkpoint", type=Path, help="which it was made of")
    parser.add_argument("photographs", type=Path, help="a folder of JPEG files")
    parser.add_argument("--detectors", action="store_true", help="time MediaPipe and dlib too")
    given = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    exported = Exported(given.file)
    paths = sorted(given.photographs.rglob("*.jpg"))
    read = partial(load_grey, input_size=exported.input_size)
    windows = [read(path) for path in paths[:_ROUNDS]]

    def whole(number: int, network: Network, flip_test: bool) -> object:
        return network.predict(windows[number % len(windows)][None], flip_test)

    networks: dict[str, Network] = {"PyTorch": load_checkpoint(given.checkpoint, "cpu")}
    if shutil.which(os.environ.get("CXX", "g++")):
        compiled = load_checkpoint(given.checkpoint, "cpu")
        compiled.module.network.compile()
        networks["torch.compile"] = compiled
    networks["ONNX Runtime"] = exported
    parts: dict[str, Callable[[int], object]] = {"reading": lambda number: read(paths[number % len(paths)])}
    for name, network in networks.items():
        parts[name] = partial(whole, network=network, flip_test=False)
        parts[f"{name}, flip test"] = partial(whole, network=network, flip_test=True)
    if given.detectors:
        parts |= _detectors(given.photographs)
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in parts}
    for number in range(_ROUNDS + _WARM_UP):
        for name, part in parts.items():
            start = time.process_time(), time.perf_counter()
            part(number)
            took[name].append((time.process_time() - start[0], time.perf_counter() - start[1]))
    print(f"{'ms':<36} {'processor':>9} {'elapsed':>9}")
    for name, seconds in took.items():
        processor, elapsed = (1000 * median(values) for values in zip(*seconds[_WARM_UP:], strict=True))
        print(f"{name:<36} {processor:9.2f} {elapsed:9.2f}")


def _detectors(root: Path) -> dict[str, Callable[[int], object]]:
    """From a photograph of the Danes to its points, by other detectors, each with its flip test."""
    from facekp.benchmarks.detectors.dlib_ert import OwnBox, TrueBox
    from facekp.benchmarks.detectors.mediapipe_mesh import FaceMesh
    from facekp.data.readers.danes import DanesReader
    from facekp.landmarks.scheme import DANES

    records = DanesReader().read(root, "mended")
    parts: dict[str, Callable[[int], object]] = {}
    for kind in (FaceMesh, OwnBox, TrueBox):
        detector = kind(DANES)
        detector.fit(records)
        parts[f"{kind.name}, with reading, flip test"] = partial(_predict, detector, records)
    return parts


def _predict(detector: Baseline, records: Sequence[Record], number: int) -> np.ndarray:
    return detector.predict(records[number % len(records)])


if __name__ == "__main__":
    main()
