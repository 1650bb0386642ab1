"""What is shown of how far a training is."""

from types import SimpleNamespace

import pytest

from facekp.training.progress import _Time


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (80.4, "left 1:20"), (5, "left 0:05"), (3725, "left 1:02:05")]
)
def test_the_time_left_is_labelled(seconds, text):
    assert _Time().render(SimpleNamespace(finished=False, time_remaining=seconds)).plain == text


def test_the_time_taken_is_labelled():
    assert _Time().render(SimpleNamespace(finished=True, finished_time=130)).plain == "took 2:10"
