"""The LightningModule that trains and evaluates any keypoint network."""

from __future__ import annotations

import math
from importlib.metadata import version
from typing import Any, Self

import numpy as np
import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics import MeanMetric

import facekp
from facekp.config import ModelConfig, Specs
from facekp.data.dataset import Sample
from facekp.evaluation.evaluate import Prediction
from facekp.evaluation.metrics import KeypointMetrics
from facekp.landmarks.scheme import Scheme
from facekp.landmarks.scheme_files import describe_scheme
from facekp.models.checkpoint import Checkpoint, read_checkpoint
from facekp.models.factory import build_network, limited_size
from facekp.utils.errors import CheckpointError, ConfigError
from facekp.utils.instantiate import create_nested

_LOSSES_AT_ONCE = 50


class KeypointModule(LightningModule):
    """Trains a network on batches of faces, logs its losses, and measures it in pixels of the photographs.

    Logged: ``train/loss`` every ``trainer.log_every_n_steps`` iterations; at every validation ``val/loss`` and, as
        ``val/...``, the metrics of :class:`facekp.evaluation.metrics.KeypointMetrics`.

    Model and scheme are saved as plain hyperparameters, so that ``KeypointModule.load_from_checkpoint(path)`` needs no
    other arguments. With the weights are saved, or are None, :attr:`calibration`, the correction of covariances by
    :func:`facekp.evaluation.calibration.calibrate`, and :attr:`score`, which tells the probability of a face, of
    :func:`facekp.evaluation.calibration.fit_score`.

    Args:
        model: the ``model`` settings. With ``flip_test`` a prediction is the mean of those for an image and for its
            mirror image; it does not affect training.
        scheme: the landmarks of the data.
        optimizer: its settings; AdamW by default.
        schedule: its settings; it is stepped at each iteration. By default the learning rate is constant.

    Raises:
        ConfigError: if there is no such network or selection, the network does not accept its settings, or
            ``flip_test`` is set and the scheme does not tell which points swap in a mirror.
    """

    def __init__(
        self, model: ModelConfig, scheme: Scheme, optimizer: Specs | None = None, schedule: Specs | None = None
    ) -> None:
        super().__init__()
        self.point_indices = list(scheme.select(model.selection))
        self.scheme = scheme
        selected = scheme.within(self.point_indices)
        self.network = build_network(model, selected).to(memory_format=torch.channels_last)
        self.mean_shape: Tensor
        self.register_buffer("mean_shape", torch.zeros(len(self.point_indices), 2))
        self.metrics = KeypointMetrics(scheme, self.point_indices, self.mean_shape)
        self.calibration: Tensor | None
        self.register_buffer("calibration", None)
        self.score: Tensor | None
        self.register_buffer("score", None)
        self._val_loss = MeanMetric(nan_strategy=math.nan)  # NaN must be visible; "disable" would ignore the weights
        self._optimizer = optimizer or {"_target_": "torch.optim.AdamW", "_partial_": True}
        self._schedule = schedule
        self._mirror = list(selected.mirror or ()) if model.flip_test else None
        if model.flip_test and not selected.mirror:
            raise ConfigError(
                f"model.flip_test=true is not possible: scheme {scheme.name} does not tell which of the points "
                "swap in a mirror; set model.flip_test=false"
            )
        self._losses: dict[int, Tensor] = {}  # by the step that they belong to
        settings = {name: getattr(model, name) for name in ("name", "network", "input_size", "selection", "flip_test")}
        versions = {"facekp": facekp.__version__} | {name: version(name) for name in ("torch", "lightning")}
        hyperparameters = {"model": settings, "scheme": describe_scheme(scheme), "versions": versions}
        self.save_hyperparameters(hyperparameters, logger=False)

    def init_from_shapes(self, shapes: np.ndarray) -> None:
        """Initialise from the training set's keypoints, float32 [N, P, 2], relative to the canvas."""
        selected = torch.from_numpy(shapes[:, self.point_indices])
        self.network.init_from_shapes(selected)
        self.mean_shape.copy_(selected.mean(0))

    @classmethod
    def load_from_checkpoint(cls, checkpoint_path: Any, map_location: Any = None) -> Self:  # type: ignore[override]
        """Load the trained module of a checkpoint, in evaluation mode; no code in the file is executed.

        Args:
            checkpoint_path: the file.
            map_location: the device of the module; the CPU by default.

        Raises:
            CheckpointError: if the file is not a checkpoint of facekp, or its weights do not fit its network.
        """
        return cls.restore(read_checkpoint(checkpoint_path)).to(map_location or "cpu")

    @classmethod
    def restore(cls, checkpoint: Checkpoint) -> Self:
        """Load the trained module of an opened checkpoint, in evaluation mode.

        Raises:
            CheckpointError: if the weights do not fit the network that the checkpoint names.
        """
        try:
            module = cls(checkpoint.model, checkpoint.scheme)
            for name, shape in (("calibration", (2, len(module.point_indices))), ("score", (2,))):
                if name in checkpoint.state:
                    setattr(module, name, torch.zeros(shape))
            module.load_state_dict(checkpoint.state)
            width, height = checkpoint.model.input_size
            with limited_size(), torch.inference_mode():
                module.eval().predict(torch.zeros(1, 1, height, width, dtype=torch.uint8))
        except Exception as error:  # a network may raise anything for unexpected settings and weights
            raise CheckpointError(
                f"{checkpoint.path} does not hold the weights of {checkpoint.model.name}: "
                f"{' '.join(str(error).split())[:300]}"
            ) from error
        return module

    def forward(self, images: Tensor) -> Tensor:
        """Keypoints float32 [B, K, 2], relative to the image, of grey images uint8 [B, 1, H, W]."""
        return self._keypoints(self.network(self._views(images)))

    def predict(self, images: Tensor, flip_test: bool = True) -> Prediction:
        """Keypoints of grey images, as from :meth:`forward`, with what the network knows of how sure they are.

        See :meth:`facekp.models.base.KeypointNetwork.read`. With the flip test each is the mean of those for both
        views.

        Args:
            images: uint8 [B, 1, H, W].
            flip_test: whether to do the flip test of the ``model`` settings, which takes twice the time.
        """
        predicted = self.network.read(self.network(self._views(images) if flip_test else self.scaled(images)))
        if self._mirror is not None and flip_test:
            predicted = self.merged(*_halves(predicted))
        return self.calibrated(predicted)

    def _views(self, images: Tensor) -> Tensor:
        """What the network sees of images: themselves, followed by their mirror images for the flip test."""
        return self.scaled(images if self._mirror is None else torch.cat([images, images.flip(-1)]))

    def _keypoints(self, output: Any) -> Tensor:
        """The keypoints from the output for :meth:`_views`, which cost much less than a covariance."""
        predicted = Prediction(self.network.decode(output))
        return (predicted if self._mirror is None else self.merged(*_halves(predicted))).keypoints

    def merged(self, plain: Prediction, mirrored: Prediction) -> Prediction:
        """The mean of the predictions for images and for their mirror images: the flip test."""
        keypoints, confidence, covariance = mirrored.mapped(lambda part: part[:, self._mirror])
        keypoints = torch.stack([1 - keypoints[..., 0], keypoints[..., 1]], dim=-1)
        if covariance is not None:  # both views err alike, so the mean of their predictions is hardly more precise
            covariance = covariance * covariance.new_tensor([[1, -1], [-1, 1]])
        return plain.mapped(lambda one, other: (one + other) / 2, Prediction(keypoints, confidence, covariance))

    def calibrated(self, predicted: Prediction) -> Prediction:
        """A prediction whose covariances are corrected, if the network is calibrated."""
        keypoints, _, covariance = predicted
        if covariance is None or self.calibration is None:
            return predicted
        factor, floor = self.calibration
        size = keypoints.new_tensor(self.hparams["model"]["input_size"])
        points_px = keypoints * size
        size2 = (points_px - points_px.mean(1, keepdim=True)).square().sum(-1).mean(1)
        added = torch.diag_embed(size2[:, None, None] * floor[:, None] / size**2)
        return predicted._replace(covariance=covariance * factor[:, None, None] + added)

    def predict_step(self, batch: Sample, batch_idx: int) -> Prediction:
        """:meth:`predict` for the images of a batch."""
        return self.predict(batch["image"].to(self.device))

    def scaled(self, images: Tensor) -> Tensor:
        """What the network sees of grey images of 0..255."""
        scaled = images.to(self.mean_shape.dtype).div_(255).sub_(0.5)
        return scaled.contiguous(memory_format=torch.channels_last)

    def training_step(self, batch: Sample, batch_idx: int) -> Tensor:
        self._step = self.global_step
        return self._loss(self.network(self.scaled(batch["image"])), batch)

    def _loss(self, output: Any, batch: Sample) -> Tensor:
        return self.network.loss(output, batch["keypoints"][:, self.point_indices])

    def on_train_batch_end(self, outputs: Any, batch: Sample, batch_idx: int) -> None:
        loss, earlier = outputs["loss"], self._losses.get(self._step)
        self._losses[self._step] = loss if earlier is None else earlier + loss  # of accumulated batches each has a part
        complete = self.global_step > self._step
        if self.trainer.is_last_batch or (complete and len(self._losses) == _LOSSES_AT_ONCE):
            self._log_losses()

    def on_train_epoch_end(self) -> None:
        if self._losses:  # training was ended within the epoch, as by max_steps
            self._log_losses()

    def _log_losses(self) -> None:
        """Log the losses since the last call; logging them one by one would slow down a small network."""
        losses = self.trainer.strategy.reduce(torch.stack([*self._losses.values()]), reduce_op="mean").tolist()
        for step, loss in zip(self._losses, losses, strict=True):
            if step % self.trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
                for logger in self.loggers:
                    logger.log_metrics({"train/loss": loss}, step)
        self.log("train/loss", losses[-1], prog_bar=True, logger=False)
        self._losses.clear()

    def validation_step(self, batch: Sample, batch_idx: int) -> None:
        output, images = self.network(self._views(batch["image"])), len(batch["image"])
        self._val_loss.update(self._loss(_first(output, images), batch), images)
        self.metrics.update(self._keypoints(output), batch["keypoints"], batch["canvas_size"], batch["turned"])

    def on_validation_epoch_end(self) -> None:
        metrics = {f"val/{name}": value for name, value in self.metrics.compute().items()}
        self.metrics.reset()
        self.log("val/loss", self._val_loss.compute(), prog_bar=True)
        self._val_loss.reset()
        self.log("val/error_px", metrics.pop("val/error_px"), prog_bar=True)
        self.log_dict(metrics)
        self.log("step", float(self.global_step - 1))  # the x axis of loggers; else they would chart the epoch

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = create_nested(self._optimizer, Optimizer, "optimizer", self.network.parameters())
        if not self._schedule:
            return optimizer
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = create_nested(_with_steps(self._schedule, steps), LRScheduler, "schedule", optimizer)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step", "name": "train/lr"}}


def _with_steps(value: Any, total_steps: int) -> Any:
    """The settings of a schedule, in which the value ``total_steps`` is replaced by the number."""
    if isinstance(value, dict):
        return {name: _with_steps(inner, total_steps) for name, inner in value.items()}
    return total_steps if value == "total_steps" else value


def _first(output: Any, images: int) -> Any:
    """The output for the first images: a tensor, or a tuple of them."""
    return output[:images] if isinstance(output, Tensor) else tuple(_first(part, images) for part in output)


def _halves(predicted: Prediction) -> tuple[Prediction, Prediction]:
    """The predictions for images, and for their mirror images."""
    return predicted.mapped(lambda part: part.chunk(2)[0]), predicted.mapped(lambda part: part.chunk(2)[1])
