"""The sentence that says how good a network is."""

from __future__ import annotations

import math

from facekp.reporting.verdict import verdict


def told(**changed):
    metrics = {"error_px": 4.5, "nme": 0.052, "mean_shape_error_px": 42.7, "spread": 0.9}
    return verdict({"metrics": metrics | changed, "images": 48, "face_width_px": 190.2})


def test_a_good_network_is_told_in_plain_measures():
    assert told() == (
        "On average a point is off by 4.5 px on faces 190 px wide, 5.2 % of the distance between the eyes; "
        "always predicting the mean face would be off by 42.7 px.",
        True,
    )
    assert "eyes" not in told(nme=math.nan).text


def test_a_network_that_is_no_use_is_called_so_with_what_to_do():
    worse, collapsed = told(error_px=43.0), told(spread=0.01)
    assert "worse than the mean face" in worse.text
    assert "nearly the same shape for every face" in collapsed.text
    assert "trainer.max_epochs" in worse.text
    assert "trainer.max_epochs" in collapsed.text
    assert not worse.usable
    assert not collapsed.usable
