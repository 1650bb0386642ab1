"""Write a network into one file that runs without this package: ``python -m facekp export outputs/heatmap/<time>``.

The file takes grey or colour images of the network's input size, and gives the keypoints in their pixels, with
confidence and covariance. docs/export.md tells what is in it, and how to use it.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
from base64 import b64encode
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from facekp import __version__
from facekp.runs.find import measured_of
from facekp.runs.messages import exit_on_mistakes
from facekp.utils.errors import ConfigError
from facekp.utils.files import atomic_write, user_path
from facekp.utils.terminal import display_path

FORMATS = {"onnx": ".onnx", "torch-export": ".pt2"}
"""The formats, and how the names of their files end."""
_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_DANES_TERMS = "learnt from the IMM Face Database (the Danes set): free for education and research if cited"
_OTHER_TERMS = "those of the data that the network has learnt from"


def main(arguments: list[str]) -> None:
    """Run the command."""
    with exit_on_mistakes():
        export(parser().parse_args(arguments))


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    described = (__doc__ or "").partition("\n\n")
    parsed = argparse.ArgumentParser(
        prog="facekp export",
        description="Write a network into one file that runs without this package.",
        epilog=described[2],
        allow_abbrev=False,
    )
    add = parsed.add_argument
    add(
        "weights", nargs="?", metavar="PATH", help="a run folder or a checkpoint; by default the network of the package"
    )
    add("--format", choices=FORMATS, default="onnx", help="default onnx")
    add("--out", metavar="FILE", help="default: <name of the model>.onnx or .pt2, in this folder")
    return parsed


def export(options: argparse.Namespace) -> None:
    """Do what the options say.

    Raises:
        ConfigError: if a package is missing.
        CheckpointError: if the weights cannot be read.
    """
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing and options.format == "onnx":
        raise ConfigError(f"{', '.join(missing)} must be installed for ONNX files: pip install {' '.join(missing)}")
    print("Loading libraries ...")
    from facekp.inference.load import shipped
    from facekp.models.checkpoint import read_checkpoint
    from facekp.models.module import KeypointModule
    from facekp.runs.find import find_checkpoint

    checkpoint = read_checkpoint(shipped() if options.weights is None else find_checkpoint(options.weights))
    module = KeypointModule.restore(checkpoint)
    out = user_path(options.out) if options.out else Path(checkpoint.model.name + FORMATS[options.format])
    print(f"Exporting {checkpoint.model.name}, which takes a minute ...")
    facts = describe(module, checkpoint)
    content = as_onnx(module, facts) if options.format == "onnx" else as_torch_export(module, facts)
    with atomic_write(out) as file:
        file.write(content)
    print(f"Written to  {display_path(out.absolute())}, {len(content) / 1e6:.1f} MB")


def describe(module: Any, checkpoint: Any) -> dict[str, Any]:
    """What the file tells of the network, as plain data; docs/export.md lists it."""
    data = dict(checkpoint.data) if checkpoint.data else None
    if data:
        data["settings"] = {**data["settings"], "root": None}
    reader = str(data["settings"].get("reader", {}).get("_target_", "")) if data else ""
    scanner = module.network.scanner()
    return {
        "format": 1,
        "version": __version__,
        "model": module.hparams["model"],
        "scheme": module.hparams["scheme"],
        "point_indices": module.point_indices,
        "mean_shape": module.mean_shape.tolist(),
        "shrink": scanner and scanner[1],
        "score": None if module.score is None else module.score.tolist(),
        "epoch": checkpoint.epoch,
        "step": checkpoint.step,
        "data": data,
        "measured": checkpoint.measured or measured_of(checkpoint.path),
        "terms": _DANES_TERMS if reader.endswith("DanesReader") else _OTHER_TERMS,
    }


def as_onnx(module: Any, facts: dict[str, Any]) -> bytes:
    """The network as an ONNX file, with a second one in its metadata that finds faces."""
    import torch

    from facekp.inference.exportable import Exportable, Scanner

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # otherwise it tells that torchvision is not there

    def exported(part: Exportable | Scanner) -> Any:
        program = torch.onnx.export(
            part.eval(),
            part.example(),
            dynamic_shapes=part.dynamic_shapes(),
            input_names=part.inputs,
            output_names=part.outputs,
            dynamo=True,
            verbose=False,
        )
        assert program is not None
        return program.model_proto

    model = exported(Exportable(module))
    model.metadata_props.add(key="facekp", value=json.dumps(facts))
    if module.network.scanner():
        encoded = b64encode(exported(Scanner(module)).SerializeToString()).decode()
        model.metadata_props.add(key="facekp_scanner", value=encoded)
    return model.SerializeToString()


def as_torch_export(module: Any, facts: dict[str, Any]) -> bytes:
    """The network as a program of ``torch.export``; the extra file ``facekp`` describes it."""
    import torch

    from facekp.inference.exportable import Exportable

    whole = Exportable(module).eval()
    with torch.no_grad():
        program = torch.export.export(whole, whole.example(), dynamic_shapes=whole.dynamic_shapes(), strict=False)
    content = io.BytesIO()
    torch.export.save(program, content, extra_files={"facekp": json.dumps(facts)})
    return content.getvalue()
