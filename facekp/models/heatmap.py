"""An encoder-decoder network that answers with heatmaps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from facekp.models import heatmap_codec as codec
from facekp.models.base import KeypointNetwork
from facekp.models.shape_prior import ShapePrior

_NEAR = 2.0  # cells
_LEAST_VARIANCE = 0.05  # cells squared; of a point that a heatmap could not be surer of


class HeatmapNet(KeypointNetwork):
    """Ever coarser stages, then a way back up that adds what the finer stages saw, and a heatmap for each point.

    Every stage halves width and height by a convolution and goes on with residual blocks (He et al., 2016). On the way
    back each level is enlarged, added to the stage of its size, and smoothed by a convolution, as in a feature pyramid
    (Lin et al., 2017). Batch normalisation and ReLU follow every convolution but the last.

    The mean of each heatmap is the answer, held against a :class:`ShapePrior` by as much as the heatmap is wider, each
    way, than it was taught to be. :meth:`confidence` is the share of the heatmap within two cells of its mean in x,
    times that in y: near 1 where all of it lies in one place, near 0 where it is spread or torn between places.

    As ``model=heatmap_tiny`` it has 95,178 weights and takes 25 million multiplications for a look at a face.

    Args:
        points: number of keypoints to answer.
        input_size: (width, height) of the images.
        channels: of each stage.
        blocks: residual blocks of each stage.
        stride: how many pixels of the image a cell of the heatmaps is wide, a power of 2.
        sigma: standard deviation in cells of the Gaussians that heatmaps are to look like.
        distance: weight in the loss of the distance from the truth, in cells.
    """

    def __init__(
        self,
        points: int,
        input_size: tuple[int, int],
        channels: Sequence[int] = (8, 16, 32, 64, 96),
        blocks: Sequence[int] = (0, 0, 1, 1, 2),
        stride: int = 4,
        sigma: float = 1.0,
        distance: float = 0.1,
    ) -> None:
        super().__init__()
        self._sigma = sigma
        self._distance = distance
        finest = stride.bit_length() - 2  # the stage whose size the heatmaps have
        self.stages = nn.ModuleList(
            nn.Sequential(_convolution(before, after, stride=2), *(Residual(after) for _ in range(count)))
            for before, after, count in zip((1, *channels), channels, blocks, strict=False)
        )
        upwards = [*channels[finest:]][::-1]
        self.narrow = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in pairwise(upwards))
        self.smooth = nn.ModuleList(_convolution(c, c) for c in upwards[1:])
        self.heatmaps = nn.Conv2d(upwards[-1], points, 1)
        self._input_size: Tensor
        self.register_buffer("_input_size", torch.tensor(input_size, dtype=torch.float32), persistent=False)
        self.prior = ShapePrior(points) if points > 2 else None

    def forward(self, images: Tensor) -> Tensor:
        """Logits of heatmaps, float [B, K, h, w], of images float32 [B, 1, H, W]."""
        features = images
        seen = []
        for stage in self.stages:
            features = stage(features)
            seen.append(features)
        for narrow, smooth, finer in zip(self.narrow, self.smooth, seen[-2::-1], strict=False):
            enlarged = functional.interpolate(narrow(features), size=finer.shape[-2:], mode="bilinear")
            features = smooth(enlarged + finer)
        return self.heatmaps(features).contiguous()  # one heatmap after the other: what follows is twice as fast

    def decode(self, output: Tensor) -> Tensor:
        """Keypoints float32 [B, K, 2] by soft-argmax and the shape prior."""
        heatmaps = codec.normalised(output)
        columns, rows = codec.marginals(heatmaps)
        keypoints = codec.decode(columns, rows)
        if self.prior is None:
            return keypoints
        cell = self._input_size / torch.tensor([columns.shape[-1], rows.shape[-1]], device=output.device)
        spreads, axes = torch.linalg.eigh(codec.covariances(heatmaps))
        doubt = (spreads - self._sigma**2).clamp_min(_LEAST_VARIANCE)
        noise = (axes * doubt[..., None, :]) @ axes.mT * cell * cell[:, None]
        return self.prior(keypoints * self._input_size, noise) / self._input_size

    def init_from_shapes(self, shapes: Tensor) -> None:
        """Fit the shape prior."""
        if self.prior is not None:
            self.prior.fit(shapes * self._input_size)

    def confidence(self, output: Tensor) -> Tensor:
        columns, rows = codec.marginals(codec.normalised(output))
        return codec.mass_near(columns, rows, codec.decode(columns, rows), _NEAR)

    def loss(self, output: Tensor, truth: Tensor) -> Tensor:
        """How unlike Gaussians round the truth the heatmaps are, and how far from it their means.

        After Nibali et al., 2018, with the cross-entropy of the marginal distributions as the measure of unlikeness;
        points that were moved out of the image have none. It matters more than the distance: a heatmap that tells
        how likely each place is has its mean where the squared error is least.

        Args:
            output: what :meth:`forward` answered.
            truth: float32 [B, K, 2].

        Returns:
            A scalar.
        """
        columns, rows = codec.marginals(codec.normalised(output))
        size = columns.shape[-1], rows.shape[-1]
        offset = (codec.decode(columns, rows) - truth) * truth.new_tensor(size)
        wanted = codec.encode(truth, size, self._sigma)
        unlike = sum(
            -(target * (found + 1e-8).log()).sum(-1) for target, found in zip(wanted, (columns, rows), strict=True)
        )
        inside = ((truth > 0) & (truth < 1)).all(-1)
        return (unlike * inside).mean() + self._distance * torch.linalg.vector_norm(offset, dim=-1).mean()


class Residual(nn.Module):
    """Two 3x3 convolutions that add to what they are given."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _convolution(channels, channels), nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        )
        self.normalise = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        """Float [B, C, h, w], as given."""
        return functional.relu(features + self.normalise(self.body(features)))


def _convolution(before: int, after: int, stride: int = 1) -> nn.Sequential:
    """A 3x3 convolution, 5x5 on the image itself, with batch normalisation and ReLU."""
    kernel = 5 if before == 1 else 3
    layer = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(after), nn.ReLU(inplace=True))
