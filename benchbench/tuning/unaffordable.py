"""What is measured where one training of the baseline does not fit into the budget.

Seconds per step by probes of the setups that the model holds most promising, then the beginnings of the learning curves
of the best of them, under equal deadlines. Whatever is asked for follows from what was measured, so that a search that
is taken up goes on in the same way. Where a setup does reach the target, the ordinary search goes on from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

import numpy as np

from benchbench.record.study import Overrides
from benchbench.record.types import Outcome
from benchbench.scenario.knobs import Factor, knobs_of
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.budget import Budget
from benchbench.tuning.method import Plan, Standing
from benchbench.tuning.setups import Question, Setup, tells
from benchbench.tuning.space import Scalar, identity
from benchbench.units import human

Ranking = Callable[[Sequence[Overrides]], Standing | None]
"""What setups are held to be worth (see `proposals.Proposer.standing`)."""

PREFIXES = 2  # of the promising setups, beside the baseline's
_PREFIX_SHARE = 0.2  # of the budget that each takes, start-up inside
_MOST_PROBES = 12
_PROBES_SHARE = 0.1  # of the budget
_POOL = 256
_SHADE = 1.4  # times a number: one that is nearer tells nothing new in so short a training
_LEAST_PREFIX = 0.8  # of the equal deadline: a shorter one tells too little beside the others


def why_unaffordable(setups: Sequence[Setup], question: Question) -> str | None:
    """Why one training of the baseline does not fit, in a sentence; None where it does, or any setup reached.

    A baseline that took every step that it may and missed is not one of these.

    Args:
        setups: that were measured, the baseline first.
        question: what is searched.
    """
    baseline = setups[0] if setups else None
    if baseline is None or not question.objective.reaches or not baseline.cut_short:
        return None
    if any(setup.trial.reached_target for setup in setups):
        return None
    assert baseline.run is not None
    repeat = baseline.run.repeats[0]
    told = f"one training of the baseline does not fit into the budget: {_trained(baseline)}"
    expected = None if repeat.reach is None else repeat.reach.expected_steps
    if expected is None or repeat.figures is None:
        return told
    seconds = human(expected.value * repeat.figures.step_s, "s")
    return f"{told}; its curve points to about {expected.value:,.0f} steps, {seconds}"


def tells_enough(setups: Sequence[Setup]) -> bool:
    """Whether it is the time that is short: something trained, and it was not one setup alone that hung."""
    return any(s.trial.step_s is not None for s in setups) or sum(s.cut_short for s in setups) > 1


def _trained(baseline: Setup) -> str:
    assert baseline.run is not None
    repeat = baseline.run.repeats[0]
    if repeat.figures is None:
        return f"it was ended after {human(repeat.wall_s, 's')}, before it had trained at all"
    steps = repeat.figures.measured_steps + repeat.figures.warmup_steps
    by = ", and its curve would not have in time" if repeat.facts.get("stopped_by_curve") else ""
    return f"{steps:,} steps, {human(baseline.cost.wall_s, 's')}, did not reach the target{by}"


class Instead:
    """What to measure instead, request by request."""

    def __init__(self, question: Question, ranking: Ranking, budget: Budget) -> None:
        """Knows the space.

        Args:
            question: what is searched.
            ranking: of setups, by all measurements.
            budget: of the search.
        """
        self._question, self._ranking, self._budget = question, ranking, budget

    def next(self, setups: Sequence[Setup]) -> tuple[Overrides, Plan] | None:
        """The next setup and how it is to be measured; None where nothing is left that would tell more.

        Args:
            setups: that were measured or refused, the baseline first.
        """
        failed = {identity(s.trial.overrides) for s in setups if s.trial.outcome not in (Outcome.OK, Outcome.TIMEOUT)}
        pool = [setup for setup in self._ranked if identity(setup) not in failed]
        return self._probe(setups, pool) or self._prefix(setups, pool)

    def _probe(self, setups: Sequence[Setup], pool: Sequence[Overrides]) -> tuple[Overrides, Plan] | None:
        probes = [s for s in setups if s.trial.role == "probe"]
        known = {step_key(s.trial.overrides) for s in setups if s.trial.outcome is Outcome.OK}
        known |= {step_key(s.trial.overrides) for s in probes}
        spent_s = sum(s.cost.wall_s for s in probes)
        if len(probes) >= _MOST_PROBES or (probes and spent_s > _PROBES_SHARE * self._budget.total_s):
            return None
        first = [setups[0].trial.overrides] if tells(self._question) else []  # where its training was killed
        wanted = next((setup for setup in (*first, *pool) if step_key(setup) not in known), None)
        return None if wanted is None else (wanted, Plan(probe=True, why="seconds per step, as no training fits"))

    def _prefix(self, setups: Sequence[Setup], pool: Sequence[Overrides]) -> tuple[Overrides, Plan] | None:
        """The beginning of a curve that no setup with the same mathematics has begun."""
        trainings = [s for s in setups if s.trial.role in ("baseline", "candidate") and s.run is not None]
        begun = [s.trial.overrides for s in trainings]
        measured = {step_key(s.trial.overrides) for s in setups if s.trial.step_s is not None}
        overhead_s = max((s.cost.overhead_s for s in trainings if s.cost.training_s > 0), default=0.0)
        deadline_s = _PREFIX_SHARE * self._budget.total_s - overhead_s
        left_s = self._budget.left_s - overhead_s
        if len(trainings) > PREFIXES or deadline_s <= 0 or left_s < _LEAST_PREFIX * deadline_s:
            return None
        new = (s for s in pool if step_key(s) in measured and all(differ(s, other) for other in begun))
        wanted = next(new, None)
        if wanted is None:
            return None
        return wanted, Plan(deadline_s=min(deadline_s, left_s), why="the beginning of its curve, as no training fits")

    @property
    def _ranked(self) -> list[Overrides]:
        """The setups of the pool that may be measured, the most promising first."""
        pool = list(self._pool)
        standing = self._ranking(pool)
        if standing is None:
            return pool
        return [pool[int(index)] for index in np.argsort(standing.logs, kind="stable")]

    @cached_property
    def _pool(self) -> tuple[Overrides, ...]:
        """The baseline, its neighbours, and the space or a part of it."""
        space = self._question.space
        baseline = space.of(self._question.baseline)
        around = _neighbours(baseline, self._question) if space.size is None or space.size > _POOL else iter(())
        every = {identity(setup): setup for setup in (baseline, *around, *space.some(_POOL))}
        return tuple(setup for setup in every.values() if setup == baseline or self._question.legal(setup))


def _neighbours(baseline: Overrides, question: Question) -> Iterator[Overrides]:
    """The baseline with one setting changed to another value that the space lists."""
    for key, axis in question.space.axes.items():
        count = min(axis.count or 0, _POOL)
        for index in range(count):
            yield {**baseline, key: axis.at(index)}


def differ(one: Overrides, other: Overrides) -> bool:
    """Whether two setups differ in what decides their number of steps, and by more than a number's shade.

    Args:
        one: of a space.
        other: of the same.
    """
    keys = (key for key in one if _MOVES.get(key, Factor.BOTH) is not Factor.STEP_S)
    return any(not _near(one[key], other.get(key)) for key in keys)


def _near(one: Scalar, other: Scalar) -> bool:
    if isinstance(one, float) and isinstance(other, float) and min(one, other) > 0:
        return max(one, other) < _SHADE * min(one, other)
    return one == other


def step_key(overrides: Overrides) -> str:
    """Equal for setups whose steps take the same time."""
    return _key(overrides, Factor.STEPS)


def math_key(overrides: Overrides) -> str:
    """Equal for setups that take the same number of steps to a target."""
    return _key(overrides, Factor.STEP_S)


_MOVES = {knob.key: knob.moves for knob in knobs_of(Scenario)}


def _key(overrides: Overrides, leaving_out: Factor) -> str:
    kept: dict[str, Scalar] = {
        key: v for key, v in overrides.items() if _MOVES.get(key, Factor.BOTH) is not leaving_out
    }
    return identity(kept)
