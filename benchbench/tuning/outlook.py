"""What is predicted where no training fits into the budget: steps that the curves point to x measured seconds per step.

What is recommended was measured itself, in its step time at least, and is never worse by prediction than the baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchbench.record.types import Outcome
from benchbench.stats.estimate import Estimate
from benchbench.tuning.setups import Question, Setup, tells
from benchbench.tuning.space import identity
from benchbench.tuning.unaffordable import Ranking, math_key, why_unaffordable
from benchbench.units import human


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What can be said without one whole training.

    Attributes:
        why: one training does not fit, in a sentence.
        chosen: the setup that is recommended; None where nothing was measured.
        predicted: its time to target in seconds; None where no curve tells.
        baseline: the same of the baseline; None where that is what is recommended, too.
    """

    why: str
    chosen: Setup | None
    predicted: Estimate | None
    baseline: Estimate | None

    @property
    def reason(self) -> str:
        """The verdict's reason in words."""
        if self.predicted is None:
            return f"{self.why}; no curve tells when it would, so step times and what is usual decided"
        beside = "" if self.baseline is None else f", the baseline's {human(self.baseline.value, 's')}"
        told = f"the recommended setup's time is predicted as {human(self.predicted.value, 's')}{beside}"
        return f"{self.why}; {told}, and none was measured to the target"


def outlook_of(setups: Sequence[Setup], question: Question, ranking: Ranking) -> Outlook | None:
    """The outlook of a search; None where a training fits.

    Args:
        setups: that were measured, the baseline first.
        question: what was searched.
        ranking: of setups, by all measurements.
    """
    why = why_unaffordable(setups, question)
    if why is None:
        return None
    timed = [s for s in setups if s.trial.step_s is not None]
    measured = [s for s in timed if s.trial.outcome is Outcome.OK] or timed
    alike = setups if tells(question) else setups[1:]  # a baseline from outside the space tells of itself alone
    times = {index: predicted_time(setup, (setup, *alike)) for index, setup in enumerate(measured)}
    baseline = predicted_time(setups[0], setups[:1])
    told = {index: time for index, time in times.items() if time is not None}
    if told:
        best = min(told, key=lambda index: told[index].value)
        better = baseline is None or told[best].value < baseline.value
        chosen, predicted = (measured[best], told[best]) if better else (setups[0], baseline)
    else:
        chosen, predicted = _by_ranking(measured, setups[0], ranking), None
    itself = identity(chosen.trial.overrides) == identity(setups[0].trial.overrides)
    beside = None if itself else baseline
    return Outlook(why=why, chosen=_fullest(chosen, alike), predicted=predicted, baseline=beside)


def predicted_time(setup: Setup, setups: Sequence[Setup]) -> Estimate | None:
    """The time to target that is predicted of a setup, in seconds; None where no curve or no step time tells it.

    The curve may be that of another setup that takes the same steps in another time; of several the longest counts.

    Args:
        setup: whose steps were timed.
        setups: whose curves may tell, itself among them.
    """
    if setup.run is None or setup.run.repeats[0].figures is None:
        return None
    alike = (s for s in setups if s.run is not None and math_key(s.trial.overrides) == math_key(setup.trial.overrides))
    reaches = [s.run.repeats[0].reach for s in alike if s.run is not None]
    curves = [reach.expected_steps for reach in reaches if reach is not None and reach.expected_steps is not None]
    if not curves:
        return None
    steps, figures = max(curves, key=lambda curve: curve.n), setup.run.repeats[0].figures
    warmup_s = figures.warmup_s or 0.0
    time = steps.scaled(figures.step_s, "s")
    bounds = {
        name: None if bound is None else bound + warmup_s for name, bound in (("low", time.low), ("high", time.high))
    }
    return time.model_copy(update={"value": time.value + warmup_s, "n": 1, **bounds})


def _by_ranking(measured: Sequence[Setup], baseline: Setup, ranking: Ranking) -> Setup:
    """The setup that is held best; where nothing tells, the one of the same mathematics with the quickest steps."""
    standing = ranking([s.trial.overrides for s in measured])
    if standing is not None:
        own = ranking([baseline.trial.overrides])
        best = min(range(len(measured)), key=lambda index: standing.logs[index])
        return measured[best] if own is None or standing.logs[best] < own.logs[0] else baseline
    alike = [s for s in measured if math_key(s.trial.overrides) == math_key(baseline.trial.overrides)]
    return min((baseline, *alike), key=lambda s: s.trial.step_s or float("inf"))


def _fullest(chosen: Setup, setups: Sequence[Setup]) -> Setup:
    """The measurement of the same setup that tells the most: a training before a probe."""
    own = identity(chosen.trial.overrides)
    same = [s for s in setups if identity(s.trial.overrides) == own and s.run is not None]
    if chosen not in same:  # a baseline from outside the space
        return chosen
    return max(same, key=lambda s: (s.trial.outcome is Outcome.OK, s.trial.step_s is not None, s.trial.role != "probe"))
