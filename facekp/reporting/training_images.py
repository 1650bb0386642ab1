"""Images for TensorBoard during training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_only

from facekp.data.dataset import FaceDataset
from facekp.reporting.data_figures import augmented, mean_shapes, numbered, plain, variants
from facekp.reporting.faces import FacePanel, face_grid
from facekp.reporting.figures import evenly
from facekp.training.callbacks import writers
from facekp.utils.errors import ConfigError

_TILE = 1.7  # inches: TensorBoard shows a figure some 400 pixels wide


class PredictionImages(Callback):
    """Writes images to TensorBoard: labels, augmented faces, and predictions for the same validation faces.

    These are predicted before the first step, every few epochs and at the end. All that belongs to the first step is
    drawn after the first epoch, so that training starts sooner.

    Args:
        every_n_epochs: between two images of the predictions.
        faces: number of validation faces, spread evenly over the validation set.

    Raises:
        ConfigError: if either is less than 1.
    """

    def __init__(self, every_n_epochs: int = 5, faces: int = 6) -> None:
        for name, value in (("every_n_epochs", every_n_epochs), ("faces", faces)):
            if value < 1:
                raise ConfigError(f"callbacks.pictures.{name}={value} is not possible: it must be at least 1")
        self._every = every_n_epochs
        self._faces = faces
        self._untrained: list[FacePanel] = []

    @rank_zero_only
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.ckpt_path is None:
            self._untrained = self._predictions(trainer, pl_module)

    @rank_zero_only
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epoch = trainer.current_epoch + 1
        if self._untrained:
            self._draw_labels(trainer, pl_module)
            self._draw(trainer, pl_module, self._untrained, "before the first step", 0)
            self._untrained = []
        if epoch % self._every == 0 or epoch == trainer.max_epochs:
            shown = self._predictions(trainer, pl_module)
            self._draw(trainer, pl_module, shown, f"epoch {epoch}", trainer.global_step - 1)  # that of the metrics

    def _draw_labels(self, trainer: Trainer, module: Any) -> None:
        data = trainer.datamodule  # type: ignore[attr-defined]
        scheme, points, caption = module.scheme, module.point_indices, data.caption
        train, val = data.train_faces, data.val_faces
        chosen = evenly(len(train), self._faces)
        everything, whole = range(len(scheme)), {"caption": caption, "tile": _TILE, "cropped": False}
        sheets = {
            "mean shapes": mean_shapes(train, scheme, caption, _TILE),
            "numbered points": numbered(plain(val, 0), scheme, caption, 3 * _TILE),
            "one face under augmentation": face_grid(
                variants(train, 0), scheme, everything, f"augmented samples of {train.records[0].name}", **whole
            ),
            "ground truth": face_grid(
                self._shown(val, points), scheme, points, "ground truth of validation faces", caption, tile=_TILE
            ),
            "augmented training faces": face_grid(
                [augmented(train, (0, i), points) for i in chosen], scheme, points, "augmented training faces", **whole
            ),
        }
        for name, sheet in sheets.items():
            for writer in writers(trainer):
                writer.add_figure(f"view/{name}", sheet, 0)

    def _shown(self, val: FaceDataset, point_indices: Sequence[int]) -> list[FacePanel]:
        """The validation faces that are drawn."""
        return [plain(val, index, point_indices) for index in evenly(len(val), self._faces)]

    def _predictions(self, trainer: Trainer, module: Any) -> list[FacePanel]:
        data = trainer.datamodule  # type: ignore[attr-defined]
        shown = self._shown(data.val_faces, module.point_indices)
        images = torch.from_numpy(np.stack([face.image for face in shown]))[:, None]
        was_training = module.training
        with torch.inference_mode():
            predictions = module.eval()(images.to(module.device)).float().cpu().numpy()
        module.train(was_training)
        return [replace(face, prediction=keypoints) for face, keypoints in zip(shown, predictions, strict=True)]

    def _draw(self, trainer: Trainer, module: Any, faces: list[FacePanel], title: str, step: int) -> None:
        caption = trainer.datamodule.caption  # type: ignore[attr-defined]
        figure = face_grid(faces, module.scheme, module.point_indices, title, caption, tile=_TILE)
        for writer in writers(trainer):
            writer.add_figure("view/predictions", figure, step)
