"""Whether a target sits where a learning curve is flat, so that reaching it is a lottery."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchbench.stats.crossing import Crossing, Goal, Look

_AROUND = 2  # evaluations on each side of the crossing from which the slope is taken
_LARGEST_SHARE = 0.25  # of the time to target that one standard error may move
_FEWEST_OF_A_MISS = 6
_NEAR = 3.0  # standard errors: a miss whose plateau is farther from the bound is no lottery but out of reach
_STEEP_SHARE = 0.6  # of the time to target: where the proposal is looked for
_POINTS = (0.02, 0.04)  # below a plateau, a rate is a measurement


@dataclass(frozen=True, kw_only=True)
class Plateau:
    """A target on the flat part of a curve.

    Attributes:
        share: of the time to target that one standard error of the metric moves; infinite where the curve does not
            rise, None for a miss.
        standard_error: of the metric.
        proposal: a bound that the curve passes where it is steep.
    """

    share: float | None
    standard_error: float
    proposal: float


def standard_error(value: float, rows: int | None) -> float:
    """Of a share of `rows` independent rows (binomial): sqrt(p (1 - p) / n); 0 where that is no such share."""
    if rows is None or rows < 1 or not 0.0 <= value <= 1.0:
        return 0.0
    return math.sqrt(value * (1.0 - value) / rows)


def plateau(looks: Sequence[Look], goal: Goal, crossing: Crossing | None, rows: int | None = None) -> Plateau | None:
    """Judges a target from one learning curve.

    The curve's slope near the crossing is that of a straight line through the evaluations around it; the noise is the
    larger of the binomial standard error and the scatter around that line. A target is on a plateau where the noise
    over the slope is more than a quarter of the time to target; one that was missed, where the second half of the
    curve does not move beyond its noise and lies within three standard errors of the bound.

    Args:
        looks: every evaluation, in order.
        goal: the bound and its direction.
        crossing: where it was met, if it was.
        rows: held-out rows, for a metric that is a share of them; else None.
    """
    if crossing is None:
        return _of_a_miss(looks, goal, rows)
    place = next(i for i, look in enumerate(looks) if look.step == crossing.seen.step)
    near = looks[max(0, place - _AROUND) : place + _AROUND + 1]
    if len(near) < 3 or crossing.training_s <= 0:
        return None
    slope, scatter = _line(near)
    error = max(standard_error(goal.bound, rows), scatter)
    gain = slope if goal.rises else -slope
    share = math.inf if gain <= 0 else error / gain / crossing.training_s
    if share <= _LARGEST_SHARE or error == 0:
        return None
    return Plateau(share=share, standard_error=error, proposal=_proposal(looks, goal, crossing.training_s, error))


def _of_a_miss(looks: Sequence[Look], goal: Goal, rows: int | None) -> Plateau | None:
    if len(looks) < _FEWEST_OF_A_MISS:
        return None
    late = looks[len(looks) // 2 :]
    level = float(np.mean([look.value for look in late]))
    slope, scatter = _line(late)
    error = max(standard_error(level, rows), scatter)
    moved = abs(slope) * (late[-1].training_s - late[0].training_s)
    if moved > 2 * error or abs(level - goal.bound) > _NEAR * error:
        return None
    return Plateau(share=None, standard_error=error, proposal=_proposal(looks, goal, late[-1].training_s, error))


def _line(looks: Sequence[Look]) -> tuple[float, float]:
    """Slope (per second) of the least-squares line through some evaluations, and the scatter around it."""
    times, values = (np.asarray(column) for column in zip(*((x.training_s, x.value) for x in looks), strict=True))
    if np.ptp(times) == 0:
        return 0.0, 0.0
    slope, level = np.polyfit(times, values, 1)
    rest = values - (slope * times + level)
    freedom = len(looks) - 2
    return float(slope), math.sqrt(float((rest**2).sum()) / freedom) if freedom > 0 else 0.0


def _proposal(looks: Sequence[Look], goal: Goal, time_s: float, error: float) -> float:
    """What the curve had reached at three fifths of the time; for a rate 2 to 4 points short of the bound."""
    early = [look.value for look in looks if look.training_s <= _STEEP_SHARE * time_s] or [looks[0].value]
    found = max(early) if goal.rises else min(early)
    if goal.rises and 0.0 < goal.bound <= 1.0:
        return max(goal.bound - _POINTS[1], min(goal.bound - _POINTS[0], found))
    return min(found, goal.bound - 2 * error) if goal.rises else max(found, goal.bound + 2 * error)
