"""From what was measured to the answer: the baseline, the recommendation, its part in the speedup, its price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchbench.record.study import Attribution, Baseline, Economics, Recommendation
from benchbench.record.summary import Summary, summarize, warnings_of
from benchbench.record.types import Outcome, Run, RunWarning
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.account import attribution, economics, run_ids
from benchbench.tuning.claimed import reach_rate, test_metrics
from benchbench.tuning.confirm import Confirmation
from benchbench.tuning.findings import Findings
from benchbench.tuning.neighbours import fragility
from benchbench.tuning.outlook import Outlook
from benchbench.tuning.setups import Setup
from benchbench.tuning.stop import Stop
from benchbench.tuning.verdict import Evidence, Judgement, Verdict, judge

_NO_TARGET = "no setup reached the target; this one came closest"


@dataclass(frozen=True, kw_only=True)
class FullAnswer:
    """The parts of a study that say what was found; `scenario` is the recommended one, as it runs."""

    scenario: Scenario
    baseline: Baseline
    recommendation: Recommendation
    attribution: tuple[Attribution, ...]
    economics: Economics
    warnings: tuple[RunWarning, ...]


def answer(findings: Findings, asked: Scenario, scenario_path: str, spent_s: float) -> FullAnswer:
    """The answer of a study.

    Args:
        findings: what was measured.
        asked: the scenario as the user wrote it, whose own way of measuring the recommended one keeps.
        scenario_path: where the recommended scenario will lie.
        spent_s: what the study took.
    """
    question, baseline = findings.question, findings.baseline
    judgement = judged(findings, asked.measure.confidence)
    setup = recommended(findings, judgement)
    today = vary(asked, dict(asked.search.baseline))
    scenario = today if setup is baseline or setup is None else vary(asked, setup.trial.overrides)
    before = _summary(findings.shown(baseline))
    after = _summary(findings.shown(setup))
    return FullAnswer(
        scenario=scenario,
        baseline=Baseline(
            overrides=dict(asked.search.baseline),
            time_to_target_s=before.time_to_target_s,
            step_s=before.step_s,
            samples_per_s=before.samples_per_s,
            reach_rate=before.reach_rate,
            breaches=findings.breaches(baseline),
            **_beside_the_time(findings, baseline),
            run_ids=_ids(findings, baseline),
        ),
        recommendation=Recommendation(
            scenario_path=scenario_path,
            overrides=question.space.of(scenario),
            time_to_target_s=after.time_to_target_s,
            step_s=after.step_s,
            samples_per_s=after.samples_per_s,
            reach_rate=after.reach_rate,
            breaches=findings.breaches(setup),
            **_beside_the_time(findings, setup),
            neighbours=findings.around.neighbours,
            predicted_time_to_target_s=None if findings.outlook is None else findings.outlook.predicted,
            run_ids=_ids(findings, setup),
            **_judged(findings, judgement, today),
        ),
        attribution=findings.explanation.parts or attribution(today, scenario, judgement.speedup),
        economics=economics(
            spent_s,
            before.time_to_target_s,
            after.time_to_target_s,
            proved=judgement.verdict == "faster",
        ),
        warnings=(
            *_of_baseline(baseline),
            *_of_outlook(findings.outlook),
            *_of_runs(findings.shown(baseline), findings.shown(setup)),
            *fragility(findings.around.neighbours, None if setup is None else time_of(findings, setup)),
        ),
    )


def judged(findings: Findings, confidence: float) -> Judgement:
    """What may be claimed of the finalists beside the baseline."""
    return judge(
        findings.evidence(findings.baseline),
        [findings.evidence(rival) for rival in findings.rivals],
        findings.question.objective.margin,
        confidence,
        findings.noise,
    )


def _of_baseline(baseline: Setup | None) -> tuple[RunWarning, ...]:
    if baseline is None or baseline.trial.outcome is not Outcome.REFUSED:
        return ()
    why = "" if baseline.trial.failure is None else f": {baseline.trial.failure.message}"
    return (RunWarning(code="baseline-refused", message=f"the baseline has no time to compare with{why}"),)


def time_of(findings: Findings, setup: Setup) -> float | None:
    """Seconds to the target of a setup, as its confirmation has it, else its training; None where it missed."""
    estimate = _summary(findings.shown(setup)).time_to_target_s
    return None if estimate is None else estimate.value


def _beside_the_time(findings: Findings, setup: Setup | None) -> dict[str, Any]:
    """What is claimed of a setup beside its time."""
    if setup is None:
        return {}
    confirmed = findings.again(setup)
    same = [s.run for s in findings.setups if s.trained and s.scenario == setup.scenario and s.run is not None]
    confidence = findings.question.scenario.measure.confidence
    rate = reach_rate(same, confirmed, findings.question.objective, confidence)
    return {"test_metrics": test_metrics(confirmed), "reach_rate_over_seeds": rate}


def _of_runs(baseline: Run | None, recommended: Run | None) -> tuple[RunWarning, ...]:
    """What each run warns of, with whose it is where they are two."""
    found = {"baseline": baseline, "recommendation": recommended if recommended is not baseline else None}
    told = {name: warnings_of(run, summarize(run)) for name, run in found.items() if run is not None}
    if len(told) < 2:
        return tuple(dict.fromkeys(warning for warnings in told.values() for warning in warnings))
    return tuple(
        warning.model_copy(update={"message": f"of the {name}: {warning.message}"})
        for name, warnings in told.items()
        for warning in dict.fromkeys(warnings)
    )


def _of_outlook(outlook: Outlook | None) -> tuple[RunWarning, ...]:
    return () if outlook is None else (RunWarning(code="does-not-fit", message=outlook.why),)


def _judged(findings: Findings, judgement: Judgement, today: Scenario) -> dict[str, Any]:
    """What a recommendation says of how sure it is."""
    return {
        "verdict": _verdict(findings, judgement),
        "speedup": judgement.speedup,
        "tied_with": tuple(_overrides(findings, today, index) for index in judgement.tied),
        "reason": _reason(findings, judgement),
    }


def recommended(findings: Findings, judgement: Judgement) -> Setup | None:
    """The setup that is recommended: the judgement's, where there is one, else the best that was measured."""
    if findings.outlook is not None and findings.outlook.chosen is not None:
        return findings.outlook.chosen
    if judgement.chosen is not None:
        return findings.finalists[judgement.chosen]
    if judgement.speedup is not None:
        return findings.baseline
    valued = [s for s in findings.setups if s.trial.objective is not None]
    holding = [s for s in valued if not findings.breaches(s)]
    if holding:
        return min(holding, key=lambda s: s.value)
    if valued:
        return min(valued, key=lambda s: (sum(e for e in s.excesses.values() if e > 0), s.value))
    return min((s for s in findings.setups if s.run is not None), key=lambda s: s.shortfall, default=findings.baseline)


def _verdict(findings: Findings, judgement: Judgement) -> Verdict:
    return "target-not-reached" if _never_reached(findings) else judgement.verdict


def _never_reached(findings: Findings) -> bool:
    """Whether a target was asked for and no repeat of any setup reached it; not so when nothing had time to try."""
    objective = findings.question.objective
    if not objective.reaches or findings.stop in (Stop.UNKNOWN, Stop.UNTOLD) or findings.outlook is not None:
        return False
    if findings.stop is Stop.INTERRUPTED and not any(s.trained for s in findings.setups):
        return False
    runs = [*(s.run for s in findings.setups), *findings.confirmation.runs.values()]
    return not any(Evidence.of(run, objective).values for run in runs)


def _reason(findings: Findings, judgement: Judgement) -> str:
    without = _without_answer(findings, judgement)
    if without is not None:
        return without
    confirmation = findings.confirmation
    short = _fewest_answered(confirmation)
    if short is not None:
        held, why = short
        did = f"{held} of {confirmation.wanted}" if held else "none"
        return f"{judgement.reason} ({did} of the repeats that confirm it could be had: {why})"
    if findings.finalists and confirmation.planned < confirmation.wanted:
        did = f"{confirmation.planned} of {confirmation.wanted}" if confirmation.planned else "none"
        if findings.stop is Stop.INTERRUPTED:
            return f"{judgement.reason} (interrupted before the repeats that confirm it)"
        return f"{judgement.reason} (the time that was left paid for {did} of the repeats that confirm it)"
    return judgement.reason


def _without_answer(findings: Findings, judgement: Judgement) -> str | None:
    """Why nothing could be recommended, where that is not the judgement's to say."""
    if findings.outlook is not None:
        return findings.outlook.reason
    if _never_reached(findings):
        return _NO_TARGET
    if findings.stop is Stop.UNKNOWN:
        return Stop.UNKNOWN.value
    if findings.stop is Stop.UNTOLD:
        return _untold(findings)
    if findings.none_holds:
        broken = findings.breaches(recommended(findings, judgement))
        return f"no setup that was measured holds the constraints; of the one that came closest, {'; '.join(broken)}"
    return None


def _untold(findings: Findings) -> str:
    baseline = findings.baseline
    keys = () if baseline is None or baseline.run is None else findings.question.limits.untold(baseline.run.repeats[0])
    return f"{Stop.UNTOLD.value}: {', '.join(keys)}; leave it out, or measure where it is told"


def _fewest_answered(confirmation: Confirmation) -> tuple[int, str] | None:
    """Of the runs of which a repeat was refused, how many repeats the shortest has, and why; None where none was."""
    refused = [run for run in confirmation.runs.values() if any(r.outcome is Outcome.REFUSED for r in run.repeats)]
    if not refused:
        return None
    run = min(refused, key=lambda run: len(run.repeats))
    last = run.repeats[-1]
    return len(run.repeats) - 1, last.failure.message if last.failure is not None else "refused"


def _ids(findings: Findings, setup: Setup | None) -> tuple[str, ...]:
    if setup is None:
        return ()
    return run_ids(setup.run, findings.confirmation.runs.get(setup.trial.number))


def _overrides(findings: Findings, today: Scenario, index: int | None) -> dict[str, bool | int | float | str | None]:
    return findings.question.space.of(today) if index is None else findings.finalists[index].trial.overrides


def _summary(run: Run | None) -> Summary:
    return Summary() if run is None else summarize(run)
