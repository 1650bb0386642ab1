"""What an exported file does, as modules of torch; and the evaluation of such a file."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from facekp.data.dataset import Sample
from facekp.evaluation.evaluate import Prediction
from facekp.inference.exported import Exported
from facekp.models.checkpoint import described
from facekp.models.heatmap import HeatmapNet
from facekp.models.module import KeypointModule
from facekp.models.shape_prior import LowRankPrior

_LUMA = 19595, 38470, 7471  # of red, green and blue in 65,536 parts, as in Pillow's convert("L")


class Exportable(nn.Module):
    """From images of the input size to keypoints, with confidence and covariance if the network has them.

    Args:
        module: trained, in evaluation mode.
    """

    def __init__(self, module: KeypointModule) -> None:
        super().__init__()
        self.module = module = deepcopy(module)
        for part in module.modules():
            if isinstance(part, HeatmapNet) and part.prior is not None:
                part.prior = LowRankPrior(part.prior)
        width, height = module.hparams["model"]["input_size"]
        self.size = nn.Buffer(torch.tensor([width, height], dtype=torch.float32), persistent=False)
        self.inputs = ["images", "mirrored"] if module.hparams["model"]["flip_test"] else ["images"]
        with torch.inference_mode():
            shown = module.predict(torch.zeros(1, 1, height, width, dtype=torch.uint8), flip_test=False)
        self.outputs = [name for name, part in zip(shown._fields, shown, strict=True) if part is not None]

    def forward(self, images: Tensor, mirrored: Tensor | None = None) -> tuple[Tensor, ...]:
        """The outputs.

        Args:
            images: uint8 [B, C, H, W], grey (C of 1) or red, green and blue (3).
            mirrored: the mirror images of all for the flip test, or of none, [0, C, H, W].

        Returns:
            float32 [B, K, 2] in pixels of the images, [B, K], and [B, K, 2, 2] in pixels squared.
        """
        grey = _grey(images if mirrored is None else torch.cat([images, mirrored]))
        predicted = self.module.network.read(self.module.network(self.module.scaled(grey)))
        if mirrored is not None:
            count, flipped = images.shape[0], mirrored.shape[0]
            plain = predicted.mapped(lambda part: part[:count])
            other = predicted.mapped(lambda part: part[flipped:])  # without mirror images the same
            tested = torch.cat([torch.zeros_like(images), torch.ones_like(mirrored)])[flipped:, 0, 0, 0] > 0
            predicted = self.module.merged(plain, other).mapped(
                lambda merged, alone: torch.where(tested.view(-1, *[1] * (alone.ndim - 1)), merged, alone), plain
            )
        keypoints, confidence, covariance = self.module.calibrated(predicted)
        in_px2 = None if covariance is None else covariance * self.size * self.size[:, None]
        return tuple(part for part in (keypoints * self.size, confidence, in_px2) if part is not None)

    def example(self) -> tuple[Tensor, ...]:
        """Inputs to trace it with."""
        width, height = self.module.hparams["model"]["input_size"]
        return tuple(torch.zeros(2 + i, 3, height, width, dtype=torch.uint8) for i in range(len(self.inputs)))

    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """Which dimensions of the inputs may differ from those of the example."""
        channels = iter([Dim("channels", min=1, max=3)])  # those of the second input follow
        return tuple({0: Dim(name, max=4096), 1: next(channels, Dim.AUTO)} for name in self.inputs)


class Scanner(nn.Module):
    """From a grey photograph of any size, uint8 [1, 1, h, w], to heatmaps' logits, float32 [K, h', w'].

    Args:
        module: with a network that can find faces; see :meth:`facekp.models.base.KeypointNetwork.scanner`.
    """

    def __init__(self, module: KeypointModule) -> None:
        super().__init__()
        scanner = module.network.scanner()
        assert scanner is not None
        self.stage = scanner[0]
        self.inputs, self.outputs = ["photograph"], ["heatmaps"]

    def forward(self, photograph: Tensor) -> Tensor:
        return self.stage(photograph.float() / 255 - 0.5)[0]

    def example(self) -> tuple[Tensor, ...]:
        """Input to trace it with."""
        return (torch.zeros(1, 1, 150, 210, dtype=torch.uint8),)

    def dynamic_shapes(self) -> tuple[dict[int, Any], ...]:
        """Which dimensions of the input may differ from those of the example."""
        return ({2: Dim("height", min=32, max=2**20), 3: Dim("width", min=32, max=2**20)},)


class ExportedPredictor:
    """A :class:`facekp.evaluation.evaluate.BatchPredictor` of an exported file.

    Args:
        path: of the file.

    Raises:
        CheckpointError: if it is no exported file, is damaged, or names a class that is not trusted.
    """

    def __init__(self, path: Path) -> None:
        self._network = Exported(path)
        facts = self._network.facts
        settings = {name: facts.get(name) for name in ("model", "scheme")}
        progress = {"epoch": facts.get("epoch", 0) - 1, "global_step": facts.get("step")}
        self.checkpoint = described(path, settings, progress, {}, facts.get("data"))
        self.scheme, self.point_indices = self._network.scheme, self._network.point_indices
        self.mean_shape = torch.from_numpy(self._network.mean_shape)

    def predict_step(self, batch: Sample, batch_idx: int) -> Prediction:
        points_px, confidence, covariance_px2 = (
            None if part is None else torch.from_numpy(part)
            for part in self._network.predict(batch["image"][:, 0].cpu().numpy())
        )
        size = self.mean_shape.new_tensor(self._network.input_size)
        assert points_px is not None
        covariance = None if covariance_px2 is None else covariance_px2 / (size * size[:, None])
        return Prediction(points_px / size, confidence, covariance)


def _grey(images: Tensor) -> Tensor:
    """Images, uint8 [B, 1 or 3, H, W], as float32 [B, 1, H, W]; exact, for all sums are whole parts of 65,536."""
    channels, (red, green, blue) = images.shape[1], _LUMA
    fewer = [red + green + blue, 0, 0], [red, green + blue, 0]  # the last channel stands for those that are not there
    weights = torch.tensor([*fewer, _LUMA], device=images.device)[channels - 1, :channels]
    grey = weights[None] / 65536 @ images.float().flatten(2)
    return (grey + 0.5).floor().unflatten(2, images.shape[2:])
