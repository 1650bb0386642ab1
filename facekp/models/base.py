"""What every keypoint network has in common."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


class KeypointNetwork(nn.Module):
    """From images to the keypoints of one face each.

    A network of this project takes ``points`` (how many it answers) and ``input_size`` (width, height), and whatever
    else its YAML file sets. Its :meth:`forward` may answer anything; :meth:`decode` makes keypoints of it,
    :meth:`confidence` tells how sure they are, and :meth:`loss` judges it. As they stand here, they suit a network that
    answers with the coordinates themselves and does not know how sure it is.
    """

    def forward(self, images: Tensor) -> Any:
        """Answer for grey images, float32 [B, 1, H, W] within -0.5..0.5."""
        raise NotImplementedError

    def decode(self, output: Any) -> Tensor:
        """Keypoints float32 [B, K, 2], relative to the image, of what :meth:`forward` answered."""
        return output

    def confidence(self, output: Any) -> Tensor | None:
        """How sure each keypoint is, float32 [B, K] within 0..1, or None if the network does not know.

        What the number means is told by each network that knows it.
        """
        return None

    def loss(self, output: Any, truth: Tensor) -> Tensor:
        """The mean squared error of relative coordinates, over images, points and both coordinates.

        Args:
            output: what :meth:`forward` answered.
            truth: float32 [B, K, 2].

        Returns:
            A scalar.
        """
        return functional.mse_loss(self.decode(output), truth)

    def init_from_shapes(self, shapes: Tensor) -> None:
        """Prepare for training, given the training set's keypoints, float32 [N, K, 2]; by default nothing is done."""


class RegressionNetwork(KeypointNetwork):
    """Convolutions, then linear layers that answer with relative coordinates.

    Args:
        convolutions: from [B, 1, H, W] to feature maps.
        hidden: width of the first linear layer.
        points: number of keypoints to answer.
        input_size: (width, height) of the images.
    """

    def __init__(self, convolutions: nn.Sequential, hidden: int, points: int, input_size: tuple[int, int]) -> None:
        super().__init__()
        self.convolutions = convolutions
        with torch.no_grad():
            features = convolutions(torch.zeros(1, 1, input_size[1], input_size[0])).numel()
        self.last = nn.Linear(hidden, 2 * points)
        self.head = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), self.last)
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        """Keypoints float32 [B, K, 2] of images float32 [B, 1, H, W]."""
        return self.head(self.convolutions(images).flatten(1)).unflatten(1, (-1, 2))

    def init_from_shapes(self, shapes: Tensor) -> None:
        """Begin by answering about the mean shape: the last layer's bias becomes it."""
        with torch.no_grad():
            self.last.bias.copy_(shapes.mean(0).flatten())


def _initialise(layer: nn.Module) -> None:
    """Glorot and Bengio, 2010: torch's default lets the signal fade, and deep networks then stay at the mean shape."""
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
