"""Learning rate schedules for torch's ``LambdaLR``; see ``conf/schedule``."""

from __future__ import annotations

import math


def one_cycle(step: int, total_steps: int, warm_up: float = 0.1) -> float:
    """The learning rate at a step as a fraction of the largest: a linear warm-up, then a cosine to 0.

    After L. N. Smith and N. Topin, Super-convergence, 2018, without the change of momentum.

    Args:
        step: from 0.
        total_steps: of the training.
        warm_up: fraction of the steps for the warm-up.
    """
    rise = max(1, round(warm_up * total_steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, total_steps - rise)))
