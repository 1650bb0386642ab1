"""Making of the weights that come with the package: ``python -m facekp.inference.ship <run folder> [<file>]``.

The file is a checkpoint without the optimizer, whose larger tensors have half the precision.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import torch

from facekp.inference.load import SHIPPED
from facekp.models.checkpoint import read_checkpoint
from facekp.models.module import KeypointModule
from facekp.runs.find import find_checkpoint
from facekp.utils.errors import FacekpError
from facekp.utils.files import atomic_write, user_path, write_text
from facekp.utils.terminal import display_path

_KEPT = ("hyper_parameters", "FaceDataModule", "epoch", "global_step", "pytorch-lightning_version")
_HALF = (".weight",)  # others, such as the shape prior, are small and need their digits


def ship(checkpoint: Path, path: Path) -> None:
    """Write a checkpoint in half precision, and beside it a file with its SHA-256.

    Raises:
        CheckpointError: if it is none.
    """
    KeypointModule.restore(read_checkpoint(checkpoint))
    content = torch.load(checkpoint, map_location="cpu", weights_only=True)
    kept = {key: content[key] for key in _KEPT if key in content}
    kept["state_dict"] = {
        name: values.half() if values.ndim > 1 and name.endswith(_HALF) else values.clone()
        for name, values in content["state_dict"].items()
    }
    with atomic_write(path) as file:
        torch.save(kept, file)
    written = hashlib.sha256(path.read_bytes()).hexdigest()
    write_text(path.with_suffix(".sha256"), f"{written}  {path.name}\n")
    KeypointModule.restore(read_checkpoint(path))
    print(f"Written to  {display_path(path)}, {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    try:
        ship(find_checkpoint(sys.argv[1]), user_path(sys.argv[2]) if sys.argv[2:] else SHIPPED)
    except FacekpError as error:
        sys.exit(f"Error: {error}")
