"""The windows of the third stage: where they lie, what they show, and how their keypoints come back to the crop."""

import pytest
import torch

from facekp.landmarks.scheme import DANES, Group, Scheme
from facekp.models.regions import Regions, closed_parts
from tests.models.helpers import heatmap_logits

FACE = torch.tensor([[30.0, 40.0], [40.0, 42.0], [70.0, 40.0], [60.0, 42.0], [45.0, 70.0], [50.0, 72.0], [55.0, 70.0]])
EYES, MOUTH = [[0, 1], [2, 3]], [[4, 5, 6]]


def regions(**settings) -> Regions:
    torch.manual_seed(0)
    arguments = {"size": (48, 32), "zoom": 2.0, "channels": (2, 3), "blocks": (0, 0), "stride": 4} | settings
    return Regions([EYES, MOUTH], **arguments).eval()


def logits_at(stage: Regions, points: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Heatmaps with their peaks where each window shows its points, in the crop's pixels."""
    found = []
    for columns, centre, side in zip((*EYES, *MOUTH), stage.centres(FACE[None])[0], (1, -1, 1), strict=True):
        offset = (points[columns] - centre) * 2 * torch.tensor([side, 1])
        found.append(heatmap_logits((offset + torch.tensor([24, 16])) / torch.tensor([48, 32]), (12, 8)))
    return tuple(found)


def test_a_window_lies_about_its_points_and_its_mirror_image_is_mirrored():
    stage = regions()
    right, left, mouth = stage.positions(stage.centres(FACE[None]))[0]
    for window, centre in ((right, (35, 41)), (left, (65, 41)), (mouth, (50, 212 / 3))):
        assert window.shape == (32, 48, 2)
        assert window.mean((0, 1)).tolist() == pytest.approx(centre, abs=1e-3)
    assert (right[0, 1] - right[0, 0]).tolist() == [0.5, 0]
    assert (left[0, 1] - left[0, 0]).tolist() == [-0.5, 0]
    assert (left[1, 0] - left[0, 0]).tolist() == [0, 0.5]


def test_windows_are_moved_in_training_only():
    stage = regions()
    assert torch.equal(stage.centres(FACE[None]), stage.centres(FACE[None]))
    stage.train()
    assert not torch.allclose(stage.centres(FACE[None]), stage.centres(FACE[None]))


def test_both_eyes_share_a_network():
    stage = regions()
    right, left, mouth = stage(torch.rand(2, 1, 32, 48).expand(-1, 3, -1, -1))
    assert torch.equal(right, left)
    assert (right.shape, mouth.shape) == ((2, 2, 8, 12), (2, 3, 8, 12))


def test_keypoints_of_windows_come_back_to_the_crop():
    stage, earlier = regions(weight=0.7), FACE[None] + 1.0
    output = logits_at(stage, FACE), stage.centres(FACE[None])
    keypoints, noise = stage.observed(output, earlier, torch.eye(2).expand(1, 7, 2, 2))
    assert (keypoints - (FACE + 0.3)).abs().max() < 0.05
    assert (noise[..., 0, 0] < 1).all()


def test_the_width_of_a_mirrored_heatmap_is_mirrored_too():
    stage = regions()
    output = [part.clone() for part in logits_at(stage, FACE)]
    for part in output[:2]:  # both eyes' windows show the same: wide along a diagonal
        part[:] = -torch.cdist(torch.arange(12.0)[:, None], torch.arange(8.0)[:, None]).T
    _, noise = stage.observed((tuple(output), stage.centres(FACE[None])), FACE[None], torch.eye(2).expand(1, 7, 2, 2))
    assert noise[0, 0, 0, 1] > 0.1
    assert noise[0, 2, 0, 1].item() == pytest.approx(-noise[0, 0, 0, 1].item())


def test_the_loss_is_least_at_the_truth():
    stage = regions()
    output = logits_at(stage, FACE), stage.centres(FACE[None])
    right, nowhere = stage.loss(output, FACE[None]), stage.loss(output, torch.full((1, 7, 2), torch.nan))
    for point in range(7):
        moved = FACE.clone()
        moved[point, 0] += 2.0
        assert stage.loss(output, moved[None]) > right
    assert nowhere == 0


def test_the_parts_of_a_scheme_are_its_closed_paths():
    eyes, mouth = closed_parts(DANES)
    assert [list(points) for points in eyes] == [[*range(13, 21)], [*range(21, 29)]]
    assert [list(points) for points in mouth] == [[*range(39, 47)]]
    alone = Scheme("none", (Group("left", (0, 1, 2), closed=True), Group("right", (3, 4, 5), closed=True)), None, None)
    assert closed_parts(alone) == [[(0, 1, 2)], [(3, 4, 5)]]
    assert closed_parts(Scheme.unknown(5)) == []
