"""The interface of all keypoint networks, and the base class of those that regress coordinates."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from facekp.evaluation.evaluate import Prediction


class KeypointNetwork(nn.Module):
    """Predicts the keypoints of one face per image.

    The constructor of a network takes ``num_points``, ``input_size`` (width, height) and whatever else its YAML file
    sets; if it has an argument ``scheme``, it is given the :class:`facekp.landmarks.scheme.Scheme` of its points. The
    output of :meth:`forward` is a tensor, or a tuple of tensors, whose first dimension is the batch: :meth:`decode`
    turns it into keypoints, :meth:`read` also into how sure they are, and :meth:`loss` compares it with the ground
    truth. The defaults below suit a network whose output is the coordinates themselves, without a confidence.
    """

    def forward(self, images: Tensor) -> Any:
        """The network's output for grey images, float32 [B, 1, H, W] within -0.5..0.5."""
        raise NotImplementedError

    def decode(self, output: Any) -> Tensor:
        """Keypoints float32 [B, K, 2], relative to the image, from the output of :meth:`forward`."""
        return output

    def read(self, output: Any) -> Prediction:
        """The keypoints of :meth:`decode`, with confidence and covariance if the network has them.

        Each network with a confidence documents what the number means. In a covariance x comes before y; as keypoints
        are relative to the image, so are their covariances, to its size squared: times ``width * width``,
        ``width * height`` and ``height * height`` they are in pixels squared.
        """
        return Prediction(self.decode(output))

    def scanner(self) -> tuple[KeypointNetwork, int] | None:
        """The part of the network that can find faces, or None.

        It is fully convolutional: given an image of another size than the network's input, its output is that of every
        window of the image, as heatmaps [B, K, h, w]; and it has a confidence. The second value tells how many times
        smaller the images are that it sees.
        """
        return None

    def loss(self, output: Any, truth: Tensor) -> Tensor:
        """The mean squared error of relative coordinates, over images, points and both coordinates.

        Args:
            output: of :meth:`forward`.
            truth: float32 [B, K, 2]; NaN in images without a face, which add nothing.

        Returns:
            A scalar.
        """
        return functional.mse_loss(self.decode(output).where(truth.isfinite(), 0.0), truth.nan_to_num())

    def init_from_shapes(self, shapes: Tensor) -> None:
        """Prepare for training, given the training set's keypoints, float32 [N, K, 2]. Does nothing by default."""


class RegressionNetwork(KeypointNetwork):
    """Convolutions, followed by two linear layers whose output is the relative coordinates.

    Args:
        convolutions: from [B, 1, H, W] to feature maps.
        hidden: width of the first linear layer.
        num_points: number of keypoints.
        input_size: (width, height) of the images.
    """

    def __init__(self, convolutions: nn.Sequential, hidden: int, num_points: int, input_size: tuple[int, int]) -> None:
        super().__init__()
        self.convolutions = convolutions
        with torch.no_grad():
            features = convolutions(torch.zeros(1, 1, input_size[1], input_size[0])).numel()
        self.last = nn.Linear(hidden, 2 * num_points)
        self.head = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), self.last)
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        """Keypoints float32 [B, K, 2] of images float32 [B, 1, H, W]."""
        return self.head(self.convolutions(images).flatten(1)).unflatten(1, (-1, 2))

    def init_from_shapes(self, shapes: Tensor) -> None:
        """Set the bias of the last layer to the mean shape, so that the first predictions are near it."""
        with torch.no_grad():
            self.last.bias.copy_(shapes.mean(0).flatten())


def _initialise(layer: nn.Module) -> None:
    """Initialise as in Glorot and Bengio, 2010.

    With torch's default the signal fades, and deep networks never get away from the mean shape.
    """
    if isinstance(layer, (nn.Conv2d, nn.Linear)):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
