"""Where a speedup comes from: the settings from the baseline to the recommendation, one at a time, each step measured.

Settings that move seconds per step alone come first: a probe tells what each does to the time of the steps that the
setup before it took. Every other step is a training, the search's own where it made it. What is left of the budget
pays; if it does not pay for all of them, nothing is said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from benchbench.errors import InputError
from benchbench.record.study import Attribution, Overrides, Trial
from benchbench.record.types import Outcome, Run
from benchbench.scenario.knobs import Factor, Lever, knobs_of
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.stats.estimate import Estimate
from benchbench.tuning.afterwards import Afterwards, Wanted
from benchbench.tuning.budget import Allowance
from benchbench.tuning.method import Plan
from benchbench.tuning.setups import PROBE, Question, Setup
from benchbench.tuning.space import identity
from benchbench.tuning.verdict import Evidence

_STEP_NOISE = 0.02  # of a step time's logarithm, from one process to the next
_UNKNOWN_NOISE = 0.12  # of a training's, where the search saw none
_PATIENCE = 2.0  # times the slower end: an intermediate setup may be worse than both


@dataclass(frozen=True, kw_only=True)
class Point:
    """A setup on the way.

    Attributes:
        time_s: to the target.
        step_s, warmup_s: of its steps.
        variance: of the logarithm of its time.
    """

    time_s: float
    step_s: float
    warmup_s: float
    variance: float


@dataclass(frozen=True, kw_only=True)
class Ends:
    """What is explained.

    Attributes:
        baseline, best: the setups;  of each the run that confirmed it.
        noise: of the logarithm, from seed to seed; None where it is not known.
    """

    baseline: Setup
    baseline_run: Run
    best: Setup
    best_run: Run
    noise: float | None


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """What was found: the parts, the trials that were made for them, and whether the user stopped it."""

    parts: tuple[Attribution, ...] = ()
    trials: tuple[Trial, ...] = ()
    interrupted: bool = False


def explain(ends: Ends, setups: Sequence[Setup], afterwards: Afterwards) -> Explanation:
    """The parts of the speedup, in the order in which the settings were changed; none where they cannot be had.

    Args:
        ends: the baseline and the recommendation.
        setups: what the search measured.
        afterwards: measures.

    Raises:
        StoreError: a run could not be stored.
    """
    question = afterwards.question
    noise = _UNKNOWN_NOISE if ends.noise is None else ends.noise
    first = _confirmed(ends.baseline_run, question, noise)
    last = _confirmed(ends.best_run, question, noise)
    left = _changes(ends)
    if first is None or last is None or len(left) < 2 or not question.objective.reaches:
        return Explanation()
    way = _Way(ends, setups, afterwards, noise)
    way.slowest_s = max(first.time_s, last.time_s)
    try:
        parts = _parts(ends, way, left, first, last)
    except KeyboardInterrupt:
        return Explanation(trials=tuple(way.trials), interrupted=True)
    return Explanation(parts=parts, trials=tuple(way.trials), interrupted=way.interrupted)


def _parts(ends: Ends, way: _Way, left: list[str], first: Point, last: Point) -> tuple[Attribution, ...]:
    """The parts, where every point on the way can be had."""
    overrides, at = dict(ends.baseline.trial.overrides), first
    parts: list[Attribution] = []
    while len(left) > 1:
        steps = ((key, {**overrides, key: ends.best.trial.overrides[key]}) for key in left)
        found = next(((k, o, p) for k, o in steps if (p := way.point(o, k, at)) is not None), None)
        if found is None:
            return ()
        key, overrides, point = found
        parts.append(_part(key, ends, at, point))
        left.remove(key)
        at = point
    return (*parts, _part(left[0], ends, at, last))


def _changes(ends: Ends) -> list[str]:
    """The keys that differ, those that move seconds per step alone first."""
    before, after = ends.baseline.trial.overrides, ends.best.trial.overrides
    moves = {knob.key: knob.moves for knob in knobs_of(Scenario)}
    differing = (key for key in after if before[key] != after[key])
    return sorted(differing, key=lambda key: moves.get(key) is not Factor.STEP_S)


def _confirmed(run: Run, question: Question, noise: float) -> Point | None:
    """An end, as its confirmation has it; None where it did not reach, or its steps are not known."""
    evidence = Evidence.of(run, question.objective)
    figures = [r.figures for r in run.repeats if r.figures is not None]
    if not evidence.reached or not figures:
        return None
    return Point(
        time_s=evidence.median,
        step_s=float(np.median([f.step_s for f in figures])),
        warmup_s=float(np.median([f.warmup_s or 0.0 for f in figures])),
        variance=noise**2 / len(evidence.values),
    )


class _Way:
    """Measures setups between the ends."""

    def __init__(self, ends: Ends, setups: Sequence[Setup], afterwards: Afterwards, noise: float) -> None:
        self._known: Mapping[str, Setup] = {
            identity(s.trial.overrides): s for s in setups if s.trained and s.trial.objective is not None
        }
        self._moves = {knob.key: knob.moves for knob in knobs_of(Scenario)}
        self._question, self._pacing, self._afterwards = afterwards.question, afterwards.pacing, afterwards
        self._number, self._noise = ends.best.trial.number, noise
        self.slowest_s = 0.0
        self.trials: list[Trial] = []
        self.interrupted = False

    def point(self, overrides: Overrides, changed: str, before: Point) -> Point | None:
        """A setup that differs from the one before it in one key; None where it cannot be had (another may be)."""
        if self.interrupted or not self._question.legal(overrides):
            return None
        by_time = self._question.objective.name == "time"  # a probe tells seconds, no energy and no money
        if by_time and self._moves.get(changed) is Factor.STEP_S:
            return self._by_probe(overrides, before)
        known = self._known.get(identity(overrides))
        run = known.run if known is not None else self._measured(overrides, {}, Plan(deadline_s=self._deadline_s))
        repeat = None if run is None else run.repeats[0]
        time_s = None if repeat is None else self._question.objective.value(repeat)
        if repeat is None or time_s is None or repeat.figures is None:
            return None
        figures = repeat.figures
        return Point(time_s=time_s, step_s=figures.step_s, warmup_s=figures.warmup_s or 0.0, variance=self._noise**2)

    def _by_probe(self, overrides: Overrides, before: Point) -> Point | None:
        """As many steps as before, each as long as a probe finds it."""
        run = self._measured(overrides, PROBE, Plan(probe=True))
        figures = None if run is None else run.repeats[0].figures
        if figures is None:
            return None
        steps = max(0.0, before.time_s - before.warmup_s) / before.step_s
        warmup_s = figures.warmup_s or 0.0
        time_s = warmup_s + steps * figures.step_s
        return Point(
            time_s=time_s, step_s=figures.step_s, warmup_s=warmup_s, variance=before.variance + 2 * _STEP_NOISE**2
        )

    @property
    def _deadline_s(self) -> float:
        return _PATIENCE * self.slowest_s

    def _measured(self, overrides: Overrides, changed: Mapping[str, Any], plan: Plan) -> Run | None:
        """One repeat; None where it cannot run, or what is left of the budget does not pay for it."""
        try:
            scenario = vary(vary(self._question.scenario, overrides), changed)
            self._question.admit(scenario)
        except InputError:
            return None
        wanted = Wanted(role="explanation", number=self._number, overrides=overrides, scenario=scenario, plan=plan)
        found = self._afterwards.known(wanted) or self._fresh(wanted)
        if found is None:
            return None
        run, trial = found
        self.interrupted = run.outcome is Outcome.INTERRUPTED
        self.trials.append(trial)
        return run

    def _fresh(self, wanted: Wanted) -> tuple[Run, Trial] | None:
        allowance = self._pacing.candidate(wanted.plan)
        if allowance is None or (wanted.plan.deadline_s is not None and not self._pays(allowance)):
            return None
        return self._afterwards.measure(wanted, allowance)

    def _pays(self, allowance: Allowance) -> bool:
        return allowance.deadline_s is not None and allowance.deadline_s >= self.slowest_s


def _part(key: str, ends: Ends, before: Point, after: Point) -> Attribution:
    """One setting's part, with an interval by the noise that the search saw."""
    levers = {knob.key: knob.lever for knob in knobs_of(Scenario)}
    probed = after.variance > before.variance
    variance = after.variance - before.variance if probed else after.variance + before.variance
    value = before.time_s / after.time_s
    reach = math.exp(float(norm.ppf(0.975)) * math.sqrt(max(variance, 0.0)))
    return Attribution.model_validate({
        "lever": levers.get(key, Lever.SOFTWARE), "key": key,
        "from": ends.baseline.trial.overrides[key], "to": ends.best.trial.overrides[key],
        "speedup": Estimate(value=value, low=value / reach, high=value * reach, confidence=0.95, n=1, unit="x"),
    })  # fmt: skip
