"""Whether a claim still holds, from fresh runs of what it speaks of.

A claim is judged by the end of its interval that promises least: the lower one of a speed-up, the upper one of a time.
It *holds* where the new value is within it or better (a *faster* also where the new interval lies above 1), it *does
not hold* where the whole new interval lies beyond it, and else the new runs leave it *inconclusive*.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from benchbench.record import differences
from benchbench.record.differences import Leaf
from benchbench.record.machine import Machine
from benchbench.record.study import TEST_METRICS
from benchbench.record.summary import Summary, summarize
from benchbench.record.types import Run
from benchbench.stats.estimate import Estimate
from benchbench.stats.intervals import ratio_with_misses
from benchbench.tuning.claimed import reach_rate, test_metrics
from benchbench.tuning.claims import Case, Claim
from benchbench.tuning.constraints import Limits
from benchbench.tuning.verdict import Evidence
from benchbench.units import human
from benchbench.values import Observed

Verdict = Literal["holds", "does-not-hold", "inconclusive"]
What = Literal["speedup", "target", "constraints", "time_to_target_s", "step_s"]
_TIMES: tuple[Literal["time_to_target_s", "step_s"], ...] = ("time_to_target_s", "step_s")
_WORST_FIRST: tuple[Verdict, ...] = ("does-not-hold", "inconclusive", "holds")


class Check(Observed):
    """One part of a claim, judged: of a target or of constraints, the share of the repeats that did so."""

    of: What
    claimed: Estimate | float | None
    measured: Estimate | float | None
    verdict: Verdict
    reason: str


class Findings(Observed):
    """What was measured of a claim; `speedup` is None where it claims none, or where it cannot be told."""

    speedup: Estimate | None = None
    reach_rate: float | None = None
    reach_rate_over_seeds: Estimate | None = None
    test_metrics: dict[str, Estimate] = Field({}, description=TEST_METRICS)
    time_to_target_s: Estimate | None = None
    step_s: Estimate | None = None
    baseline_run: str | None = None
    recommended_run: str | None = None


class Verification(Observed):
    """A claim beside what was measured of it.

    Attributes:
        study: the study's name; None for a scenario alone.
        claim: what was claimed.
        measured: what was measured.
        same_machine: whether it was measured where the claim was; None for a scenario alone.
        differs: what differs from then, as (then, now).
        checks: the parts of the claim that can be judged here.
        verdict: the worst of theirs.
        reason: theirs, in a sentence or two.
    """

    study: str | None
    claim: Claim
    measured: Findings
    same_machine: bool | None
    differs: dict[str, tuple[Leaf, Leaf]]
    checks: tuple[Check, ...]
    verdict: Verdict
    reason: str

    def answer(self, report: str | None) -> dict[str, Any]:
        """The document of `verify --json`."""
        return {"schema": 1, "report": report, **self.document()}


def other_machine(case: Case, machine: Machine) -> dict[str, tuple[Leaf, Leaf]]:
    """The hardware that a claim was measured on beside this one, where they are not the same; else empty."""
    if case.machine is None or case.machine.fingerprint == machine.fingerprint:
        return {}
    return differences.different(differences.of_hardware(case.machine), differences.of_hardware(machine))


def verify(case: Case, machine: Machine, baseline: Run | None, recommended: Run | None) -> Verification:
    """Judges a claim.

    Args:
        case: the claim.
        machine: this one, as its fingerprint was taken before the runs.
        baseline: its fresh run; None where none was wanted, or none was measured.
        recommended: the fresh run of the setup of which it is claimed; None where none was measured.
    """
    summary = Summary() if recommended is None else summarize(recommended)
    speedup = _speedup(case, baseline, recommended)
    same = None if case.machine is None else not other_machine(case, machine)
    checks = (
        *_checks(case, summary, speedup, _reached(case, baseline), absolute=same is True),
        *_of_constraints(case.limits, recommended),
    )
    verdict = min((c.verdict for c in checks), key=_WORST_FIRST.index, default="inconclusive")
    return Verification(
        study=case.study,
        claim=case.claim,
        measured=Findings(
            speedup=speedup,
            reach_rate=summary.reach_rate,
            reach_rate_over_seeds=reach_rate((), recommended, case.objective, case.recommended.measure.confidence),
            test_metrics=test_metrics(recommended),
            time_to_target_s=summary.time_to_target_s,
            step_s=summary.step_s,
            baseline_run=baseline.id if baseline is not None else None,
            recommended_run=recommended.id if recommended is not None else None,
        ),
        same_machine=same,
        differs=_differs(case, machine, recommended),
        checks=checks,
        verdict=verdict,
        reason="; ".join(c.reason for c in checks) or "nothing that was claimed can be judged here",
    )


def _differs(case: Case, machine: Machine, recommended: Run | None) -> dict[str, tuple[Leaf, Leaf]]:
    if case.machine is None:
        return {}
    then, now = differences.of_machine(case.machine), differences.of_machine(machine)
    if case.runs and recommended is not None:
        then, now = then | differences.facts(case.runs[-1]), now | differences.facts(recommended)
    return differences.different(then, now)


def _reached(case: Case, run: Run | None) -> bool | None:
    """Whether a run has a finite value; None where it says nothing."""
    evidence = Evidence.of(run, case.objective)
    return evidence.reached if evidence.known else None


def _speedup(case: Case, baseline: Run | None, recommended: Run | None) -> Estimate | None:
    before, after = Evidence.of(baseline, case.objective), Evidence.of(recommended, case.objective)
    if case.baseline is None or not before.reached or not after.reached:
        return None
    return ratio_with_misses(before.all_values, after.all_values, case.recommended.measure.confidence)


def _checks(
    case: Case, summary: Summary, speedup: Estimate | None, baseline_reached: bool | None, *, absolute: bool
) -> list[Check]:
    claim, checks = case.claim, []
    if claim.speedup is not None:
        checks.append(_of_speedup(claim, case.objective.margin, speedup, summary.reached_target, baseline_reached))
    if claim.reaches_target:
        checks.append(_of_target(claim, summary))
    if absolute:
        times = [name for name in _TIMES if _bound(getattr(claim, name)) is not None]
        checks += [_of_time(name, getattr(claim, name), getattr(summary, name)) for name in times[:1]]
    return checks


def _bound(claimed: Estimate | None) -> float | None:
    """The longest time that a claim allows; of a single repeat nothing is known of its spread, so it allows any."""
    return None if claimed is None or claimed.n < 2 else claimed.high


def _of_speedup(
    claim: Claim, margin: float, measured: Estimate | None, reached: bool | None, baseline_reached: bool | None
) -> Check:
    assert claim.speedup is not None
    faster = claim.verdict == "faster"
    least = claim.speedup.low if faster else 1 - margin
    assert least is not None
    promised = f"at least {least:.3g}x the baseline"
    if measured is None:
        verdict, reason = _without_ratio(reached, baseline_reached)
    else:
        verdict = _judged_speedup(measured, least, faster=faster)
        seen = f"{measured.value:.3g}x{_interval(measured, 'x')}"
        reason = f"{promised} was claimed, and {seen} was measured{_more(measured, verdict)}"
    return Check(of="speedup", claimed=claim.speedup, measured=measured, verdict=verdict, reason=reason)


def _judged_speedup(measured: Estimate, least: float, *, faster: bool) -> Verdict:
    if measured.high is not None and measured.high < least:
        return "does-not-hold"
    value = measured.value if faster else measured.low
    proved = measured.low is not None and (measured.low > 1 or not faster)
    return "holds" if proved and value is not None and value >= least else "inconclusive"


def _without_ratio(reached: bool | None, baseline_reached: bool | None) -> tuple[Verdict, str]:
    if reached is False:
        return "does-not-hold", "the recommended setup did not reach the target, so it is not faster"
    if baseline_reached is False:
        return "inconclusive", "the baseline did not reach the target in its steps, so there is no ratio"
    return "inconclusive", "a setup has no repeat that ended, so there is no ratio"


def _of_target(claim: Claim, summary: Summary) -> Check:
    rate = summary.reach_rate
    if rate is None:
        verdict: Verdict = "inconclusive"
        reason = "no repeat says whether the target is reached"
    else:
        verdict = "holds" if summary.reached_target else "does-not-hold"
        reason = f"the target was reached in {human(rate, '%')} of the repeats"
    return Check(of="target", claimed=claim.reach_rate, measured=rate, verdict=verdict, reason=reason)


def _of_constraints(limits: Limits, recommended: Run | None) -> list[Check]:
    """As in the study: a setup that breaks one in any of its repeats does not hold them."""
    if not limits:
        return []
    repeats = () if recommended is None else recommended.repeats
    asked = [repeat for repeat in repeats if any(limit.asked_of(repeat) for limit in limits)]
    untold = list(dict.fromkeys(key for repeat in asked for key in limits.untold(repeat)))
    held = sum(not limits.breaches([repeat]) for repeat in asked)
    verdict: Verdict = "holds" if held == len(asked) else "does-not-hold"
    reason = "; ".join(limits.breaches(asked)) or f"{', '.join(limit.key for limit in limits)} held in every repeat"
    if not asked or untold:
        verdict = "inconclusive"
        reason = "no repeat says whether the constraints hold" + (f": {', '.join(untold)}" if untold else "")
    share = held / len(asked) if asked and not untold else None
    return [Check(of="constraints", claimed=1.0, measured=share, verdict=verdict, reason=reason)]


def _of_time(name: Literal["time_to_target_s", "step_s"], claimed: Estimate, measured: Estimate | None) -> Check:
    longest = _bound(claimed)
    assert longest is not None
    what = "time to target" if name == "time_to_target_s" else "step time"
    promised = f"a {what} of at most {human(longest, 's')} was claimed"
    if measured is None:
        return Check(
            of=name, claimed=claimed, measured=None, verdict="inconclusive", reason=f"{promised}, and none was measured"
        )
    verdict: Verdict = "inconclusive"
    if measured.n >= 2 and measured.low is not None and measured.low > longest:
        verdict = "does-not-hold"
    elif measured.n >= 2 and measured.value <= longest:
        verdict = "holds"
    seen = f"{human(measured.value, 's')}{_interval(measured, 's')}"
    reason = f"{promised}, and {seen} was measured{_more(measured, verdict)}"
    return Check(of=name, claimed=claimed, measured=measured, verdict=verdict, reason=reason)


def _interval(estimate: Estimate, unit: str) -> str:
    low, high = (
        "open" if b is None else f"{b:.3g}x" if unit == "x" else human(b, unit) for b in (estimate.low, estimate.high)
    )
    return "" if (low, high) == ("open", "open") else f" ({low} to {high})"


def _more(measured: Estimate, verdict: Verdict) -> str:
    """What would decide an open verdict."""
    if verdict != "inconclusive":
        return ""
    if measured.n < 2:
        return ": one repeat says nothing of the spread, take --repeats 3 or more"
    return ": too wide to tell, take more --repeats"
