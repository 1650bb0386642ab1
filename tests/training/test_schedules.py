import itertools
from types import SimpleNamespace

import pytest
import torch

from facekp.landmarks.scheme import DANES
from facekp.models.module import KeypointModule
from facekp.training.schedules import one_cycle
from facekp.utils.errors import ConfigError
from tests.helpers import config


def test_the_learning_rate_rises_for_a_tenth_and_falls_to_zero():
    rates = [one_cycle(100)(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == rates[10] == 1.0
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates[10:]))
    assert rates[100] == pytest.approx(0, abs=1e-12)
    assert [one_cycle(1)(step) for step in range(2)] == [1.0, 1.0]


def rates_of(*overrides: str, steps: int = 20) -> tuple[torch.optim.Optimizer, list[float]]:
    """The optimizer that some settings make, and its learning rate at each step."""
    settings = config("train", "run_dir=nowhere", "model=nose", *overrides)
    module = KeypointModule(settings.model, DANES, settings.optimizer, settings.schedule)
    module.trainer = SimpleNamespace(estimated_stepping_batches=steps)
    made = module.configure_optimizers()
    optimizer, schedule = made["optimizer"], made["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return optimizer, rates


def test_by_default_adamw_goes_through_one_cycle():
    optimizer, rates = rates_of()
    assert type(optimizer) is torch.optim.AdamW
    assert (optimizer.defaults["weight_decay"], optimizer.defaults["fused"]) == (0.05, True)
    assert rates == [2e-3 * one_cycle(20)(step) for step in range(20)]


def test_optimizer_and_schedule_are_each_one_choice():
    optimizer, rates = rates_of("optimizer=sgd", "schedule=cosine", "optimizer.lr=0.5")
    assert type(optimizer) is torch.optim.SGD
    assert rates[0] == 0.5
    assert rates[10] == pytest.approx(0.25)
    assert rates == sorted(rates, reverse=True)
    assert set(rates_of("schedule=constant", "optimizer.lr=0.5")[1]) == {0.5}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+optimizer.colour=red", r"optimizer: torch\.optim\.AdamW refuses its settings: .*colour"),
        ("+schedule.colour=red", r"schedule: .*LambdaLR refuses its settings: .*colour"),
        ("optimizer._target_=torch.optim.AdamV", r"optimizer\._target_=torch\.optim\.AdamV is no class"),
        ("optimizer._target_=torch.nn.Linear", r"optimizer\._target_=torch\.nn\.Linear is not a Optimizer"),
    ],
)
def test_what_is_no_optimizer_or_refuses_its_settings_is_one_sentence(override, message):
    with pytest.raises(ConfigError, match=message):
        rates_of(override)
