"""Learning rate schedules for torch's ``LambdaLR``; see ``conf/schedule``."""

from __future__ import annotations

import math
from collections.abc import Callable


def one_cycle(total_steps: int, warm_up: float = 0.1) -> Callable[[int], float]:
    """A linear warm-up, then a cosine to 0.

    After L. N. Smith and N. Topin, Super-convergence, 2018, without the change of momentum.

    Args:
        total_steps: of the training.
        warm_up: fraction of the steps for the warm-up.

    Returns:
        A function of the step, from 0, to the learning rate as a fraction of the largest.
    """
    rise = max(1, round(warm_up * total_steps))

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / rise
        return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, total_steps - rise)))

    return factor
