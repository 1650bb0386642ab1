"""Networks in files of ``python -m facekp export``, run by ONNX Runtime; without torch. Such files are not trusted."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facekp.inference.network import Prediction
from facekp.landmarks.scheme_files import parse_scheme
from facekp.utils.errors import CheckpointError, ConfigError
from facekp.utils.files import read_bytes
from facekp.utils.plain import plain
from facekp.utils.shape import shaped
from facekp.utils.terminal import display_path

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SUFFIX = ".onnx"
"""How the names of such files end."""
_MAX_BYTES = 2_000_000_000  # of which protobuf allows no more
_MAX_FACTS = 100_000  # values
_FACTS = {
    "format": int,
    "model": {"name": str, "input_size": [int], "flip_test": bool, ...: object},
    "scheme": {...: object},
    "point_indices": [int],
    "mean_shape": [[float]],
    "shrink": (int, None),
    "score": ([float], None),
    ...: object,
}
_OUTSIDE = b"\x0a\x08location"  # how a tensor begins to tell in which other file its numbers are


class Exported:
    """A :class:`facekp.inference.network.Network` of an exported file.

    Args:
        path: of the file.

    Raises:
        CheckpointError: if it is no exported file, is damaged, or contradicts itself.
        ConfigError: if ONNX Runtime is not installed.
    """

    def __init__(self, path: Path) -> None:
        if find_spec("onnxruntime") is None:
            raise ConfigError("onnxruntime is not installed, which exported networks need: pip install onnxruntime")
        where = display_path(path)
        try:
            content = read_bytes(path, _MAX_BYTES)
        except OSError as error:
            raise CheckpointError(f"{where} cannot be read ({error.strerror}); give a file of facekp export") from error
        try:
            if _OUTSIDE in content:
                raise ValueError("its weights are in other files")
            self._session = _session(content)
            told = self._session.get_modelmeta().custom_metadata_map
            facts = plain(
                json.loads(told["facekp"]), targets=("model.network", "data.settings.reader"), at_most=_MAX_FACTS
            )
            self.facts: dict[str, Any] = shaped(facts, _FACTS)
            if facts["format"] != 1:
                raise ValueError("it was made by a later version of facekp")
            self.scheme = parse_scheme(facts["scheme"], "its scheme")
            self.point_indices: tuple[int, ...] = tuple(facts["point_indices"])
            width, height = facts["model"]["input_size"]
            self.input_size: tuple[int, int] = width, height
            self.mean_shape = np.array(facts["mean_shape"], np.float32)
            self.shrink: int | None = facts["shrink"]
            self.score = None if facts["score"] is None else np.array(facts["score"], np.float32)
            self._inputs = [each.name for each in self._session.get_inputs()]
            self._outputs = [each.name for each in self._session.get_outputs()]
            self._scanner = _session(b64decode(told["facekp_scanner"])) if self.shrink else None
            self._check()
        except Exception as error:  # ONNX Runtime has many, and so has a file that contradicts itself
            reason = " ".join(str(error).split())[:200]
            raise CheckpointError(
                f"{where} is not a network that facekp export wrote, or is damaged ({reason}); export it again"
            ) from error

    def _check(self) -> None:
        """Raise an error if the network does not do what the file tells."""
        if not all(0 <= point < len(self.scheme) for point in self.point_indices):
            raise ValueError("it predicts points that its scheme does not have")
        if self.mean_shape.shape != (len(self.point_indices), 2):
            raise ValueError("its mean shape has not as many points as it predicts")
        if self.score is not None and self.score.shape != (2,):
            raise ValueError("its score is not two numbers")
        if self.shrink is not None and not 0 < self.shrink <= min(self.input_size):
            raise ValueError("its finder shrinks photographs to nothing")
        found = self.predict(np.zeros((1, *self.input_size[::-1]), np.uint8))
        number = len(self.point_indices)
        for part, shape in zip(found, ((1, number, 2), (1, number), (1, number, 2, 2)), strict=True):
            if part is not None and part.shape != shape:
                raise ValueError("its outputs do not have the shapes of its points")

    def predict(self, windows: np.ndarray, flip_test: bool = True) -> Prediction:
        images = windows[:, None]
        feed = {"images": images}
        if "mirrored" in self._inputs:
            feed["mirrored"] = np.ascontiguousarray(images[..., ::-1]) if flip_test else images[:0]
        found = dict(zip(self._outputs, self._session.run(None, feed), strict=True))
        return Prediction(found["keypoints"], found.get("confidence"), found.get("covariance"))

    def scan(self, image: np.ndarray) -> np.ndarray:
        assert self._scanner is not None, "shrink tells whether a network can find faces"
        return self._scanner.run(None, {"photograph": image[None, None]})[0]


def _session(content: bytes) -> InferenceSession:
    """A session in as many threads as ``OMP_NUM_THREADS`` says, one per core by default."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    threads = os.environ.get("OMP_NUM_THREADS", "")
    options.intra_op_num_threads = int(threads) if threads.isdecimal() else 0
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # other processes may need the cores
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
