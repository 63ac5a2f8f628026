"""Where a learning curve first meets a target, and whether the next evaluation agrees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A bound on a metric.

    Attributes:
        bound: the value that must be reached.
        rises: whether it is a score, reached from below; else a loss, reached from above.
    """

    bound: float
    rises: bool

    def met_by(self, value: float) -> bool:
        """Whether a value is as good as the bound."""
        return value >= self.bound if self.rises else value <= self.bound


@dataclass(frozen=True, kw_only=True)
class Look:
    """One evaluation: the metric's value, finite, and the step and training time (s) that it was made after."""

    step: int
    training_s: float
    value: float


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """The moment at which a curve met its target.

    Attributes:
        step: steps until then, a fraction of one too.
        training_s: training time until then.
        before: the evaluation before it; None where there was none, and the crossing is the first evaluation's time.
        seen: the evaluation that met the target.
        confirmed: whether the next evaluation met it too; False where none has come yet.
        denied: earlier evaluations that met it and were followed by one that did not.
    """

    step: float
    training_s: float
    before: Look | None
    seen: Look
    confirmed: bool
    denied: int


def first_crossing(looks: Sequence[Look], goal: Goal, deadline_s: float = math.inf) -> Crossing | None:
    """The first crossing that the next evaluation does not deny.

    Between the evaluation before and the one that met the target the metric is taken to change linearly, in steps and
    in training time.

    Args:
        looks: all evaluations so far, in their order.
        goal: what they are to meet.
        deadline_s: training time after which a crossing no longer counts.

    Returns:
        None where there is no such crossing, or only a later one.
    """
    for index, look in enumerate(looks):
        after = looks[index + 1] if index + 1 < len(looks) else None
        if not goal.met_by(look.value) or (after is not None and not goal.met_by(after.value)):
            continue
        before = looks[index - 1] if index else None
        share = 1.0 if before is None else (goal.bound - before.value) / (look.value - before.value)
        crossing = Crossing(
            step=look.step if before is None else before.step + share * (look.step - before.step),
            training_s=look.training_s
            if before is None
            else before.training_s + share * (look.training_s - before.training_s),
            before=before,
            seen=look,
            confirmed=after is not None,
            denied=denied(looks[: index + 1], goal),
        )
        return crossing if crossing.training_s <= deadline_s else None
    return None


def denied(looks: Sequence[Look], goal: Goal) -> int:
    """How many evaluations met the target and were followed by one that did not."""
    met = [goal.met_by(look.value) for look in looks]
    return sum(here and not after for here, after in pairwise(met))
