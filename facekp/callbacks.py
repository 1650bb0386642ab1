"""When to draw, log and warn while training."""

from __future__ import annotations

import gc
import warnings
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities import rank_zero_only
from omegaconf import OmegaConf
from torch.utils.tensorboard import SummaryWriter

from facekp.checkpoint import ABOUT
from facekp.config import Config
from facekp.data.dataset import FaceDataset, JitteredDataset
from facekp.errors import ConfigError
from facekp.figures import Face, face_grid
from facekp.gallery import evenly
from facekp.metrics import COLLAPSED_SPREAD
from facekp.provenance import command_line
from facekp.sheets import draws, mean_shapes, numbered

_LAYOUT = {
    "loss": {"training and validation": ["Multiline", ["train/loss", "val/loss"]]},
    "error on the validation faces, in pixels of the photographs": {
        "mean distance (px)": ["Multiline", ["val/error_px", "val/error_px_turned", "val/mean_shape_error_px"]],
        "mean squared error (px²)": ["Multiline", ["val/mse_px2", "val/mse_px2_turned", "val/mean_shape_mse_px2"]],
    },
}


class About(Callback):
    """Write into each checkpoint how it was made.

    Args:
        about: plain data, see :func:`facekp.checkpoint.describe`.
    """

    def __init__(self, about: dict[str, Any]) -> None:
        self._about = about

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint[ABOUT] = self._about


class Settings(Callback):
    """Show in TensorBoard's text what was asked for: the data and the whole config.

    Args:
        config: of the run.
    """

    def __init__(self, config: Config) -> None:
        self._config = config

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        data = trainer.datamodule  # type: ignore[attr-defined]
        command, seed = command_line(), self._config.seed
        parts = [
            f"{self._config.model.name} on {data.caption}, seed {seed}: "
            f"{len(data.train_faces)} images to learn from, {len(data.val_faces)} held out",
            *([_verbatim(command)] if command else []),
            _verbatim(OmegaConf.to_yaml(OmegaConf.create(asdict(self._config)))),
        ]
        for writer in _writers(trainer):
            writer.add_text("settings", "\n\n".join(parts), trainer.global_step)


def _verbatim(text: str) -> str:
    """A code block in Markdown."""
    return f"```\n{text.rstrip()}\n```"


class RestingCollector(Callback):
    """Keep what exists before training out of the garbage collector's sight.

    It lives as long as the run; walking it again and again costs a tenth of the training time of a small network.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        gc.collect()
        gc.freeze()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        gc.unfreeze()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        gc.unfreeze()


class CurveLayout(Callback):
    """Lay out TensorBoard's custom scalars: training and validation on one chart."""

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for writer in _writers(trainer):
            writer.add_custom_scalars(_LAYOUT)


class Pictures(Callback):
    """Draw into TensorBoard: the labels and the jitter before the first step, and the answers to the same validation
    faces before the first step, every few epochs and at the end.

    Args:
        every_n_epochs: how often.
        faces: how many validation faces, spread evenly over the validation set.

    Raises:
        ConfigError: if either is less than 1.
    """

    def __init__(self, every_n_epochs: int = 5, faces: int = 12) -> None:
        for name, value in (("every_n_epochs", every_n_epochs), ("faces", faces)):
            if value < 1:
                raise ConfigError(f"callbacks.pictures.{name}={value} is not possible: it must be at least 1")
        self._every = every_n_epochs
        self._faces = faces

    @rank_zero_only
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.ckpt_path is None:
            self._draw_labels(trainer, pl_module)
            self._draw_answers(trainer, pl_module)

    @rank_zero_only
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epoch = trainer.current_epoch + 1
        if epoch % self._every == 0 or epoch == trainer.max_epochs:
            self._draw_answers(trainer, pl_module)

    def _draw_labels(self, trainer: Trainer, module: Any) -> None:
        data = trainer.datamodule  # type: ignore[attr-defined]
        scheme, points, caption = module.scheme, module.points, data.caption
        sheets = {
            "mean shapes": mean_shapes(data.train_faces, scheme, caption),
            "numbered points": numbered(data.val_faces, 0, scheme, caption),
            "one face under jitter": draws(data.train_faces, 0, scheme, caption),
        }
        for name, dataset, title in (
            ("ground truth", data.val_faces, "ground truth of validation faces"),
            ("jittered training faces", data.train_faces, "training faces as the network sees them"),
        ):
            faces = [_face(dataset, index, points) for index in evenly(len(dataset), self._faces)]
            sheets[name] = face_grid(faces, scheme, points, title, caption)
        for name, sheet in sheets.items():
            for writer in _writers(trainer):
                writer.add_figure(f"data/{name}", sheet, 0)

    def _draw_answers(self, trainer: Trainer, module: Any) -> None:
        data = trainer.datamodule  # type: ignore[attr-defined]
        chosen = evenly(len(data.val_faces), self._faces)
        images = torch.stack([data.val_faces[index]["image"] for index in chosen])
        was_training = module.training
        with torch.inference_mode():
            answers = module.eval()(images.to(module.device)).float().cpu().numpy()
        module.train(was_training)
        faces = [_face(data.val_faces, i, module.points, answer) for i, answer in zip(chosen, answers, strict=True)]
        title = f"epoch {trainer.current_epoch + 1}" if trainer.global_step else "before the first step"
        figure = face_grid(faces, module.scheme, module.points, title, data.caption)
        for writer in _writers(trainer):
            writer.add_figure("predictions", figure, max(0, trainer.global_step - 1))  # beside that step's figures


def _face(dataset: FaceDataset, index: int, points: list[int], prediction: np.ndarray | None = None) -> Face:
    sample = dataset[(0, index)] if isinstance(dataset, JitteredDataset) else dataset[index]
    truth = sample["keypoints"].numpy()[points]
    return Face(dataset.records[index].name, sample["image"][0].numpy(), truth, prediction)


class CollapseWarning(Callback):
    """Warn, once, when half the training is over and the network still answers all validation faces with one shape."""

    def __init__(self) -> None:
        self._warned = False

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        spread = float(trainer.callback_metrics.get("val/spread", np.inf))
        late = trainer.current_epoch + 1 >= (trainer.max_epochs or 0) / 2
        if late and not trainer.sanity_checking and not self._warned and spread < COLLAPSED_SPREAD:
            self._warned = True
            warnings.warn(
                f"after epoch {trainer.current_epoch + 1} the validation predictions have collapsed to one shape: they "
                f"vary {spread:.1%} as much as the labels do; train longer, or change model.optimizer.lr",
                stacklevel=2,
            )


def _writers(trainer: Trainer) -> list[SummaryWriter]:
    return [logger.experiment for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
