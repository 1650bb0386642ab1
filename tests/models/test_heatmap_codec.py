import itertools

import pytest
import torch

from facekp.models import heatmap_codec as codec

SIZE = (80, 60)
PHOTOGRAPH = torch.tensor([640.0, 480.0])


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.5])
def test_decoding_inverts_encoding(sigma):
    margin = 4 * sigma / torch.tensor(SIZE)
    keypoints = margin + torch.rand(500, 2, generator=torch.Generator().manual_seed(0)) * (1 - 2 * margin)
    found = codec.decode(*codec.encode(keypoints, SIZE, sigma))
    assert ((found - keypoints) * PHOTOGRAPH).abs().max() < 0.01


def test_the_middle_of_a_cell_is_its_position():
    for column, row in itertools.product((0, 7, 79), (0, 30, 59)):
        logits = torch.full((1, 60, 80), -1e4)
        logits[0, row, column] = 0
        found = codec.decode(*codec.marginals(codec.spatial_softmax(logits)))[0]
        assert found.tolist() == pytest.approx([(column + 0.5) / 80, (row + 0.5) / 60])


def test_marginals_are_distributions_whatever_the_logits():
    logits = torch.tensor([[[1e4, -1e4], [0.0, 1e4]], [[-1e4, -1e4], [-1e4, -1e4]]], dtype=torch.float64)
    for distribution in codec.marginals(codec.spatial_softmax(logits)):
        assert distribution.dtype == torch.float32
        assert distribution.sum(-1).tolist() == pytest.approx([1, 1])


def test_encoded_points_are_gaussians_of_the_asked_width():
    columns, rows = codec.encode(torch.tensor([0.5, 0.5]), SIZE, sigma=2.0)
    for distribution, n in ((columns, 80), (rows, 60)):
        cells = torch.arange(n) + 0.5 - n / 2
        assert (distribution * cells.square()).sum().sqrt().item() == pytest.approx(2.0, rel=1e-3)


def test_mass_near_tells_one_place_from_two():
    keypoints = torch.tensor([[0.5, 0.5], [0.5, 0.5]])
    one = codec.encode(keypoints[0], SIZE, sigma=0.5)
    torn = [(codec.encode(p, SIZE, sigma=0.5)) for p in (torch.tensor([0.25, 0.5]), torch.tensor([0.75, 0.5]))]
    columns = torch.stack([one[0], (torn[0][0] + torn[1][0]) / 2])
    rows = torch.stack([one[1], torn[0][1]])
    near, far = codec.mass_near(columns, rows, codec.decode(columns, rows)).tolist()
    assert near > 0.99
    assert far < 0.01


def test_the_mass_near_a_wide_heatmaps_mean_is_less_than_a_narrow_ones():
    keypoint = torch.tensor([0.4, 0.6])
    shares = [codec.mass_near(*codec.encode(keypoint, SIZE, s), keypoint).item() for s in (1, 2, 4)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < shares[0] / 2


def test_a_cell_counts_more_and_more_as_it_comes_within_the_radius():
    flat = torch.full((20,), 1 / 20), torch.full((16,), 1 / 16)
    keypoints = torch.tensor([0.5, 0.5]) + torch.linspace(0, 0.1, 1001)[:, None]
    shares = codec.mass_near(*flat, keypoints)
    assert shares.tolist() == pytest.approx([4 / 20 * 4 / 16] * 1001, rel=1e-4)


@pytest.mark.parametrize("spread", [[[1.0, 0.0], [0.0, 1.0]], [[9.0, -4.0], [-4.0, 4.0]], [[2.0, 1.5], [1.5, 6.0]]])
def test_covariances_tell_how_wide_a_heatmap_is_and_which_way(spread):
    covariance = torch.tensor(spread)
    middles = torch.meshgrid(torch.arange(60) + 0.5 - 24.3, torch.arange(80) + 0.5 - 47.6, indexing="ij")
    away = torch.stack(middles[::-1], dim=-1)  # x before y
    logits = -0.5 * (away @ covariance.inverse() * away).sum(-1)
    heatmaps = codec.spatial_softmax(torch.stack([logits, logits.flip(-1)]))
    found = codec.covariances(heatmaps, *codec.marginals(heatmaps))
    assert found[0].flatten().tolist() == pytest.approx(covariance.flatten().tolist(), abs=0.02)
    assert found[1, 0, 1].item() == pytest.approx(-covariance[0, 1].item(), abs=0.02)
