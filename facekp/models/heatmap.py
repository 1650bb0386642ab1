"""An encoder-decoder network whose output is heatmaps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from facekp.evaluation.evaluate import Prediction
from facekp.landmarks.scheme import Scheme
from facekp.models import heatmap_codec as codec
from facekp.models.base import KeypointNetwork
from facekp.models.exportable import mapped
from facekp.models.shape_prior import ShapePrior

_MIN_VARIANCE = 0.05  # cells squared; a heatmap is never trusted to be more precise


class HeatmapNet(KeypointNetwork):
    """An encoder of several levels, a decoder that merges them again, and one heatmap per keypoint.

    Each level of the encoder halves width and height by a convolution, followed by residual blocks (He et al., 2016).
    The decoder enlarges the features of a level, adds those of the next finer level, and smooths the sum by a
    convolution, as in a feature pyramid (Lin et al., 2017). Batch normalisation and ReLU follow every convolution but
    the last.

    A keypoint is the mean of its heatmap, corrected by a :class:`ShapePrior`: the more a heatmap is wider along some
    direction than its training target, the less it counts along that direction. Its confidence is the share of the
    heatmap within two cells of its mean in x, times that in y: near 1 if all of it lies in one place, near 0 if it is
    spread out or has several peaks. Its covariance is what the shape prior leaves of the heatmap's excess over the
    width of its training target.

    With ``learn_absence`` the heatmap of a keypoint that is not in the image is taught to be flat, so that its
    confidence is near 0.

    As ``model=heatmap_tiny`` it has 95,178 weights and takes 25 million multiplications per image.

    Args:
        num_points: number of keypoints.
        input_size: (width, height) of the images.
        channels: of each level.
        blocks: number of residual blocks of each level.
        stride: width of a heatmap's cell in pixels of the image, a power of 2.
        sigma: standard deviation in cells of the Gaussians that are the heatmaps' training targets.
        distance_weight: weight in the loss of the distance from the ground truth, in cells.
        learn_absence: whether to learn from images without a face, and from points outside the image, too.
        shape_prior: whether keypoints are corrected by the shapes of the training set, which takes at least 3 of them.
        contour: name of the group of points that slide along their path, see :class:`ShapePrior`; a scheme may lack it.
        scheme: the landmarks.
    """

    def __init__(
        self,
        num_points: int,
        input_size: tuple[int, int],
        channels: Sequence[int] = (8, 16, 32, 64, 96),
        blocks: Sequence[int] = (0, 0, 1, 1, 2),
        stride: int = 4,
        sigma: float = 1.0,
        distance_weight: float = 0.1,
        learn_absence: bool = False,
        shape_prior: bool = True,
        contour: str | None = None,
        scheme: Scheme | None = None,
    ) -> None:
        super().__init__()
        self._sigma = sigma
        self._distance_weight = distance_weight
        self._learn_absence = learn_absence
        finest = stride.bit_length() - 2  # the level whose size the heatmaps have
        self.encoder = nn.ModuleList(
            nn.Sequential(_convolution(before, after, stride=2), *(ResidualBlock(after) for _ in range(count)))
            for before, after, count in zip((1, *channels), channels, blocks, strict=False)
        )
        upwards = [*channels[finest:]][::-1]
        self.reduce = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in pairwise(upwards))
        self.smooth = nn.ModuleList(_convolution(c, c) for c in upwards[1:])
        self.head = nn.Conv2d(upwards[-1], num_points, 1)
        self._input_size = nn.Buffer(torch.tensor(input_size, dtype=torch.float32), persistent=False)
        sliding = () if scheme is None else scheme.points_of(contour)
        self.prior = ShapePrior(num_points, sliding) if shape_prior and num_points > 2 else None

    def forward(self, images: Tensor) -> Tensor:
        """Heatmap logits, float [B, K, h, w], of images float32 [B, 1, H, W]."""
        features = images
        levels = []
        for level in self.encoder:
            features = level(features)
            levels.append(features)
        for reduce, smooth, finer in zip(self.reduce, self.smooth, levels[-2::-1], strict=False):
            enlarged = functional.interpolate(reduce(features), size=finer.shape[-2:], mode="bilinear")
            features = smooth(enlarged + finer)
        return self.head(features).contiguous()  # one heatmap after the other: decoding is twice as fast

    def decode(self, output: Tensor) -> Tensor:
        """Keypoints float32 [B, K, 2] by soft-argmax and the shape prior."""
        keypoints, noise, _ = self.observed(output)
        return self.posterior(keypoints, noise, covariance=False)[0] / self._input_size

    def read(self, output: Tensor) -> Prediction:
        """The keypoints with confidence and covariance; see the class."""
        keypoints, noise, confidence = self.observed(output)
        keypoints, covariance = self.posterior(keypoints, noise)
        size = self._input_size
        return Prediction(keypoints / size, confidence, covariance / (size * size[:, None]))

    def observed(self, output: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the heatmaps tell without the shape prior, in pixels of the image.

        Returns:
            The mean of each heatmap, float32 [B, K, 2], the covariance of its error, float32 [B, K, 2, 2], and its
            confidence, float32 [B, K] within 0..1.
        """
        heatmaps = codec.spatial_softmax(output)
        marginals = codec.marginals(heatmaps)
        keypoints = codec.decode(*marginals)
        cell = self._input_size / torch.tensor(heatmaps.shape[:-3:-1], device=heatmaps.device)
        covariances = codec.covariances(heatmaps, *marginals)
        excess = mapped(covariances, lambda value: (value - self._sigma**2).clamp_min(_MIN_VARIANCE))
        confidence = codec.mass_near(*marginals, keypoints)
        return keypoints * self._input_size, excess * cell * cell[:, None], confidence

    def posterior(self, keypoints: Tensor, noise: Tensor, covariance: bool = True) -> tuple[Tensor, Any]:
        """What is :meth:`observed`, corrected by the shape prior; see :meth:`ShapePrior.posterior`."""
        return (keypoints, noise) if self.prior is None else self.prior.posterior(keypoints, noise, covariance)

    def init_from_shapes(self, shapes: Tensor) -> None:
        """Fit the shape prior."""
        if self.prior is not None:
            self.prior.fit(shapes * self._input_size)

    def scanner(self) -> tuple[KeypointNetwork, int]:
        """The network itself."""
        return self, 1

    def loss(self, output: Tensor, truth: Tensor) -> Tensor:
        """Cross-entropy between the heatmaps and Gaussians at the ground truth, plus the weighted distance.

        After Nibali et al., 2018, with the cross-entropy of the marginal distributions as the regulariser. It has the
        larger weight: the mean of a heatmap that shows how likely each position is has the least squared error. Points
        outside the image, where augmentation may move them, have no cross-entropy, and images without a face neither of
        the two. With ``learn_absence`` the target of either is the uniform distribution, without the distance.

        Args:
            output: of :meth:`forward`.
            truth: float32 [B, K, 2]; NaN in images without a face.

        Returns:
            A scalar.
        """
        face = truth.isfinite().all(-1)
        truth = truth.nan_to_num()
        marginals = columns, rows = codec.marginals(codec.spatial_softmax(output))
        size = columns.shape[-1], rows.shape[-1]
        offset = (codec.decode(columns, rows) - truth) * truth.new_tensor(size)
        inside = face & ((truth > 0) & (truth < 1)).all(-1)
        cross_entropy = torch.zeros_like(truth[..., 0])
        for target, marginal in zip(codec.encode(truth, size, self._sigma), marginals, strict=True):
            if self._learn_absence:
                target = target.where(inside[..., None], 1 / target.shape[-1])
            cross_entropy = cross_entropy - (target * (marginal + 1e-8).log()).sum(-1)
        distance = torch.linalg.vector_norm(offset, dim=-1)
        if self._learn_absence:
            return cross_entropy.mean() + self._distance_weight * (distance * inside).mean()
        return (cross_entropy * inside).mean() + self._distance_weight * (distance * face).mean()


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions whose output is added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _convolution(channels, channels), nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        )
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        """Float [B, C, h, w] to the same shape."""
        return functional.relu(features + self.norm(self.body(features)))


def _convolution(before: int, after: int, stride: int = 1) -> nn.Sequential:
    """A 3x3 convolution, 5x5 on the image itself, with batch normalisation and ReLU."""
    kernel = 5 if before == 1 else 3
    layer = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(after), nn.ReLU(inplace=True))
