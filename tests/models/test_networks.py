"""The networks are exactly as written."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from facekp.landmarks.scheme import DANES
from facekp.models.base import KeypointNetwork
from facekp.models.full import FullNet
from facekp.models.heatmap import HeatmapNet
from facekp.models.module import KeypointModule
from facekp.models.nose import NoseNet
from tests.helpers import config
from tests.models.helpers import heatmap_logits


def layers_of(network: nn.Module, images: torch.Tensor) -> list[tuple[str, tuple[int, ...]]]:
    """Kind and output shape, without the batch, of each layer in the order in which they work."""
    seen: list[tuple[str, tuple[int, ...]]] = []
    leaves = [layer for layer in network.modules() if not list(layer.children())]
    for layer in leaves:
        layer.register_forward_hook(lambda layer, _, out: seen.append((type(layer).__name__, tuple(out.shape[1:]))))
    network(images)
    return seen


def test_full_network_layer_by_layer():
    network = FullNet(58, (160, 120))
    assert layers_of(network, torch.zeros(2, 1, 120, 160)) == [
        ("Conv2d", (6, 116, 156)),
        ("ReLU", (6, 116, 156)),
        ("MaxPool2d", (6, 58, 78)),
        ("Conv2d", (12, 54, 74)),
        ("ReLU", (12, 54, 74)),
        ("MaxPool2d", (12, 27, 37)),
        ("Conv2d", (12, 25, 35)),
        ("ReLU", (12, 25, 35)),
        ("MaxPool2d", (12, 12, 17)),
        ("Conv2d", (24, 10, 15)),
        ("ReLU", (24, 10, 15)),
        ("Conv2d", (24, 8, 13)),
        ("ReLU", (24, 8, 13)),
        ("MaxPool2d", (24, 4, 6)),
        ("Linear", (256,)),
        ("ReLU", (256,)),
        ("Linear", (116,)),
    ]
    assert sum(weights.numel() for weights in network.parameters()) == 188_624
    convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels, c.kernel_size, c.padding) for c in convolutions] == [
        (1, 6, (5, 5), (0, 0)),
        (6, 12, (5, 5), (0, 0)),
        (12, 12, (3, 3), (0, 0)),
        (12, 24, (3, 3), (0, 0)),
        (24, 24, (3, 3), (0, 0)),
    ]


def test_nose_network_layer_by_layer():
    network = NoseNet(1, (80, 60))
    assert layers_of(network, torch.zeros(2, 1, 60, 80)) == [
        ("Conv2d", (12, 54, 74)),
        ("ReLU", (12, 54, 74)),
        ("MaxPool2d", (12, 27, 37)),
        ("Conv2d", (24, 23, 33)),
        ("ReLU", (24, 23, 33)),
        ("MaxPool2d", (24, 11, 16)),
        ("Conv2d", (32, 9, 14)),
        ("ReLU", (32, 9, 14)),
        ("MaxPool2d", (32, 4, 7)),
        ("Linear", (128,)),
        ("ReLU", (128,)),
        ("Linear", (2,)),
    ]


@pytest.mark.parametrize(("network", "num_points"), [(NoseNet(1, (80, 60)), 1), (FullNet(68, (160, 120)), 68)])
def test_networks_predict_any_number_of_points(network: KeypointNetwork, num_points: int):
    height, width = (60, 80) if num_points == 1 else (120, 160)
    keypoints = network.decode(network(torch.zeros(3, 1, height, width)))
    assert keypoints.shape == (3, num_points, 2)


def test_networks_start_from_the_mean_shape():
    network = FullNet(58, (160, 120))
    shape = torch.rand(58, 2)
    network.init_from_shapes(shape + torch.tensor([-0.1, 0.1])[:, None, None])
    assert (network(torch.zeros(1, 1, 120, 160))[0] - shape).abs().max() < 0.2


def test_the_loss_is_the_mean_over_images_points_and_both_coordinates():
    network = KeypointNetwork()
    output, truth = torch.zeros(2, 3, 2), torch.zeros(2, 3, 2)
    output[0, 0, 0] = 6.0
    assert network.loss(output, truth).item() == pytest.approx(36 / 12)
    truth[1] = torch.nan  # an image without a face
    assert network.loss(output, truth).item() == pytest.approx(36 / 12)


@pytest.mark.parametrize(
    ("model", "weights", "multiplications"), [("heatmap", 1_090_676, 154e6), ("heatmap_tiny", 95_178, 25e6)]
)
def test_heatmap_networks_are_as_large_as_they_say(model: str, weights: int, multiplications: float):
    settings = config("train", f"model={model}", "run_dir=unused").model
    module = KeypointModule(settings, DANES).eval()
    module.init_from_shapes(torch.rand(9, 58, 2).numpy())
    assert sum(weights.numel() for weights in module.network.parameters()) == weights
    width, height = settings.input_size
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        module.network(torch.zeros(1, 1, height, width))
    assert counter.get_total_flops() / 2 == pytest.approx(multiplications, rel=0.03)


@pytest.mark.parametrize(("input_size", "stride"), [((320, 240), 4), ((160, 120), 2), ((100, 70), 8)])
def test_heatmaps_have_the_asked_stride_whatever_the_input(input_size: tuple[int, int], stride: int):
    network = HeatmapNet(58, input_size, channels=(2, 3, 4, 5, 6), stride=stride)
    network.init_from_shapes(0.3 + 0.4 * torch.rand(58, 100, 2).transpose(0, 1))  # in any layout
    output = network(torch.zeros(2, 1, input_size[1], input_size[0]))
    assert output.shape == (2, 58, -(-input_size[1] // stride), -(-input_size[0] // stride))
    keypoints, confidence, _ = network.read(output)
    assert torch.equal(keypoints, network.decode(output))
    assert keypoints.shape == (2, 58, 2)
    assert confidence.shape == (2, 58)
    assert ((confidence >= 0) & (confidence <= 1)).all()
    assert ((keypoints > 0) & (keypoints < 1)).all()


def test_mixed_precision_does_not_change_predictions():
    network = HeatmapNet(58, (320, 240), channels=(2, 3, 4, 5, 6))
    shapes = 0.3 + 0.4 * torch.rand(100, 58, 2)
    network.init_from_shapes(shapes)
    output = heatmap_logits(shapes[0], (80, 60))
    expected = network.decode(output)
    with torch.autocast("cpu", torch.bfloat16):
        found = network.decode(output)
    assert ((found - expected) * torch.tensor([640.0, 480.0])).abs().max() < 0.01


def heatmaps_about(points: torch.Tensor, sigma: float = 1.0) -> torch.Tensor:
    """Logits for an image of 80x60."""
    return heatmap_logits(points, (20, 15), sigma)


def test_the_loss_of_heatmaps_falls_as_they_gather_about_the_truth():
    network = HeatmapNet(2, (80, 60), channels=(2, 3, 4, 5, 6))
    truth = torch.tensor([[[0.525, 0.5], [0.275, 0.3]]])
    near, far = truth[0], truth[0] + torch.tensor([0.2, 0.2])
    outputs = heatmaps_about(near), heatmaps_about(near, sigma=3), heatmaps_about(far, sigma=3), heatmaps_about(far)
    losses = [network.loss(output, truth).item() for output in outputs]
    assert losses == sorted(losses)


def test_points_outside_the_image_still_pull_but_have_no_heatmap():
    network = HeatmapNet(2, (80, 60), channels=(2, 3, 4, 5, 6), distance_weight=0.5)
    inside = torch.tensor([[[0.525, 0.5], [0.275, 0.3]]])
    outside = inside.clone()
    outside[0, 1, 0] = 1.2
    output = heatmaps_about(inside[0])
    pull = 0.5 * (1.2 - 0.275) * 20 / 2
    alone = network.loss(output[:, :1], inside[:, :1]) / 2  # the other point's share of the mean
    assert network.loss(output, outside).item() == pytest.approx(alone.item() + pull, rel=1e-3)


def test_an_image_without_a_face_adds_nothing_to_the_loss_of_the_others():
    network = HeatmapNet(2, (80, 60), channels=(2, 3, 4, 5, 6))
    truth = torch.tensor([[[0.525, 0.5], [0.275, 0.3]]])
    output = heatmaps_about(truth[0] + 0.1, sigma=2).repeat(2, 1, 1, 1).requires_grad_()
    none = torch.full((1, 2, 2), torch.nan)
    loss = network.loss(output, torch.cat([truth, none]))
    assert loss.item() == pytest.approx(network.loss(output[:1], truth).item() / 2)
    loss.backward()
    assert output.grad[0].abs().sum() > 0
    assert output.grad[1].abs().sum() == 0


def test_the_heatmaps_of_points_outside_and_of_images_without_a_face_are_taught_to_be_flat():
    network = HeatmapNet(2, (80, 60), channels=(2, 3, 4, 5, 6), learn_absence=True)
    truth = torch.tensor([[[0.525, 0.5], [0.275, 0.3]]])
    outside, none = truth + torch.tensor([[0.0, 0.0], [1.0, 0.0]]), torch.full((1, 2, 2), torch.nan)
    sharp, flat = heatmaps_about(truth[0]), torch.zeros_like(heatmaps_about(truth[0]))
    second_flat = torch.stack([sharp[:, 0], flat[:, 1]], dim=1)
    losses = lambda target: [network.loss(logits, target).item() for logits in (sharp, flat, second_flat)]  # noqa: E731
    assert min(losses(truth)) == losses(truth)[0]
    assert min(losses(none)) == losses(none)[1]
    assert min(losses(outside)) == losses(outside)[2]
    assert network.read(sharp).confidence.min() > 0.8
    assert network.read(flat).confidence.max() < 0.15


def test_a_heatmap_network_learns_where_a_spot_is():
    torch.manual_seed(0)
    network = HeatmapNet(1, (40, 32), channels=(4, 8, 8), blocks=(0, 0, 1), stride=2)
    train(network, lambda: spots(16))
    images, truth = spots(16)
    with torch.inference_mode():
        found = network.eval().decode(network(images))
    assert ((found - truth) * torch.tensor([40.0, 32.0])).norm(dim=-1).mean() < 1


def test_a_heatmap_network_learns_whether_there_is_a_spot():
    def some_without() -> tuple[torch.Tensor, torch.Tensor]:
        images, truth = spots(16)
        images[::2], truth[::2] = -0.5, torch.nan
        return images, truth

    torch.manual_seed(0)
    network = HeatmapNet(1, (40, 32), channels=(4, 8, 8), blocks=(0, 0, 1), stride=2, learn_absence=True)
    train(network, some_without)
    with torch.inference_mode():
        confidence = network.eval().read(network(some_without()[0])).confidence
    assert confidence[::2].max() < 0.3
    assert confidence[1::2].min() > 0.6


def train(network: HeatmapNet, batch: Callable[[], tuple[torch.Tensor, torch.Tensor]]) -> None:
    optimizer = torch.optim.AdamW(network.parameters(), 1e-2)
    for _ in range(80):
        images, truth = batch()
        optimizer.zero_grad()
        network.loss(network(images), truth).backward()
        optimizer.step()


def spots(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images float [count, 1, 32, 40] with a bright spot each, and where its middle is, [count, 1, 2]."""
    truth = 0.2 + 0.6 * torch.rand(count, 1, 2)
    x, y = (torch.arange(n) + 0.5 for n in (40, 32))
    away = (x - 40 * truth[..., None, :1]).square() + (y[:, None] - 32 * truth[..., None, 1:]).square()
    return torch.exp(-away / 4) - 0.5, truth
