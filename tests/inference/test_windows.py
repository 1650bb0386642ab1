from __future__ import annotations

import cmath

import numpy as np
import pytest

from facekp.inference.windows import Photograph, Placement

RNG = np.random.default_rng(0)


def test_a_placement_maps_a_shape_onto_points():
    shape = RNG.random((7, 2)) * 100
    place = Placement(cmath.rect(1.7, 0.4), 30 - 12j)
    found = Placement.onto(shape, place.points(shape))
    assert found.factor == pytest.approx(place.factor)
    assert found.shift == pytest.approx(place.shift)


def test_covariances_turn_and_grow_with_the_window():
    place = Placement(cmath.rect(2, np.pi / 2), 0)
    assert place.covariance(np.diag([3.0, 1.0])) == pytest.approx(np.diag([4.0, 12.0]))


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0, 3.0, 7.5])
@pytest.mark.parametrize("angle", [0.0, 0.5, 3.0])
def test_a_window_shows_what_lies_there(scale, angle):
    rows, columns = np.mgrid[:601, :803] + 0.5
    spot = 402.3, 297.8
    grey = 255 * np.exp(-((columns - spot[0]) ** 2 + (rows - spot[1]) ** 2) / (2 * max(4 * scale, 3) ** 2))
    factor = cmath.rect(scale, angle)
    place = Placement(factor, complex(*spot) - factor * (31 + 22j))  # the spot is at (31, 22) of the window
    window = Photograph(grey.round().astype(np.uint8)).window(place, (80, 60)).astype(float)
    assert window.shape == (60, 80)
    rows, columns = np.mgrid[:60, :80] + 0.5
    found = (window * columns).sum() / window.sum(), (window * rows).sum() / window.sum()
    assert found == pytest.approx((31, 22), abs=0.15)


def test_beyond_the_photograph_its_border_is_repeated():
    photograph = Photograph(np.full((1, 1), 77, np.uint8))
    for place in (Placement(1, -500), Placement(1000, 3j), Placement(1e-12, 0)):
        assert (photograph.window(place, (8, 6)) == 77).all()
