"""The two stages: where the crop is placed, and that its keypoints are mapped back to the image."""

import numpy as np
import pytest
import torch

from facekp.landmarks.scheme import Group, Scheme
from facekp.models import heatmap_codec as codec
from facekp.models.cascade import CascadeNet
from tests.models.helpers import heatmap_logits as logits

SIZE = (160, 120)
STAGE = {"channels": (2, 3, 4), "blocks": (0, 0, 0), "stride": 4}
FACE = torch.tensor([[0.4, 0.3], [0.6, 0.3], [0.5, 0.5], [0.42, 0.7], [0.58, 0.7]])


def cascade(**settings) -> CascadeNet:
    torch.manual_seed(0)
    network = CascadeNet(5, SIZE, STAGE, STAGE, crop_size=96, **settings)
    network.init_from_shapes(FACE + 0.02 * torch.randn(200, 5, 2) + 0.1 * torch.rand(200, 1, 2))
    return network.eval()


def moved(rotation_deg: float, scale: float, right: float, down: float) -> torch.Tensor:
    """The face, rotated clockwise and scaled about the centre of the image, and shifted; relative to the image."""
    size = torch.tensor(SIZE)
    angle = torch.deg2rad(torch.tensor(rotation_deg))
    matrix = scale * torch.stack([torch.stack([angle.cos(), angle.sin()]), torch.stack([-angle.sin(), angle.cos()])])
    return ((FACE - 0.5) * size @ matrix) / size + 0.5 + torch.tensor([right, down])


def crops(network: CascadeNet, points: torch.Tensor, images: torch.Tensor) -> list[torch.Tensor]:
    """The crops that the second stage is given if the first predicts these points."""
    given = []
    network.first_stage.forward = lambda _: logits(points, (40, 30))
    network.second_stage.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    network(images)
    return given


@pytest.mark.parametrize("where", [(0.0, 1.0, 0.0, 0.0), (25.0, 0.8, 0.1, -0.05), (-20.0, 1.2, -0.1, 0.08)])
def test_the_crop_shows_each_point_where_the_mean_shape_has_it(where):
    network, face = cascade(), moved(*where)
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    for k in range(5):
        x, y = (face[k] * torch.tensor(SIZE)).tolist()
        spot = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)
        (crop,) = crops(network, face, torch.from_numpy(spot).float()[None, None])
        assert crop.shape == (1, 1, 96, 96)
        weight = crop[0, 0] / crop.sum()
        centres = torch.arange(96) + 0.5
        found = torch.stack([(weight.sum(0) * centres).sum(), (weight.sum(1) * centres).sum()])
        assert (found - network.mean_shape[k]).norm() < 4
        network.second_stage._forward_pre_hooks.clear()


@pytest.mark.parametrize("where", [(0.0, 1.0, 0.0, 0.0), (25.0, 0.8, 0.1, -0.05), (-20.0, 1.2, -0.1, 0.08)])
def test_keypoints_in_the_crop_are_mapped_back_to_the_image(where):
    network, face = cascade(), moved(*where)
    network.first_stage.forward = lambda _: logits(face, (40, 30))
    network.second_stage.forward = lambda _: logits(network.mean_shape / 96, (24, 24))
    found = network.decode(network(torch.zeros(1, 1, SIZE[1], SIZE[0])))[0]
    assert ((found - face) * torch.tensor(SIZE)).norm(dim=-1).max() < 3


def test_the_mean_shape_lies_upright_in_the_middle_of_the_crop():
    network = cascade(face_fraction=0.5)
    low, high = network.mean_shape.amin(0), network.mean_shape.amax(0)
    assert (high - low).max().item() == pytest.approx(48, abs=1e-3)
    assert ((low + high) / 2).tolist() == pytest.approx([48, 48], abs=1e-3)
    eyes = network.mean_shape[1] - network.mean_shape[0]
    assert eyes[0] > 5 * abs(eyes[1])


def test_crops_are_augmented_in_training_only():
    network = cascade()
    images = torch.zeros(4, 1, SIZE[1], SIZE[0])
    assert torch.equal(network(images)[2], network(images)[2])
    network.train()
    for stage in (network.first_stage, network.second_stage):
        stage.eval()
    assert not torch.allclose(network(images)[2], network(images)[2])


def test_the_loss_of_each_stage_is_measured_in_its_own_frame():
    network, face = cascade(), moved(10.0, 0.9, 0.05, 0.0)
    network.first_stage.forward = lambda _: logits(face, (40, 30))
    coarse, _, transform = network(torch.zeros(1, 1, SIZE[1], SIZE[0]))
    in_crop = torch.view_as_complex(face * torch.tensor(SIZE)) * transform[:, :1] + transform[:, 1:]
    truth = torch.view_as_real(in_crop) / 96
    right, wrong = logits(truth[0], (24, 24)), logits(truth[0] + 0.1, (24, 24))
    loss = network.loss((coarse, right, transform), face[None])
    assert loss < network.loss((coarse, wrong, transform), face[None])
    expected = network.first_stage.loss(coarse, face[None]) + network.second_stage.loss(right, truth)
    assert loss.item() == pytest.approx(expected.item())


def test_stray_crops_lie_anywhere_in_training_and_a_face_that_is_not_in_them_is_none():
    network = cascade(stray_crops=0.5, crop_rotation_deg=0.0, crop_scale=0.0, crop_shift=0.0)
    network.first_stage.forward = lambda images: logits(FACE, (40, 30)).expand(len(images), -1, -1, -1)
    network.train()
    images = torch.zeros(200, 1, SIZE[1], SIZE[0])
    network.second_stage.eval()
    coarse, fine, transform = network(images)
    centre = (torch.tensor([48 + 48j]) - transform[:, 1]) / transform[:, 0] / SIZE[0]
    off = (centre - (0.5 + 0.5j * SIZE[1] / SIZE[0])).abs()
    assert 60 < (off > 0.06).sum() < 140
    assert off.max() > 0.4
    fine = fine.detach().requires_grad_()
    network.loss((coarse, fine, transform), FACE.expand(200, -1, -1)).backward()
    seen = fine.grad.abs().flatten(1).sum(1) > 0
    assert seen[off < 0.06].all()
    assert not seen.all()


def test_gradients_are_finite_while_the_first_stage_is_untrained():
    network = cascade().train()
    images = torch.rand(2, 1, SIZE[1], SIZE[0]) - 0.5
    network.loss(network(images), FACE.expand(2, -1, -1)).backward()
    assert all(weights.grad is None or weights.grad.isfinite().all() for weights in network.parameters())


@pytest.fixture
def closer():
    """A cascade with a third stage for two points that are each other's mirror image, and its face."""
    groups = *(Group(name, (i,), closed=True) for i, name in enumerate(("left", "right"))), Group("rest", (2, 3, 4))
    regions = {"size": (32, 32), "zoom": 2.0, "weight": 1.0, **STAGE}
    network = cascade(regions=regions, scheme=Scheme("five", groups, (1, 0, 2, 4, 3), None))
    network.second_stage.prior, face = None, moved(20.0, 0.9, 0.05, 0.0)
    network.first_stage.forward = lambda images: logits(face, (40, 30)).expand(len(images), -1, -1, -1)
    network.second_stage.forward = lambda crops: logits(network.mean_shape / 96, (24, 24)).expand(
        len(crops), -1, -1, -1
    )
    return network, face


def test_regions_are_sampled_where_the_second_stage_has_found_them(closer):
    network, face = closer
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]] + 0.5
    x, y = (face[1] * torch.tensor(SIZE)).tolist()
    spot = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)
    given = []
    network.regions.networks[0].register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    network(torch.from_numpy(spot).float()[None, None])
    other, shown = given[0][:, 0]
    assert shown.max() > 2 * other.max()
    assert [abs(i - 15.5) < 3 for i in divmod(shown.argmax().item(), 32)] == [True, True]


def test_keypoints_of_regions_replace_those_of_the_second_stage(closer):
    network, face = closer
    *others, (_, centres) = network(torch.zeros(1, 1, SIZE[1], SIZE[0]))
    middle, right = logits(torch.tensor([[0.5, 0.5]]), (8, 8)), logits(torch.tensor([[0.625, 0.5]]), (8, 8))
    (transform,) = torch.view_as_real(others[2])[0, :1]
    for windows, offset in (((middle, middle), 0.0), ((middle, right), -2.0)):  # the second window is mirrored
        found = network.decode((*others, (windows, centres)))[0]
        in_image = (found[1] - face[1]) * torch.tensor(SIZE)
        a, b = transform
        in_crop = torch.stack([a * in_image[0] - b * in_image[1], b * in_image[0] + a * in_image[1]])
        assert in_crop.tolist() == pytest.approx([offset, 0], abs=0.6)
        assert ((found[[0, 2, 3, 4]] - face[[0, 2, 3, 4]]) * torch.tensor(SIZE)).norm(dim=-1).max() < 3


def test_regions_learn_from_every_second_image(closer):
    network, face = closer
    network.train()
    output = network(torch.rand(3, 1, SIZE[1], SIZE[0]) - 0.5)
    _, fine, _, (windows, centres) = output
    assert [len(part) for part in (fine, centres, *windows)] == [3, 2, 2, 2]
    network.loss(output, face.expand(3, -1, -1)).backward()
    assert all(weights.grad.isfinite().all() for weights in network.regions.parameters())


def test_covariances_turn_and_grow_with_the_crop():
    """Heatmaps that are wide along the crop's x axis."""
    network = cascade()
    columns, _ = codec.encode(network.mean_shape / 96, (24, 24), 3.0)
    _, rows = codec.encode(network.mean_shape / 96, (24, 24), 1.0)
    wide = (rows[:, :, None] * columns[:, None]).clamp_min(1e-30).log()[None]
    network.second_stage.prior = None
    network.second_stage.forward = lambda _: wide
    for rotation, scale in ((0.0, 1.0), (20.0, 1.0), (20.0, 0.8)):
        face = moved(rotation, scale, 0.0, 0.0)
        network.first_stage.forward = lambda _, face=face: logits(face, (40, 30))
        covariance = network.read(network(torch.zeros(1, 1, SIZE[1], SIZE[0]))).covariance[0, 2]
        variances, axes = torch.linalg.eigh(covariance * torch.tensor(SIZE) * torch.tensor(SIZE)[:, None])
        assert torch.atan(axes[1, 1] / axes[0, 1]).rad2deg().item() == pytest.approx(rotation, abs=2)
        if (rotation, scale) == (0.0, 1.0):
            upright = variances
        assert variances[1].item() == pytest.approx(upright[1].item() * scale**2, rel=0.1)
        assert variances[0] < 0.1 * variances[1]
