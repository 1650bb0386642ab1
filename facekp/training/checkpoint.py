"""Writing of checkpoints, and resuming from them."""

from __future__ import annotations

import io
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch import Callback, LightningModule, Trainer

from facekp.config import Config
from facekp.landmarks.scheme import Scheme
from facekp.models.base import KeypointNetwork
from facekp.models.checkpoint import Checkpoint, read_checkpoint
from facekp.runs.folder import RunFolder
from facekp.utils.errors import CheckpointError, FacekpError
from facekp.utils.files import atomic_write
from facekp.utils.instantiate import find_class
from facekp.utils.terminal import display_path


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints atomically, and only in their folder.

    Lightning's own writes to the system's temporary folder and moves the file from there, which is not atomic if the
    two folders are on different disks.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        content = io.BytesIO()  # torch hides errors of files that it opens
        torch.save(checkpoint, content)
        with atomic_write(Path(path)) as file:
            file.write(content.getbuffer())

    def remove_checkpoint(self, path: Any) -> None:
        if ".." not in Path(path).parts:  # the path may come from a checkpoint
            Path(path).unlink(missing_ok=True)


def checkpoint_to_resume(config: Config, scheme: Scheme) -> Checkpoint | None:
    """The checkpoint from which a run is resumed, or None; which of the two is printed.

    Raises:
        CheckpointError: if it is damaged, has another network, selection or input size, or more epochs than this run.
    """
    if config.resume is None:
        return None
    path = RunFolder(config.resume).last_checkpoint
    if not path.is_file():
        print(f"{display_path(Path(config.resume))} has no checkpoint yet, so its run starts anew there")
        return None
    find_class(
        config.model.network.get("_target_"), KeypointNetwork, "model.network"
    )  # the checkpoint may name it, too
    checkpoint = read_checkpoint(path)
    check_scheme(checkpoint, scheme)
    for name in ("network", "selection", "input_size"):
        there, here = getattr(checkpoint.model, name), getattr(config.model, name)
        if there != here:
            raise CheckpointError(
                f"{path} was made with model.{name}={there}, this run has {here}; "
                f"go on with model={checkpoint.model.name} or start anew without resume"
            )
    if checkpoint.epoch > config.trainer.max_epochs:
        raise CheckpointError(
            f"{path} has had {checkpoint.epoch} epochs, this run has {config.trainer.max_epochs}; "
            "give trainer.max_epochs=<how many in all>"
        )
    print(f"{display_path(Path(config.resume))} goes on after epoch {checkpoint.epoch} of {config.trainer.max_epochs}")
    return checkpoint


class ResumeGuard(Callback):
    """Converts errors in the first epoch of a resumed run; a checkpoint may contain any training state.

    Used both as a callback and as the context in which the trainer runs.

    Args:
        checkpoint: from which the run is resumed, or None.

    Raises:
        CheckpointError: instead of any other exception, at the end of the context.
    """

    def __init__(self, checkpoint: Checkpoint | None) -> None:
        self._checkpoint = checkpoint

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._checkpoint and trainer.current_epoch > self._checkpoint.epoch:
            self._checkpoint = None

    def __enter__(self) -> None:
        """Nothing is prepared."""

    def __exit__(self, kind: type | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._checkpoint and isinstance(error, Exception) and not isinstance(error, (FacekpError, OSError)):
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            raise CheckpointError(f"{self._checkpoint.path} cannot be resumed from: {reason}") from error


def check_scheme(checkpoint: Checkpoint, scheme: Scheme) -> None:
    """Check that the data have the landmarks on which a network was trained.

    Raises:
        CheckpointError: if they differ.
    """
    if checkpoint.scheme != scheme:
        differ = "" if checkpoint.scheme.name != scheme.name else ", but with other points, groups or mirror images"
        raise CheckpointError(
            f"{checkpoint.path} was trained on the landmarks {checkpoint.scheme.name}, the data have {scheme.name}"
            f"{differ}; choose data with those landmarks"
        )


def device_of(accelerator: str) -> torch.device:
    """The device for one of Lightning's names: ``auto``, ``cpu``, ``gpu`` or ``mps``."""
    found = torch.accelerator.current_accelerator(check_available=True)
    return torch.device("cpu") if accelerator == "cpu" or found is None else found
