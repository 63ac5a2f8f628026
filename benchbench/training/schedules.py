"""The learning rate over the steps, as a factor of the base rate."""

from __future__ import annotations

import math
from collections.abc import Callable

from benchbench.scenario.training_types import Schedule

_EXPONENTIAL_END = 0.01
_STAIR, _STAIRS = 0.1, 3

# Each takes the share d in [0, 1] of the steps after the warm-up that are done, and how many warm-ups those steps are.
_SHAPES: dict[str, Callable[[float, float], float]] = {
    "constant": lambda _done, _warmups: 1.0,
    "linear": lambda done, _warmups: 1.0 - done,
    "cosine": lambda done, _warmups: 0.5 * (1.0 + math.cos(math.pi * done)),
    "exponential": lambda done, _warmups: _EXPONENTIAL_END**done,
    "inverse-sqrt": lambda done, warmups: 1.0 / math.sqrt(1.0 + done * warmups),
    "step": lambda done, _warmups: _STAIR ** min(_STAIRS - 1, math.floor(done * _STAIRS)),
}


def factor(schedule: Schedule, step: int, max_steps: int) -> float:
    """What the base learning rate is multiplied with in one step.

    Rises linearly over the warm-up of w steps, reaching 1 at its last, then follows a shape of d = (step - 1 - w) /
    (max_steps - w), the share of the other steps that are done; after `max_steps` d stays 1.

    | name | factor | at d = 1 |
    |---|---|---|
    | constant | 1 | 1 |
    | linear | 1 - d | 0 |
    | cosine | (1 + cos(pi d)) / 2 | 0 |
    | exponential | 0.01^d | 0.01 |
    | inverse-sqrt | sqrt(w / (w + t)) with t = step - 1 - w, w at least 1 (Vaswani et al. 2017) | sqrt(w / max_steps) |
    | step | 0.1 after the first third, 0.01 after the second | 0.01 |

    Args:
        schedule: its name and warm-up.
        step: the step about to be taken, from 1.
        max_steps: the length of the whole, whatever is measured.
    """
    warmup = round(schedule.warmup_fraction * max_steps)
    if step <= warmup:
        return step / warmup
    rest = max(1, max_steps - warmup)
    done = min(1.0, (step - 1 - warmup) / rest)
    return _SHAPES[schedule.name](done, rest / max(1, warmup))
