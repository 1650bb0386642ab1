from itertools import product

import numpy as np
import pytest

from facekp.evaluation.bootstrap import paired_difference


def test_a_constant_shift_is_found_exactly():
    reference = np.random.default_rng(0).random(24)
    assert paired_difference(reference + 3, reference, np.repeat(range(4), 6)) == pytest.approx((3, 3, 3))


def test_people_are_drawn_and_not_images():
    """Where people differ and one person's images do not, many images of a few people tell little."""
    shift_of_person = np.array([-2.0, -1.0, 1.0, 4.0])
    person = np.repeat(range(4), 25)
    few = paired_difference(shift_of_person[person], np.zeros(100), person)
    many = paired_difference(shift_of_person[person], np.zeros(100), np.arange(100))
    assert few.mean == many.mean == 0.5
    assert few.low < 0 < few.high
    assert many.low > 0
    every_sample = [np.mean(sample) for sample in product(shift_of_person, repeat=4)]
    assert (few.low, few.high) == pytest.approx(np.quantile(every_sample, [0.025, 0.975]), abs=0.26)
    deviation = shift_of_person.std() / np.sqrt(100)
    assert many.high - many.low == pytest.approx(2 * 1.96 * deviation, rel=0.05)


def test_the_mean_is_over_images_also_where_people_have_unequal_numbers():
    people = np.array([7, 7, 7, 9])
    found = paired_difference(np.array([1.0, 1, 1, 5]), np.zeros(4), people)
    assert found == pytest.approx((2, 1, 5))


def test_the_interval_mostly_holds_the_true_difference():
    rng = np.random.default_rng(1)
    person = np.repeat(range(30), 6)
    held = 0
    for _ in range(60):
        noise = rng.normal(size=30)[person] + rng.normal(size=180)
        found = paired_difference(1 + noise, np.zeros(180), person)
        held += found.low <= 1 <= found.high
    assert held >= 50


def test_one_person_gives_no_interval():
    found = paired_difference(np.array([1.0, 3.0]), np.zeros(2), np.array([5, 5]))
    assert found.mean == 2
    assert np.isnan([found.low, found.high]).all()
