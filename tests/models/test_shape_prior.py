import pytest
import torch

from facekp.models.shape_prior import LowRankPrior, ShapePrior

SQUARE = 100 * torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0], [0.0, 0.5]])


@pytest.fixture(scope="module")
def prior() -> ShapePrior:
    """Of squares that differ in where the fifth point is along y: by 10 units either way (one standard deviation)."""
    generator = torch.Generator().manual_seed(0)
    shapes = SQUARE.repeat(4000, 1, 1)
    shapes[:, 4, 1] += 10 * torch.randn(4000, generator=generator)
    fitted = ShapePrior(5)
    fitted.fit(torch.stack([moved(shape, *torch.rand(4, generator=generator).tolist()) for shape in shapes]))
    return fitted


def noise(*variances: float) -> torch.Tensor:
    """Of one shape, alike in all directions."""
    return torch.tensor(variances)[None, :, None, None] * torch.eye(2)


def corrected(prior: ShapePrior, shapes: torch.Tensor, doubt: torch.Tensor) -> torch.Tensor:
    return prior.posterior(shapes, doubt, covariance=False)[0]


def moved(shape: torch.Tensor, turn: float, size: float, right: float, down: float) -> torch.Tensor:
    angle = torch.tensor(2 * turn)
    matrix = torch.stack([torch.stack([angle.cos(), angle.sin()]), torch.stack([-angle.sin(), angle.cos()])])
    return (0.5 + size) * shape @ matrix + 300 * torch.tensor([right, down])


def test_certain_points_stay(prior):
    square = SQUARE.clone()
    square[4, 1] -= 15
    shape = moved(square, 0.3, 0.7, 0.1, 0.9)[None]
    assert torch.allclose(corrected(prior, shape, noise(*5 * [0.1])), shape, atol=0.5)


def test_a_shape_of_the_training_set_stays_however_uncertain(prior):
    shape = moved(SQUARE, 0.2, 0.4, 0.5, 0.5)[None]
    assert torch.allclose(corrected(prior, shape, noise(*5 * [1e4])), shape, atol=0.5)


def test_an_uncertain_point_is_moved_to_where_the_others_suggest(prior):
    wrong = SQUARE.clone()
    wrong[4] += torch.tensor([20.0, 0.0])  # to the side, where no shape had it
    found = corrected(prior, wrong[None], noise(1, 1, 1, 1, 400))[0]
    assert (found[4] - SQUARE[4]).norm() < 5 < (wrong[4] - SQUARE[4]).norm()


def test_a_deviation_counts_by_its_certainty(prior):
    shifted = SQUARE.clone()
    shifted[4, 1] += 20
    equal = corrected(prior, shifted[None], noise(*5 * [100.0]))[0]  # as uncertain as the shapes vary
    certain = corrected(prior, shifted[None], noise(*5 * [4.0]))[0]
    uncertain = corrected(prior, shifted[None], noise(*5 * [2500.0]))[0]
    moved_by = [(found[4] - SQUARE[4])[1].item() for found in (uncertain, equal, certain)]
    assert moved_by == sorted(moved_by)
    assert moved_by[1] == pytest.approx(10, abs=3)
    assert moved_by[2] > 18


def test_a_point_that_is_unsure_along_a_line_is_moved_along_it(prior):
    wrong = SQUARE.clone()
    wrong[0] += torch.tensor([20.0, -20.0])
    doubt = noise(*5 * [1.0])
    doubt[0, 0] += 400 * torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    along = corrected(prior, wrong[None], doubt)[0, 0]
    doubt[0, 0, [0, 1], [1, 0]] *= -1
    across = corrected(prior, wrong[None], doubt)[0, 0]
    assert (along - SQUARE[0]).norm() < 15 < (wrong[0] - SQUARE[0]).norm()
    assert (across - wrong[0]).norm() < 5


@pytest.mark.parametrize("where", [(0.0, 0.5, 0.0, 0.0), (0.9, 0.1, 0.3, 0.7), (0.4, 2.5, 0.9, 0.1)])
def test_place_size_and_turn_of_a_shape_make_no_difference(prior, where):
    shape = SQUARE + torch.tensor([[9.0, 2.0], [-5.0, 4.0], [0.0, 0.0], [3.0, -6.0], [12.0, -20.0]])
    doubt = noise(30, 80, 10, 50, 200) + torch.tensor([[20.0, 10.0], [10.0, 0.0]])
    turn = moved(torch.eye(2), where[0], 0.5, 0, 0)
    expected = moved(corrected(prior, shape[None], doubt)[0], *where)
    found = corrected(prior, moved(shape, *where)[None], turn.T @ doubt @ turn * (0.5 + where[1]) ** 2)[0]
    assert torch.allclose(found, expected, atol=0.05)


def test_what_remains_is_what_neither_the_point_nor_the_shapes_tell(prior):
    (x, _), (_, y) = prior.posterior(SQUARE[None], noise(100, 100, 100, 100, 400))[1][0, 4].tolist()
    assert x < 10 < y < 100  # all shapes have the fifth point in the middle, but at any height
    certain = prior.posterior(SQUARE[None], noise(*5 * [0.1]))[1][0]
    assert certain.diagonal(dim1=-2, dim2=-1).max() < 0.1


def test_what_remains_turns_with_the_shape(prior):
    doubt = noise(30, 80, 10, 50, 200) + torch.tensor([[20.0, 10.0], [10.0, 0.0]])
    left = prior.posterior(SQUARE[None], doubt)[1]
    turn = moved(torch.eye(2), 0.4, 0.5, 0, 0)
    found = prior.posterior(moved(SQUARE, 0.4, 1.5, 0, 0)[None], turn.T @ doubt @ turn * 4)[1]
    assert torch.allclose(found, turn.T @ left @ turn * 4, atol=0.05)


def test_points_of_a_contour_may_slide_along_it():
    """A deviation along the path of points 0, 1, 2, a corner, counts less than without a contour; across it as much."""
    generator = torch.Generator().manual_seed(0)
    shapes = SQUARE + 5 * torch.randn(4000, 5, 2, generator=generator)
    plain, sliding = ShapePrior(5), ShapePrior(5, contour=(0, 1, 2))
    for prior in (plain, sliding):
        prior.fit(shapes)
    stays = {}
    for name, direction in {"along": (10.0, 10.0), "across": (10.0, -10.0)}.items():
        shape = SQUARE.clone()
        shape[1] += torch.tensor(direction)
        stays[name] = [
            (corrected(prior, shape[None], noise(*5 * [25.0]))[0, 1] - SQUARE[1]).norm() for prior in (plain, sliding)
        ]
    assert stays["along"][1] < 0.8 * stays["along"][0]
    assert stays["across"][1].item() == pytest.approx(stays["across"][0].item(), rel=0.1)
    left = [prior.posterior(SQUARE[None], noise(*5 * [25.0]))[1][0] for prior in (plain, sliding)]
    assert left[1][1].trace() > 1.2 * left[0][1].trace()
    assert torch.allclose(left[1][4], left[0][4], atol=1.0)


def test_an_exported_prior_does_the_same_in_fewer_steps():
    generator = torch.Generator().manual_seed(0)
    deviations = torch.randn(200, 30, generator=generator) @ torch.randn(30, 80, generator=generator)
    shapes = 100 * torch.randn(40, 2, generator=generator) + 4 * deviations.unflatten(1, (40, 2))
    prior = ShapePrior(40)
    prior.fit(shapes)
    doubt = torch.randn(200, 40, 2, 2, generator=generator) * 10 ** torch.randn(200, 40, 1, 1, generator=generator)
    doubt = doubt @ doubt.mT + torch.eye(2)
    (points, left), (found, found_left) = (each.posterior(shapes, doubt) for each in (prior, LowRankPrior(prior)))
    assert (points - shapes).norm(dim=-1).mean() > 1
    assert torch.allclose(found, points, atol=0.05)
    trace = left.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None]
    assert ((found_left - left).abs() / trace).max() < 0.01
