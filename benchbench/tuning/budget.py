"""A wall-clock budget that is kept: what one training may take, and what is set aside for the confirmation.

The whole ends by the budget. From the first measurement on, the time that a confirmation needs (the baseline and
the best setup, some repeats each) is set aside and reckoned anew as times become known; the search has the rest. A
training that cannot fit into it is not started; one that was started is held to a deadline in training seconds, a
small multiple of the best time so far, and to a hard one of its whole process tree.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchbench.errors import InputError
from benchbench.record.types import Repeat
from benchbench.scenario.scenario import Scenario
from benchbench.stats.repeats import FEWEST
from benchbench.tuning.method import Means, Plan
from benchbench.units import human, parse_duration

LEAST_S = 10.0
_BASELINE_SHARE = 0.5  # a baseline that takes longer could not be measured a second time
_BASELINE_KILL_SHARE = 0.6
_RESERVE_SHARE = 2 / 3
_SINGLE_SHARE = 0.75  # of what the baseline leaves, at most, goes to a confirmation of one repeat
_HEADROOM = 1.1  # a repeat takes a little longer than the last one did
PATIENCE = 1.5  # times the best time: who is slower than that is not the winner
TRADING_PATIENCE = 4.0  # where less energy may be had for more time
_SHARE_WITHOUT_BEST = 0.25
_OVERHEAD_PATIENCE = 3.0
_KILL_GRACE_S = 5.0
_THROUGHPUT_PATIENCE = 4.0
_THROUGHPUT_LEAST_S = 120.0
_CONFIRMATION_PATIENCE = 3.0


def confirmation_repeats(scenario: Scenario) -> int:
    """How often a confirmation measures each setup, if the budget pays for it: as the scenario says, three or more."""
    own = scenario.measure.repeats
    return max(FEWEST, FEWEST if own == "auto" else own)


def parse_budget(text: str) -> float:
    """Seconds of a budget such as `5m` or `2h`.

    Raises:
        InputError: not a duration, or too short to measure anything.
    """
    try:
        budget_s = parse_duration(text)
    except ValueError as error:
        raise InputError(str(error), key="--budget") from None
    if budget_s < LEAST_S:
        least = human(LEAST_S, "s")
        raise InputError(f"{text!r} is too short to measure anything; give at least {least}", key="--budget")
    return budget_s


class Budget:
    """Seconds to spend, counted from its making by a clock that never runs backward.

    Args of the constructor:
        total_s: all of them.
        clock: that counts them.
        before_s: of them, what was spent before, by a command that was killed or that ended.
    """

    def __init__(self, total_s: float, clock: Callable[[], float] = time.monotonic, before_s: float = 0.0) -> None:
        self.total_s = total_s
        self.clock = clock
        self._started = clock() - before_s

    @property
    def spent_s(self) -> float:
        """Seconds since the start."""
        return self.clock() - self._started

    @property
    def left_s(self) -> float:
        """Seconds until the end; below zero after it."""
        return self.total_s - self.spent_s

    @property
    def end(self) -> float:
        """The clock's time at which nothing may run any more."""
        return self._started + self.total_s


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one repeat took.

    Attributes:
        wall_s: from the request to the stored result.
        training_s: of it, seconds on the training clock; zero where there is none.
    """

    wall_s: float
    training_s: float = 0.0

    @property
    def overhead_s(self) -> float:
        """Process start, data preparation, evaluations, storing."""
        return max(0.0, self.wall_s - self.training_s)

    @classmethod
    def of(cls, repeat: Repeat, wall_s: float) -> Cost:
        """The cost of a repeat that took `wall_s` as seen from here."""
        if repeat.reach is not None and repeat.reach.time_to_target_s is not None:
            return cls(wall_s=wall_s, training_s=repeat.reach.time_to_target_s)
        if repeat.reach is None or repeat.figures is None:
            return cls(wall_s=wall_s)
        steps = repeat.figures.measured_steps + repeat.figures.warmup_steps
        return cls(wall_s=wall_s, training_s=repeat.figures.step_s * steps)


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """What one training may take.

    Attributes:
        end_by: the clock's time at which its process tree is ended.
        deadline_s: training seconds after which a target no longer counts; None without a target.
        too_slow_s: seconds of a step beyond which a probe is given up; None for none.
    """

    end_by: float
    deadline_s: float | None = None
    too_slow_s: float | None = None


class Pacing:
    """Divides a budget among the baseline, the candidates and the confirmation."""

    def __init__(self, budget: Budget, *, trains: bool, repeats: int, patience: float = PATIENCE) -> None:
        """Knows nothing yet of how long anything takes.

        Args:
            budget: running already.
            trains: whether trainings to a target are measured, which obey deadlines.
            repeats: how many of each setup a confirmation wants.
            patience: how many times the best time a training may take whose proposer leaves it open.
        """
        self.budget = budget
        self._patience = patience
        self._trains = trains
        self.repeats = repeats
        self._baseline: Cost | None = None
        self._best: tuple[float, Cost] | None = None
        self._longest = Cost(wall_s=0.0)
        self._overheads_s: list[float] = []
        self._probe_s = 0.0

    def saw(self, cost: Cost, value: float | None, *, baseline: bool = False) -> None:
        """Learns from a repeat that trained.

        Args:
            cost: what it took.
            value: the objective's; None for a miss.
            baseline: whether it was the baseline's.
        """
        if baseline:
            self._baseline = cost
        if value is not None and (self._best is None or value < self._best[0]):
            self._best = (value, cost)
        self._overheads_s.append(cost.overhead_s)
        self._longest = max(self._longest, cost, key=lambda c: c.training_s or c.wall_s)

    def saw_probe(self, cost: Cost) -> None:
        """Learns from a probe of the step time."""
        self._probe_s = max(self._probe_s, cost.wall_s)

    @property
    def reserve_s(self) -> float:
        """Seconds set aside for the confirmation: for the repeats that two thirds of the budget pay, or one or none."""
        again = [cost for cost in (self._baseline, self._best[1] if self._best else self._baseline) if cost is not None]
        one_round_s = _HEADROOM * sum(cost.wall_s for cost in again)
        for repeats in range(self.repeats, 0, -1):
            if repeats * one_round_s <= _RESERVE_SHARE * self.budget.total_s:
                return repeats * one_round_s
        first_s = self._baseline.wall_s if self._baseline is not None else 0.0
        return one_round_s if one_round_s <= _SINGLE_SHARE * (self.budget.total_s - first_s) else 0.0

    def baseline(self) -> Allowance:
        """What the first measurement of the baseline may take, when nothing is known."""
        total_s = self.budget.total_s
        if not self._trains:
            return self._until(_BASELINE_SHARE * total_s)
        return self._until(_BASELINE_KILL_SHARE * total_s, _BASELINE_SHARE * total_s)

    def means(self) -> Means:
        """What there is to spend."""
        overheads = sorted(self._overheads_s)
        again_s = 0.0 if self._baseline is None else self._baseline.wall_s
        confirmed = self.reserve_s > 0 and _HEADROOM * again_s <= self.budget.left_s
        return Means(
            left_s=self.budget.left_s,
            startup_s=overheads[len(overheads) // 2] if overheads else 0.0,
            repeats=self.repeats if confirmed or self._baseline is None else 0,
            baseline_s=again_s if confirmed else 0.0,
        )

    def candidate(self, plan: Plan) -> Allowance | None:
        """What the next candidate may take; None when it does not fit before the confirmation any more."""
        overhead_s = max(self._overheads_s, default=0.0)
        left_s = self.budget.left_s
        if plan.probe or not self._trains:
            allowance = self._probe(left_s - (0.0 if plan.probe else self.reserve_s))
            return None if allowance is None else replace(allowance, too_slow_s=plan.too_slow_s)
        if plan.deadline_s is None:  # then what the confirmation needs is set aside here
            left_s -= self.reserve_s
        fits_s = left_s - overhead_s
        wanted_s = self._deadline_s(left_s, fits_s) if plan.deadline_s is None else plan.deadline_s
        if fits_s <= 0 or wanted_s is None:
            return None
        deadline_s = min(wanted_s, fits_s)
        return self._until(min(left_s, deadline_s + _OVERHEAD_PATIENCE * overhead_s + _KILL_GRACE_S), deadline_s)

    def _probe(self, left_s: float) -> Allowance | None:
        typical_s = self._probe_s
        if not self._trains:
            typical_s = self._longest.wall_s if self._best is None else self._best[1].wall_s
        if left_s <= typical_s:
            return None
        return self._until(min(left_s, max(_THROUGHPUT_PATIENCE * typical_s, _THROUGHPUT_LEAST_S)))

    def _deadline_s(self, left_s: float, fits_s: float) -> float | None:
        """Of a training whose proposer leaves it open: a small multiple of the best time; None if that cannot fit."""
        if self._best is not None:
            least_s = self._best[1].training_s
            return None if fits_s < least_s else min(self._patience * least_s, fits_s)
        least_s = _SHARE_WITHOUT_BEST * self._longest.training_s
        if fits_s < least_s:
            return None
        return min(max(self._patience * self._longest.training_s, _SHARE_WITHOUT_BEST * left_s), fits_s)

    def confirmation(self, costs: Sequence[Cost], wanted: int) -> tuple[int, Allowance]:
        """How many repeats of each setup what is left pays for, and what they may take together.

        Args:
            costs: what one repeat of each took.
            wanted: repeats of each.
        """
        one_round_s = _HEADROOM * sum(cost.wall_s for cost in costs)
        left_s = max(0.0, self.budget.left_s)
        repeats = wanted if one_round_s <= 0 else int(min(wanted, left_s / one_round_s))
        longest_s = max(cost.training_s for cost in costs)
        spare_s = left_s - repeats * one_round_s
        deadline_s = max(_CONFIRMATION_PATIENCE * longest_s, longest_s + spare_s)
        return repeats, Allowance(end_by=self.budget.end, deadline_s=deadline_s if self._trains else None)

    def _until(self, seconds: float, deadline_s: float | None = None) -> Allowance:
        return Allowance(end_by=self.budget.clock() + seconds, deadline_s=deadline_s)
