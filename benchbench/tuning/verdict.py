"""What may be claimed: the verdict on the finalists, measured beside the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchbench.record.types import Outcome, Repeat, Run
from benchbench.stats.estimate import Estimate
from benchbench.stats.intervals import Noise, ratio_with_misses
from benchbench.tuning.objective import Objective, is_miss

Verdict = Literal["faster", "tie", "insufficient-evidence", "target-not-reached"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known of one setup: the objective's values over its repeats, and how many missed the target.

    A miss counts as infinite. Repeats that failed otherwise say nothing here. `breaches` say in words which constraints
    it breaks, in any of its repeats.
    """

    values: tuple[float, ...] = ()
    misses: int = 0
    breaches: tuple[str, ...] = ()

    @classmethod
    def of(cls, run: Run | None, objective: Objective) -> Evidence:
        """The evidence of a run; none at all without one."""
        return cls() if run is None else cls.of_repeats(run.repeats, objective)

    @classmethod
    def of_repeats(cls, repeats: Sequence[Repeat], objective: Objective) -> Evidence:
        """The evidence of repeats of one setup."""
        values = [objective.value(repeat) for repeat in repeats]
        return cls(
            values=tuple(v for v in values if v is not None),
            misses=sum(objective.reaches and is_miss(repeat) for repeat in repeats),
        )

    @property
    def counts(self) -> bool:
        """Whether it reached and breaks no constraint: what can be recommended."""
        return self.reached and not self.breaches

    @property
    def reached(self) -> bool:
        """Whether more than half of the repeats have a value, so that the median is finite."""
        return len(self.values) > self.misses

    @property
    def all_values(self) -> tuple[float, ...]:
        """Those of all repeats, misses included."""
        return (*self.values, *[np.inf] * self.misses)

    @property
    def known(self) -> bool:
        """Whether there is any."""
        return bool(self.values) or self.misses > 0

    @property
    def median(self) -> float:
        """Over all repeats, misses included, of a setup that reached."""
        assert self.reached
        return float(np.median(self.all_values))


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdict and what it speaks of.

    Attributes:
        verdict: as in the contract.
        chosen: the index of the finalist that is recommended; None = the baseline.
        speedup: the baseline's time over the chosen one's; None where one of them has no finite time.
        tied: the indexes of finalists that are the same as the chosen one within the margin; None = the baseline.
        reason: why, in one sentence.
    """

    verdict: Verdict
    chosen: int | None
    speedup: Estimate | None
    tied: tuple[int | None, ...] = ()
    reason: str


def judge(
    baseline: Evidence, finalists: Sequence[Evidence], margin: float, confidence: float, noise: Noise | None = None
) -> Judgement:
    """Compares each finalist with the baseline; what is recommended was never measured worse than the baseline.

    But for a baseline that breaks a constraint: it is compared with, and cannot be kept. No finalist that breaks one is
    recommended.

    Args:
        baseline: its evidence.
        finalists: theirs, one or more of which may be empty.
        margin: setups whose ratio lies within it of 1 are the same.
        confidence: of the verdict as a whole; each comparison's is raised for their number (Bonferroni).
        noise: what the search has seen of it, from repeat to repeat; None where it has no model of it.
    """
    confidence = 1 - (1 - confidence) / max(1, len(finalists))
    speedups = [None if f.breaches else _speedup(baseline, f, confidence, noise) for f in finalists]
    reached = [index for index, finalist in enumerate(finalists) if finalist.counts]
    best = min(reached, key=lambda index: finalists[index].median, default=None)
    if best is None:
        return _no_finalist(baseline, finalists, speedups, margin, confidence)
    speedup = speedups[best]
    if speedup is None:
        return Judgement(
            verdict="insufficient-evidence",
            chosen=best,
            speedup=None,
            reason="the baseline has no time to compare with"
            + (": it did not reach the target where this setup did" if baseline.known else ""),
        )
    if baseline.breaches:
        return _instead_of_baseline(baseline, speedup, best, margin)
    if speedup.value < 1:
        return _baseline_is_best(baseline, speedups, margin, confidence)
    tied: tuple[None, ...] = (None,) if _within(speedup, margin) else ()
    return Judgement(
        verdict=_verdict(speedup, margin), chosen=best, speedup=speedup, tied=tied, reason=_why(speedup, margin)
    )


def _instead_of_baseline(baseline: Evidence, speedup: Estimate, best: int, margin: float) -> Judgement:
    """The best that holds the constraints, where what is run today does not, however the two compare."""
    why = _why(speedup, margin)
    if speedup.value < 1 and not _within(speedup, margin):
        why = f"{speedup.value:.3g} times as fast as the baseline, and the best that holds the constraints"
    return Judgement(
        verdict=_verdict(speedup, margin),
        chosen=best,
        speedup=speedup,
        reason=f"{why}; the baseline cannot be kept: {baseline.breaches[0]}",
    )


def _no_finalist(
    baseline: Evidence,
    finalists: Sequence[Evidence],
    speedups: Sequence[Estimate | None],
    margin: float,
    confidence: float,
) -> Judgement:
    if not baseline.reached:
        reason = "neither the baseline nor any other setup has a time that can be repeated"
        return Judgement(verdict="insufficient-evidence", chosen=None, speedup=None, reason=reason)
    if baseline.breaches:
        reason = f"no setup that was confirmed holds the constraints; of the baseline, {baseline.breaches[0]}"
        return Judgement(verdict="insufficient-evidence", chosen=None, speedup=None, reason=reason)
    if any(f.known and not f.breaches for f in finalists):
        return _baseline_is_best(baseline, speedups, margin, confidence)
    broken = next((f.breaches[0] for f in finalists if f.breaches), None)
    itself = _speedup(baseline, baseline, confidence)
    assert itself is not None
    return Judgement(
        verdict="insufficient-evidence",
        chosen=None,
        speedup=itself.model_copy(update={"low": None, "high": None}),
        reason="keep what you run today: no other setup was measured that has a time to compare with"
        if broken is None
        else f"keep what you run today: the setup that was to replace it breaks a constraint: {broken}",
    )


def _baseline_is_best(
    baseline: Evidence, speedups: Sequence[Estimate | None], margin: float, confidence: float
) -> Judgement:
    """The baseline was measured faster than every finalist: it is recommended.

    Where no finalist can be faster by more than the margin, the matter is settled, and the recommendation is the
    baseline itself: exactly 1. Else the interval is that of the baseline against itself: what its own spread allows
    to tell.
    """
    settled = all(s is None or (s.high is not None and s.high <= 1 + margin) for s in speedups)
    speedup = _speedup(baseline, baseline, confidence)
    assert speedup is not None
    if settled:
        speedup = speedup.model_copy(update={"value": 1.0, "low": 1.0, "high": 1.0})
        reason = f"keep what you run today: nothing that was measured is faster by more than {margin:.0%}"
    else:
        reason = "keep what you run today: nothing was measured faster, but the spread is too wide to rule it out"
    tied = tuple(index for index, s in enumerate(speedups) if s is not None and _within(s, margin))
    return Judgement(verdict=_verdict(speedup, margin), chosen=None, speedup=speedup, tied=tied, reason=reason)


def _speedup(baseline: Evidence, finalist: Evidence, confidence: float, noise: Noise | None = None) -> Estimate | None:
    """The ratio of their times. A miss on one side takes away the bound on that side, for it counts as infinite."""
    if not baseline.reached or not finalist.reached:
        return None
    return ratio_with_misses(baseline.all_values, finalist.all_values, confidence, noise)


def _within(speedup: Estimate, margin: float) -> bool:
    if speedup.low is None or speedup.high is None:
        return False
    return 1 - margin <= speedup.low and speedup.high <= 1 + margin


def _verdict(speedup: Estimate, margin: float) -> Verdict:
    if speedup.low is not None and speedup.low > 1:
        return "faster"
    return "tie" if _within(speedup, margin) else "insufficient-evidence"


def _why(speedup: Estimate, margin: float) -> str:
    if speedup.low is None and speedup.n < 2:
        return "too few repeats for an interval; a longer budget pays for more"
    if speedup.low is None:
        return "this setup missed the target in some of its repeats"
    if speedup.low > 1:
        return f"{speedup.value:.3g} times as fast as the baseline, at least {speedup.low:.3g} times"
    if _within(speedup, margin):
        return f"the same as the baseline within {margin:.0%}"
    return "measured faster, but the repeats spread too widely to be sure; a longer budget pays for more of them"


def says_nothing(run: Run) -> bool:
    """Whether every repeat of a run was refused, or cut off from outside: by the user, or by the end of the budget."""
    return all(r.outcome in (Outcome.INTERRUPTED, Outcome.TIMEOUT, Outcome.REFUSED) for r in run.repeats)
