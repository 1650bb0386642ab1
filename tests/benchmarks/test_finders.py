from __future__ import annotations

import numpy as np

from facekp.benchmarks.finders import Score, _truth


def test_a_score_counts_found_missed_and_false_faces():
    shape = np.random.default_rng(0).random((58, 2)) * 100
    score = Score()
    score.add([_truth(shape + 1), _truth(shape + 500)], [_truth(shape), _truth(shape * 2 + 1000)], 0.25)
    score.add([], [], 0.75)
    found, by_width, _, marked, false, ms = score.cells()
    assert found == "50.0 (1 of 2)"
    assert by_width == "- · 100 · 0"
    assert (marked, false, ms) == ("50.0", "1 in 2", "500")
