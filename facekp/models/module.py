"""The LightningModule that trains and evaluates any keypoint network."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics import MeanMetric

from facekp.data.dataset import Sample
from facekp.evaluation.metrics import KeypointMetrics
from facekp.landmarks.scheme import Scheme
from facekp.models.base import KeypointNetwork

_LOSSES_AT_ONCE = 50


class KeypointModule(LightningModule):
    """Trains a network on batches of faces, logs its losses, and measures it in pixels of the photographs.

    Logged: ``train/loss`` at every ``trainer.log_every_n_steps``-th iteration, ``val/loss`` and the figures of
        :class:`facekp.evaluation.metrics.KeypointMetrics` as ``val/...`` at every validation.

    Args:
        network: predicts the selected points.
        scheme: the landmarks of the data.
        point_indices: which of them the network predicts.
        mean_shape: float32 [K, 2], the mean of those points over the training set, relative to the canvas.
        mirror: for each of ``point_indices`` the position in it of the point that it becomes in a mirrored face. If it
            is given, a prediction is the mean of those for the image and for its mirror image (flip test). Training is
            the same.
        optimizer: creates one for the network's parameters.
        schedule: creates one for the optimizer and the number of steps of the whole training. It is asked at each
            step; None keeps the learning rate constant.
    """

    def __init__(
        self,
        network: KeypointNetwork,
        scheme: Scheme,
        point_indices: Sequence[int],
        mean_shape: Tensor,
        mirror: Sequence[int] | None = None,
        optimizer: Callable[..., Optimizer] = AdamW,
        schedule: Callable[[Optimizer, int], LRScheduler] | None = None,
    ) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.point_indices = list(point_indices)
        self.scheme = scheme
        self.mean_shape: Tensor
        self.register_buffer("mean_shape", mean_shape)
        self.metrics = KeypointMetrics(scheme, point_indices, mean_shape)
        self._val_loss = MeanMetric(nan_strategy=math.nan)  # NaN shall be seen; "disable" would forget the weights
        self._optimizer, self._schedule = optimizer, schedule
        self._mirror = None if mirror is None else list(mirror)
        self._losses: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        """Keypoints float32 [B, K, 2], relative to the image, of grey images uint8 [B, 1, H, W]."""
        return self.predict(images)[0]

    def predict(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Keypoints of grey images, as :meth:`forward` gives them, and their confidences: float32 [B, K], or None.

        See :meth:`facekp.models.base.KeypointNetwork.confidence`.
        """
        views = images if self._mirror is None else torch.cat([images, images.flip(-1)])
        output = self.network(self._prepared(views))
        keypoints, confidence = self.network.decode(output), self.network.confidence(output)
        if self._mirror is None:
            return keypoints, confidence
        plain, mirrored = keypoints.chunk(2)
        mirrored = mirrored[:, self._mirror]
        keypoints = (plain + torch.stack([1 - mirrored[..., 0], mirrored[..., 1]], dim=-1)) / 2
        if confidence is not None:
            plain, mirrored = confidence.chunk(2)
            confidence = (plain + mirrored[:, self._mirror]) / 2
        return keypoints, confidence

    def predict_step(self, batch: Sample, batch_idx: int) -> tuple[Tensor, Tensor | None]:
        """As :meth:`predict`, of the images of a batch."""
        return self.predict(batch["image"].to(self.device))

    def _prepared(self, images: Tensor) -> Tensor:
        scaled = images.to(self.mean_shape.dtype).div_(255).sub_(0.5)
        return scaled.contiguous(memory_format=torch.channels_last)

    def _output_and_loss(self, batch: Sample) -> tuple[Any, Tensor]:
        output = self.network(self._prepared(batch["image"]))
        return output, self.network.loss(output, batch["keypoints"][:, self.point_indices])

    def training_step(self, batch: Sample, batch_idx: int) -> Tensor:
        _, loss = self._output_and_loss(batch)
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Sample, batch_idx: int) -> None:
        self._losses.append(outputs["loss"])
        if len(self._losses) == _LOSSES_AT_ONCE or self.trainer.is_last_batch:
            self._log_losses()

    def _log_losses(self) -> None:
        """Hand the losses since the last time to the loggers; one by one they would slow a small network down."""
        losses = self.trainer.strategy.reduce(torch.stack(self._losses), reduce_op="mean").tolist()
        first = self.trainer.global_step - len(losses)
        for step, loss in enumerate(losses, start=first):
            if step % self.trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
                for logger in self.loggers:
                    logger.log_metrics({"train/loss": loss}, step)
        self.log("train/loss", losses[-1], prog_bar=True, logger=False)
        self._losses.clear()

    def validation_step(self, batch: Sample, batch_idx: int) -> None:
        output, loss = self._output_and_loss(batch)
        self._val_loss.update(loss, len(batch["image"]))
        keypoints = self.network.decode(output) if self._mirror is None else self(batch["image"])
        self.metrics.update(keypoints, batch["keypoints"], batch["canvas_size"], batch["turned"])

    def on_validation_epoch_end(self) -> None:
        figures = {f"val/{name}": value for name, value in self.metrics.compute().items()}
        self.metrics.reset()
        self.log("val/loss", self._val_loss.compute(), prog_bar=True)
        self._val_loss.reset()
        self.log("val/error_px", figures.pop("val/error_px"), prog_bar=True)
        self.log_dict(figures)
        self.log("step", float(self.global_step - 1))  # where loggers put them; without it they chart the epoch, too

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = self._optimizer(self.network.parameters())
        if self._schedule is None:
            return optimizer
        schedule = self._schedule(optimizer, int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step", "name": "train/lr"}}
