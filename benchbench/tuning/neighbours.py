"""How the recommended setup fares at the next lower and higher learning rates.

A setup that is fast at one learning rate alone is a lucky one: another seed, or a little other data, may miss. What
is left of the budget pays for one training of each neighbour; what the search measured of it is used; else its model
says what it expects, and that is marked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchbench.errors import InputError
from benchbench.record.study import Neighbour, Overrides, Trial
from benchbench.record.types import Outcome, Repeat, Run, RunWarning
from benchbench.scenario.loading import vary
from benchbench.tuning.afterwards import Afterwards, Wanted
from benchbench.tuning.method import Plan
from benchbench.tuning.model.encoding import RATE
from benchbench.tuning.objective import is_miss
from benchbench.tuning.proposals import Proposer
from benchbench.tuning.setups import Question, Setup, next_index, was_cut
from benchbench.tuning.space import Axis, Listed, Ranged, Scalar, identity
from benchbench.units import human

FRAGILE = 2.0  # times as long as the recommended setup
_PATIENCE = 3.0
_FACTOR = 2.0  # to the neighbours in a range
_DIGITS = 3


@dataclass(frozen=True, kw_only=True)
class Around:
    """What was found of the neighbours (None where nothing is known), and the trials that were made for them."""

    neighbours: tuple[Neighbour, ...] | None = None
    trials: tuple[Trial, ...] = ()
    interrupted: bool = False


@dataclass(frozen=True, kw_only=True)
class Centre:
    """The setup whose neighbours are looked at, and its time to the target."""

    setup: Setup
    time_s: float


def beside(question: Question, overrides: Overrides) -> list[Overrides]:
    """A setup at the next lower and the next higher learning rate of the space, those that are legal.

    In a list those are the next values; in a range, half and twice the rate, as far as the range goes.
    """
    axis = question.space.axes.get(RATE)
    rate = overrides.get(RATE)
    if axis is None or rate is None or isinstance(rate, (bool, str)):
        return []
    found = ({**overrides, RATE: value} for value in _next(axis, float(rate)))
    return [setup for setup in found if question.legal(setup)]


def _next(axis: Axis, rate: float) -> list[Scalar]:
    if isinstance(axis, Listed):
        numbers = [value for value in axis.values if isinstance(value, (int, float)) and not isinstance(value, bool)]
        lower, higher = [n for n in numbers if n < rate], [n for n in numbers if n > rate]
        return [*([max(lower)] if lower else []), *([min(higher)] if higher else [])]
    assert isinstance(axis, Ranged)
    found: list[Scalar] = []
    for wanted in (rate / _FACTOR, rate * _FACTOR):
        value = _on_axis(axis, wanted)
        if axis.range.low <= wanted <= axis.range.high and value != rate:
            found.append(value)
    return found


def _on_axis(axis: Ranged, wanted: float) -> float:
    """The axis's own value nearest to one within its ends."""
    if axis.count is None:
        return float(f"{wanted:.{_DIGITS}g}")
    assert axis.step is not None
    index = round((wanted - float(axis.range.low)) / float(axis.step))
    return float(axis.at(min(max(index, 0), axis.count - 1)))


class Surroundings:
    """Finds out about neighbours."""

    def __init__(self, setups: Sequence[Setup], afterwards: Afterwards) -> None:
        """Measures nothing yet.

        Args:
            setups: what the search measured.
            afterwards: measures.
        """
        self._setups, self._afterwards = setups, afterwards
        self._question, self._pacing = afterwards.question, afterwards.pacing
        self._trials: list[Trial] = []
        self._interrupted = False

    def look(self, centre: Centre, proposer: Proposer) -> Around:
        """The neighbours of a setup.

        Args:
            centre: the setup.
            proposer: says what is expected of those that are not measured.

        Raises:
            StoreError: a run could not be stored.
        """
        if not self._question.objective.reaches:
            return Around()
        try:
            around = [
                self._measured(centre, overrides) for overrides in beside(self._question, centre.setup.trial.overrides)
            ]
        except KeyboardInterrupt:
            return Around(trials=tuple(self._trials), interrupted=True)
        found = [one if isinstance(one, Neighbour) else _predicted(centre, one, proposer) for one in around]
        neighbours = tuple(one for one in found if one is not None)
        return Around(neighbours=neighbours or None, trials=tuple(self._trials), interrupted=self._interrupted)

    def _measured(self, centre: Centre, overrides: Overrides) -> Neighbour | Overrides:
        """A neighbour that was measured, in the search or now; the setup itself where there is none."""
        known = [s.run for s in self._setups if s.trained and s.run is not None and _same(s, overrides)]
        told = [run for run in known if self._tells(run, centre)]
        if not told:
            fresh = self._fresh(centre, overrides)
            told = [] if fresh is None or not self._tells(fresh, centre) else [fresh]
        return _neighbour(overrides, told) if told else overrides

    def _tells(self, run: Run, centre: Centre) -> bool:
        """Whether a training says whether the target is reached in twice the centre's time."""
        repeat = run.repeats[0]
        if _time_s(repeat) is not None:
            return True
        if not is_miss(repeat):
            return False
        return not was_cut(repeat, run.scenario) or _trained_s(repeat) >= FRAGILE * centre.time_s

    def _fresh(self, centre: Centre, overrides: Overrides) -> Run | None:
        """One training, where what is left of the budget pays for twice the centre's time at the least."""
        if self._interrupted:
            return None
        question, pacing = self._question, self._pacing
        try:
            scenario = vary(question.scenario, overrides)
            question.admit(scenario)
        except InputError:
            return None
        wanted = Wanted(
            role="neighbour",
            number=centre.setup.trial.number,
            overrides=overrides,
            scenario=scenario,
            plan=Plan(deadline_s=_PATIENCE * centre.time_s),
            index=next_index(self._setups, scenario),
        )
        found = self._afterwards.known(wanted)
        if found is None:
            allowance = pacing.candidate(wanted.plan)
            if allowance is None or allowance.deadline_s is None or allowance.deadline_s < FRAGILE * centre.time_s:
                return None
            found = self._afterwards.measure(wanted, allowance)
        if found is None:
            return None
        run, trial = found
        self._interrupted = run.outcome is Outcome.INTERRUPTED
        self._trials.append(trial)
        return run


def _same(setup: Setup, overrides: Overrides) -> bool:
    return identity(setup.trial.overrides) == identity(overrides)


def _time_s(repeat: Repeat) -> float | None:
    reached = repeat.outcome is Outcome.OK and repeat.reach is not None and repeat.reach.reached
    return repeat.reach.time_to_target_s if reached and repeat.reach is not None else None


def _trained_s(repeat: Repeat) -> float:
    """Seconds on the training clock."""
    figures = repeat.figures
    steps = 0 if figures is None else figures.measured_steps + figures.warmup_steps
    return 0.0 if figures is None else steps * figures.step_s + (figures.warmup_s or 0.0)


def _neighbour(overrides: Overrides, runs: Sequence[Run]) -> Neighbour:
    """A measured neighbour: the median of its trainings, where a miss counts as infinite."""
    times = [_time_s(run.repeats[0]) for run in runs]
    median = float(np.median([math.inf if time_s is None else time_s for time_s in times]))
    reached = math.isfinite(median)
    return Neighbour(
        overrides=overrides,
        learning_rate=_rate(overrides),
        time_to_target_s=median if reached else None,
        reached=reached,
        source="measured",
        run_id=runs[-1].id,
    )


def _predicted(centre: Centre, overrides: Overrides, proposer: Proposer) -> Neighbour | None:
    """What the search's model expects, as a ratio to what it expects of the centre; None where it has none."""
    standing = proposer.standing([centre.setup.trial.overrides, overrides])
    if standing is None:
        return None
    ratio = math.exp(min(standing.logs[1] - standing.logs[0], 100.0))
    return Neighbour(
        overrides=overrides,
        learning_rate=_rate(overrides),
        time_to_target_s=centre.time_s * ratio,
        source="predicted",
    )


def _rate(overrides: Mapping[str, Scalar]) -> float:
    rate = overrides[RATE]
    assert isinstance(rate, (int, float))
    return float(rate)


def fragility(neighbours: Sequence[Neighbour] | None, time_s: float | None) -> tuple[RunWarning, ...]:
    """That a setup owes its time to its very learning rate: a neighbour misses, or takes over twice as long.

    Args:
        neighbours: of the setup.
        time_s: the setup's own time to the target; None where it has none.
    """
    if time_s is None:
        return ()
    told = list(_broken(neighbours or (), time_s))
    if not told:
        return ()
    return (RunWarning(code="fragile", message=f"the recommended setup is fragile: {'; '.join(told)}"),)


def _broken(neighbours: Sequence[Neighbour], time_s: float) -> Iterator[str]:
    for one in neighbours:
        at = f"at the learning rate {one.learning_rate:g}"
        if one.reached is False:
            yield f"{at} a training missed the target within {FRAGILE:g} times its {human(time_s, 's')}"
        elif one.time_to_target_s is not None and one.time_to_target_s > FRAGILE * time_s:
            verb = "took" if one.source == "measured" else "is predicted to take"
            yield f"{at} a training {verb} {one.time_to_target_s / time_s:.2g} times as long"
