"""Pictures for TensorBoard while training."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only

from facekp.data.dataset import AugmentedDataset, FaceDataset
from facekp.reporting.data_figures import draws, mean_shapes, numbered
from facekp.reporting.evaluation_figures import evenly
from facekp.reporting.figures import Face, face_grid
from facekp.training.callbacks import writers
from facekp.utils.errors import ConfigError


class PredictionImages(Callback):
    """Draw into TensorBoard: labels and augmented faces before the first step, and the predictions on the same
    validation faces before the first step, every few epochs and at the end.

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
        scheme, points, caption = module.scheme, module.point_indices, data.caption
        sheets = {
            "mean shapes": mean_shapes(data.train_faces, scheme, caption),
            "numbered points": numbered(data.val_faces, 0, scheme, caption),
            "one face under augmentation": draws(data.train_faces, 0, scheme, caption),
        }
        for name, dataset, title in (
            ("ground truth", data.val_faces, "ground truth of validation faces"),
            ("augmented training faces", data.train_faces, "training faces as the network sees them"),
        ):
            faces = [_face(dataset, index, points) for index in evenly(len(dataset), self._faces)]
            sheets[name] = face_grid(faces, scheme, points, title, caption)
        for name, sheet in sheets.items():
            for writer in writers(trainer):
                writer.add_figure(f"data/{name}", sheet, 0)

    def _draw_answers(self, trainer: Trainer, module: Any) -> None:
        data = trainer.datamodule  # type: ignore[attr-defined]
        chosen = evenly(len(data.val_faces), self._faces)
        images = torch.stack([data.val_faces[index]["image"] for index in chosen])
        was_training = module.training
        with torch.inference_mode():
            predictions = module.eval()(images.to(module.device)).float().cpu().numpy()
        module.train(was_training)
        points = module.point_indices
        faces = [_face(data.val_faces, i, points, shape) for i, shape in zip(chosen, predictions, strict=True)]
        title = f"epoch {trainer.current_epoch + 1}" if trainer.global_step else "before the first step"
        figure = face_grid(faces, module.scheme, points, title, data.caption)
        for writer in writers(trainer):
            writer.add_figure("predictions", figure, max(0, trainer.global_step - 1))  # beside that step's figures


def _face(dataset: FaceDataset, index: int, points: list[int], prediction: np.ndarray | None = None) -> Face:
    sample = dataset[(0, index)] if isinstance(dataset, AugmentedDataset) else dataset[index]
    truth = sample["keypoints"].numpy()[points]
    return Face(dataset.records[index].name, sample["image"][0].numpy(), truth, prediction)
