"""The learning rate over the steps, as a factor of the base rate."""

from __future__ import annotations

import math
from collections.abc import Callable

from benchbench.scenario.training_types import Schedule

# Each takes the share of the steps after warm-up that are done, in [0, 1].
_SHAPES: dict[str, Callable[[float], float]] = {
    "constant": lambda _done: 1.0,
    "linear": lambda done: 1.0 - done,
    "cosine": lambda done: 0.5 * (1.0 + math.cos(math.pi * done)),
}


def factor(schedule: Schedule, step: int, max_steps: int) -> float:
    """What the base learning rate is multiplied with in one step.

    Rises linearly over the warm-up, reaching 1 at its last step, then follows the shape to `max_steps` and stays.

    Args:
        schedule: its name and warm-up.
        step: the step about to be taken, from 1.
        max_steps: the length of the whole.
    """
    warmup = round(schedule.warmup_fraction * max_steps)
    if step <= warmup:
        return step / warmup
    done = min(1.0, (step - 1 - warmup) / max(1, max_steps - warmup))
    return _SHAPES[schedule.name](done)
