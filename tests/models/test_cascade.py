"""Two looks: where the second is directed, and that its answers come back to where they belong."""

import numpy as np
import pytest
import torch

from facekp.models import heatmap_codec as codec
from facekp.models.cascade import CascadeNet

SIZE = (160, 120)
LOOK = {"channels": (2, 3, 4), "blocks": (0, 0, 0), "stride": 4}
FACE = torch.tensor([[0.4, 0.3], [0.6, 0.3], [0.5, 0.5], [0.42, 0.7], [0.58, 0.7]])


def cascade(**settings) -> CascadeNet:
    torch.manual_seed(0)
    network = CascadeNet(5, SIZE, LOOK, LOOK, crop=96, **settings)
    network.init_from_shapes(FACE + 0.02 * torch.randn(200, 5, 2) + 0.1 * torch.rand(200, 1, 2))
    return network.eval()


def moved(turn_deg: float, size: float, right: float, down: float) -> torch.Tensor:
    """The face, turned clockwise and scaled about the image's middle, and shifted; relative to the image."""
    scale = torch.tensor(SIZE)
    angle = torch.deg2rad(torch.tensor(turn_deg))
    matrix = size * torch.stack([torch.stack([angle.cos(), angle.sin()]), torch.stack([-angle.sin(), angle.cos()])])
    return ((FACE - 0.5) * scale @ matrix) / scale + 0.5 + torch.tensor([right, down])


def logits(points: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    columns, rows = codec.encode(points, size, 1.0)
    return (rows[:, :, None] * columns[:, None]).clamp_min(1e-30).log()[None]


def looks(network: CascadeNet, found: torch.Tensor, images: torch.Tensor) -> list[torch.Tensor]:
    """Let the first look find those points; the cuts that the second is shown."""
    shown = []
    network.first.forward = lambda _: logits(found, (40, 30))
    network.second.register_forward_pre_hook(lambda _, inputs: shown.append(inputs[0]))
    network(images)
    return shown


@pytest.mark.parametrize("where", [(0.0, 1.0, 0.0, 0.0), (25.0, 0.8, 0.1, -0.05), (-20.0, 1.2, -0.1, 0.08)])
def test_the_cut_shows_each_point_where_the_mean_shape_has_it(where):
    network, face = cascade(), moved(*where)
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    for k in range(5):
        x, y = (face[k] * torch.tensor(SIZE)).tolist()
        spot = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)
        (cut,) = looks(network, face, torch.from_numpy(spot).float()[None, None])
        assert cut.shape == (1, 1, 96, 96)
        weight = cut[0, 0] / cut.sum()
        middles = torch.arange(96) + 0.5
        centre = torch.stack([(weight.sum(0) * middles).sum(), (weight.sum(1) * middles).sum()])
        assert (centre - network.reference[k]).norm() < 4
        network.second._forward_pre_hooks.clear()


@pytest.mark.parametrize("where", [(0.0, 1.0, 0.0, 0.0), (25.0, 0.8, 0.1, -0.05), (-20.0, 1.2, -0.1, 0.08)])
def test_what_is_seen_in_the_cut_comes_back_to_the_image(where):
    network, face = cascade(), moved(*where)
    network.first.forward = lambda _: logits(face, (40, 30))
    network.second.forward = lambda _: logits(network.reference / 96, (24, 24))
    found = network.decode(network(torch.zeros(1, 1, SIZE[1], SIZE[0])))[0]
    assert ((found - face) * torch.tensor(SIZE)).norm(dim=-1).max() < 3


def test_the_mean_shape_lies_upright_in_the_middle_of_the_cut():
    network = cascade(fill=0.5)
    low, high = network.reference.amin(0), network.reference.amax(0)
    assert (high - low).max().item() == pytest.approx(48, abs=1e-3)
    assert ((low + high) / 2).tolist() == pytest.approx([48, 48], abs=1e-3)
    eyes = network.reference[1] - network.reference[0]
    assert eyes[0] > 5 * abs(eyes[1])


def test_cuts_wobble_in_training_only():
    network = cascade()
    images = torch.zeros(4, 1, SIZE[1], SIZE[0])
    assert torch.equal(network(images)[2], network(images)[2])
    network.train()
    for look in (network.first, network.second):
        look.eval()
    assert not torch.allclose(network(images)[2], network(images)[2])


def test_the_loss_judges_each_look_in_its_own_frame():
    network, face = cascade(), moved(10.0, 0.9, 0.05, 0.0)
    network.first.forward = lambda _: logits(face, (40, 30))
    coarse, _, cut = network(torch.zeros(1, 1, SIZE[1], SIZE[0]))
    there = torch.view_as_complex(face * torch.tensor(SIZE)) * cut[:, :1] + cut[:, 1:]
    right = logits(torch.view_as_real(there)[0] / 96, (24, 24))
    wrong = logits(torch.view_as_real(there)[0] / 96 + 0.1, (24, 24))
    assert network.loss((coarse, right, cut), face[None]) < network.loss((coarse, wrong, cut), face[None])
    alone = network.first.loss(coarse, face[None]) + network.second.loss(right, torch.view_as_real(there) / 96)
    assert network.loss((coarse, right, cut), face[None]).item() == pytest.approx(alone.item())


def test_a_first_look_that_knows_nothing_does_no_harm():
    network = cascade().train()
    images = torch.rand(2, 1, SIZE[1], SIZE[0]) - 0.5
    network.loss(network(images), FACE.expand(2, -1, -1)).backward()
    assert all(weights.grad is None or weights.grad.isfinite().all() for weights in network.parameters())
