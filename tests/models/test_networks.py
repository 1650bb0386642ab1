"""The networks are exactly as written."""

import pytest
import torch
from torch import nn

from facekp.models.full import FullNet
from facekp.models.network import KeypointNetwork
from facekp.models.nose import NoseNet


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


@pytest.mark.parametrize(("network", "points"), [(NoseNet(1, (80, 60)), 1), (FullNet(68, (160, 120)), 68)])
def test_networks_answer_keypoints_for_any_number_of_points(network: KeypointNetwork, points: int):
    height, width = (60, 80) if points == 1 else (120, 160)
    answer = network.decode(network(torch.zeros(3, 1, height, width)))
    assert answer.shape == (3, points, 2)


def test_networks_start_from_the_mean_shape():
    network = FullNet(58, (160, 120))
    shape = torch.rand(58, 2)
    network.start_from(shape)
    assert (network(torch.zeros(1, 1, 120, 160))[0] - shape).abs().max() < 0.2


def test_the_loss_is_the_mean_over_images_points_and_both_coordinates():
    network = KeypointNetwork()
    output, truth = torch.zeros(2, 3, 2), torch.zeros(2, 3, 2)
    output[0, 0, 0] = 6.0
    assert network.loss(output, truth).item() == pytest.approx(36 / 12)
