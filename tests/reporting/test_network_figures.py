"""What a network consists of, and what is drawn of it."""

import numpy as np
import pytest
import torch
from torch import nn

from facekp.models.base import KeypointNetwork
from facekp.reporting.network_figures import draw_filters, draw_responses, layers_of
from tests.models.helpers import tiny_module

RNG = np.random.default_rng(0)
FACE = torch.zeros(60, 80, dtype=torch.uint8)


class Odd(KeypointNetwork):
    """One layer used twice, one never, and weights of the network's own."""

    def __init__(self, num_points, input_size):
        super().__init__()
        self.twice = nn.Linear(80, 80)
        self.never = nn.Linear(7, 7)
        self.own = nn.Parameter(torch.zeros(3))

    def forward(self, images):
        return self.twice(self.twice(images[:, 0]))[:, :1, :2]


def test_layers_are_told_in_order_with_their_output_and_weights():
    module = tiny_module((80, 60), selection="nose_tip")
    rows = layers_of(module, FACE)
    assert [row.kind.split("(")[0] for row in rows] == [
        *["Conv2d", "ReLU", "MaxPool2d"] * 3,
        "Linear",
        "ReLU",
        "Linear",
    ]
    assert rows[0].shape == (2, 54, 74)
    assert rows[0].weights == 2 * 7 * 7 + 2
    assert rows[-1].shape == (2,)
    assert sum(row.weights for row in rows) == sum(weight.numel() for weight in module.network.parameters())


def test_layers_that_normalise_are_told_in_few_words():
    module = tiny_module((80, 60))
    module.network.convolutions.insert(1, nn.BatchNorm2d(2))
    assert layers_of(module, FACE)[1].kind == "BatchNorm2d(2)"


def test_every_weight_is_counted_once():
    module = tiny_module((80, 60), "nose_tip", _target_=f"{__name__}.Odd")
    rows = layers_of(module, FACE)
    assert [(row.name, row.weights) for row in rows] == [("twice", 80 * 81), ("twice", 0), ("", 7 * 8 + 3)]


@pytest.mark.parametrize("shape", [(6, 1, 5, 5), (12, 6, 5, 5), (3, 2, 3, 3)])
def test_filters_show_every_kernel_on_one_scale_around_zero(shape):
    weights = RNG.normal(size=shape)
    figure = draw_filters(weights, "t", "c")
    picture = figure.axes[0].images[0]
    drawn = picture.get_array().compressed() if np.ma.isMaskedArray(picture.get_array()) else picture.get_array()
    drawn = drawn[~np.isnan(drawn)]
    np.testing.assert_allclose(np.sort(drawn.ravel()), np.sort(weights.ravel()))
    assert picture.get_clim() == pytest.approx((-np.abs(weights).max(), np.abs(weights).max()))


def test_responses_show_each_channel_from_its_least_to_its_largest():
    maps = RNG.normal(size=(5, 8, 9)) * np.array([1, 10, 100, 1, 1])[:, None, None]
    maps[4] = 3.0
    figure = draw_responses(np.zeros((60, 80), np.uint8), maps, "t", "c")
    sheet = np.ma.filled(figure.axes[1].images[0].get_array(), np.nan)
    assert np.nanmin(sheet) == 0
    assert np.nanmax(sheet) == 1
    assert (~np.isnan(sheet)).sum() == maps.size


def test_of_a_large_layer_the_first_channels_are_shown_and_the_title_says_so():
    figure = draw_filters(RNG.normal(size=(64, 48, 3, 3)), "filters", "c")
    drawn = np.ma.filled(figure.axes[0].images[0].get_array(), np.nan)
    assert (~np.isnan(drawn)).sum() == 32 * 32 * 9
    assert "32 of 64" in figure.get_suptitle()
    assert "32 of 48" in figure.get_suptitle()
    figure = draw_responses(np.zeros((60, 80), np.uint8), RNG.normal(size=(64, 8, 9)), "responses", "c")
    assert "32 of 64" in figure.get_suptitle()
