"""What a study, or a scenario alone, claims, and what must be measured to look whether it holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field

from benchbench.errors import InputError
from benchbench.record.machine import Machine
from benchbench.record.study import TEST_METRICS, Neighbour, Study
from benchbench.record.study import Objective as ObjectiveName
from benchbench.record.types import Run
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.stats.estimate import Estimate
from benchbench.tuning import objective as objectives
from benchbench.tuning.budget import confirmation_repeats
from benchbench.tuning.constraints import Limits, limits_of
from benchbench.tuning.objective import Objective
from benchbench.tuning.recommended import baseline_of, is_baseline, recommended_of
from benchbench.tuning.space import identity
from benchbench.values import Observed

_SPEEDUPS = ("faster", "tie")


class Claim(Observed):
    """What is claimed of a setup; what is None is not claimed."""

    verdict: Literal["faster", "tie", "insufficient-evidence"] | None = Field(None, description="the study's")
    objective: ObjectiveName
    speedup: Estimate | None = Field(None, description="over the baseline, where the study has proved one, or a tie")
    reaches_target: bool = False
    reach_rate: float | None = None
    time_to_target_s: Estimate | None = None
    step_s: Estimate | None = None
    test_metrics: dict[str, Estimate] = Field({}, description=TEST_METRICS)
    neighbours: tuple[Neighbour, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """A claim, and how to look whether it holds.

    Attributes:
        claim: what is claimed.
        objective: what the claim's speed-up is of.
        recommended: the setup of which it is claimed, as it is to be measured.
        baseline: what its speed-up is over; None where it claims none.
        study: the study's name; None for a scenario alone.
        machine: the one that the claim was measured on.
        runs: the recommended setup's of that study, those that are still there.
        first_index: of the repeats, so that no seed is one of the study's.
        limits: of `search.constraints`, which the setup held; none where it did not.
    """

    claim: Claim
    objective: Objective
    recommended: Scenario
    baseline: Scenario | None = None
    study: str | None = None
    machine: Machine | None = None
    runs: tuple[Run, ...] = ()
    first_index: int = 0
    limits: Limits = field(default_factory=Limits)

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """What is measured, the baseline first."""
        return (self.recommended,) if self.baseline is None else (self.baseline, self.recommended)


def of_study(study: Study, baseline_runs: Sequence[Run], runs: Sequence[Run], repeats: int | None) -> Case:
    """The claim of a study.

    Args:
        study: the study.
        baseline_runs: the baseline's, those that are still there.
        runs: the recommended setup's.
        repeats: how often each setup is to be measured; None = as the scenario says, three times or more.

    Raises:
        InputError: it claims nothing that could be verified.
    """
    advice = study.recommendation
    if advice.verdict == "target-not-reached":
        raise InputError(
            f"{study.study} found no setup that reaches the target, so there is no claim to verify; "
            "benchbench run measures the one that came closest"
        )
    if advice.time_to_target_s is None and advice.step_s is None:
        raise InputError(f"{study.study} measured nothing of what it recommends, so there is no claim to verify")
    objective = objectives.choose(study.objective, study.scenario)
    proved = advice.verdict in _SPEEDUPS and advice.speedup is not None and not is_baseline(study)
    return Case(
        claim=Claim(
            verdict=advice.verdict,
            objective=study.objective,
            speedup=advice.speedup if proved else None,
            reaches_target=objective.reaches and advice.time_to_target_s is not None,
            reach_rate=advice.reach_rate,
            time_to_target_s=advice.time_to_target_s,
            step_s=advice.step_s,
            test_metrics=advice.test_metrics,
            neighbours=advice.neighbours,
        ),
        objective=objective,
        recommended=_prepared(recommended_of(study), objective, repeats),
        baseline=_prepared(baseline_of(study), objective, repeats) if proved else None,
        study=study.study,
        machine=study.machine,
        runs=tuple(runs),
        first_index=1 + max(_last_index(study.scenario, [*baseline_runs, *runs]), _most_repeats(study)),
        limits=Limits() if advice.breaches else limits_of(study.scenario, trains=objective.reaches),
    )


def of_scenario(scenario: Scenario, repeats: int | None) -> Case:
    """The claim of a scenario that no study stands beside: that it reaches its target and holds its constraints.

    Raises:
        InputError: it has none, or a constraint that cannot be measured so.
    """
    if scenario.target is None:
        raise InputError(
            "a scenario without a target, and no study beside it, claims nothing to verify; benchbench run measures it",
            key="target",
        )
    objective = objectives.choose("time", scenario)
    return Case(
        claim=Claim(objective="time", reaches_target=True),
        objective=objective,
        recommended=_prepared(scenario, objective, repeats),
        limits=limits_of(scenario, trains=True),
    )


def _prepared(scenario: Scenario, objective: Objective, repeats: int | None) -> Scenario:
    return vary(objective.prepare(scenario), {"measure.repeats": repeats or confirmation_repeats(scenario)})


def _last_index(scenario: Scenario, runs: Sequence[Run]) -> int:
    """The highest index of a repeat of a study; where its runs are gone, that of the longest confirmation."""
    seen = [repeat.index for run in runs for repeat in run.repeats]
    return max(seen, default=confirmation_repeats(scenario))


def _most_repeats(study: Study) -> int:
    """As often as any setup can have been measured: in the search, and then to confirm it."""
    searched = Counter(identity(t.overrides) for t in study.trials if t.role in ("baseline", "candidate", "probe"))
    advice = study.recommendation
    confirmed = [e.n for e in (advice.time_to_target_s, advice.step_s) if e is not None]
    return max(searched.values(), default=0) + max([*confirmed, confirmation_repeats(study.scenario)])
