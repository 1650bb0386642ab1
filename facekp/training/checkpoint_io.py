"""How checkpoints are written."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from facekp.utils.files import atomic_write


class AtomicCheckpointIO(TorchCheckpointIO):
    """Checkpoints that are whole at every moment, whatever ends the process.

    Lightning's own writes to the system's temporary folder and moves the file from there, which copies it piece by
    piece over the last one where the two folders are on different disks.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        content = io.BytesIO()  # torch hides what went wrong with a file of its own
        torch.save(checkpoint, content)
        with atomic_write(Path(path)) as file:
            file.write(content.getbuffer())
