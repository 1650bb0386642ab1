"""Learning rates over a training, for torch's ``LambdaLR``; see ``conf/schedule``."""

from __future__ import annotations

import math


def one_cycle(step: int, total_steps: int, warm_up: float = 0.1) -> float:
    """The share of the highest learning rate at a step: a linear rise at the beginning, then a cosine to 0.

    After L. N. Smith and N. Topin, Super-convergence, 2018, without the change of momentum.

    Args:
        step: counted from 0.
        total_steps: how many there are.
        warm_up: the share of them that the rise takes.
    """
    rise = max(1, round(warm_up * total_steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, total_steps - rise)))
