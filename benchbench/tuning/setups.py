"""What a search is about and what becomes of each setup, as values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from benchbench.record.study import Trial
from benchbench.record.types import Failure, Outcome, Repeat, Run
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.budget import Cost
from benchbench.tuning.constraints import Limits
from benchbench.tuning.feasible import Feasible
from benchbench.tuning.legal import Legal
from benchbench.tuning.model.readings import Reading, reading_of
from benchbench.tuning.objective import FAILURE, Objective, is_miss
from benchbench.tuning.proposals import Proposal
from benchbench.tuning.space import SearchSpace

Role = Literal["baseline", "candidate", "probe", "confirmation", "explanation", "neighbour"]
AFTERWARDS: tuple[Role, ...] = ("explanation", "neighbour")  # than the confirmation
_NO_COST = Cost(wall_s=0.0)
PROBE = {"measure.procedure": "throughput", "measure.profile": False}


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is searched.

    Attributes:
        scenario: with the procedure that measures the objective.
        baseline: the scenario that a user runs today, with the same procedure.
        space: what may change.
        objective: what is minimised; of two the first, which the recommendation speaks of.
        second: the other one; None of one.
        limits: what a recommended setup must hold.
        admit: raises InputError for what cannot run here.
        legal: which setups may be proposed.
        feasible: which of them cannot fit into the memory; None where memory does not count.
        trials: how many setups to measure at most, the baseline among them; None = as the budget allows.
        real: what is really asked, where this is the question under `search.proxy`; None where it is that itself.
    """

    scenario: Scenario
    baseline: Scenario
    space: SearchSpace
    objective: Objective
    admit: Callable[[Scenario], None]
    legal: Legal
    feasible: Feasible | None = None
    trials: int | None = None
    second: Objective | None = None
    limits: Limits = field(default_factory=Limits)
    real: Question | None = None

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What is minimised, the first first."""
        return (self.objective,) if self.second is None else (self.objective, self.second)

    def values(self, repeat: Repeat) -> tuple[float, ...] | None:
        """A repeat's value of each objective; None when one of them has none."""
        found = [objective.value(repeat) for objective in self.objectives]
        known = tuple(value for value in found if value is not None)
        return known if len(known) == len(found) else None


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A setup of a search and what became of it; `run` is None when it was refused unmeasured."""

    trial: Trial
    scenario: Scenario | None = None
    run: Run | None = None
    cost: Cost = _NO_COST
    shortfall: float = FAILURE
    excesses: Mapping[str, float] = field(default_factory=dict)

    def reading(self, question: Question) -> Reading | None:
        """What it tells of the space's setups; None where nothing was measured."""
        if self.run is None or self.trial.outcome is Outcome.REFUSED:
            return None
        repeat = self.run.repeats[0]
        reading = reading_of(
            self.trial.overrides,
            repeat,
            self.cost.wall_s,
            trained=self.trial.role != "probe",
            per_second=question.objective.per_second(repeat),
            reused=self.trial.reused_from is not None,
        )
        return replace(
            reading,
            second_per_second=None if question.second is None else question.second.per_second(repeat),
            of_limits=question.limits.of_steps(repeat),
            breaks=not self.holds,
        )

    @property
    def measured(self) -> bool:
        """Whether a measurement was begun; what was refused or reused costs nothing and counts for nothing."""
        fresh = self.trial.reused_from is None
        return fresh and self.run is not None and self.trial.outcome is not Outcome.REFUSED

    @property
    def trained(self) -> bool:
        """Whether it ran to an end that can be measured again: a value, or a miss."""
        if self.run is None or self.trial.role == "probe":
            return False
        return self.trial.objective is not None or is_miss(self.run.repeats[0])

    @property
    def holds(self) -> bool:
        """Whether it breaks no constraint, as far as it was measured."""
        return not self.trial.breaches

    @property
    def counts(self) -> bool:
        """Whether it has a value and breaks no constraint: what can be recommended."""
        return self.trial.objective is not None and self.holds

    @property
    def cut_short(self) -> bool:
        """Whether it was trained to its target, and its time ended before it could tell whether it reaches it."""
        if self.run is None or self.scenario is None or self.trial.role == "probe":
            return False
        repeat = self.run.repeats[0]
        return repeat.outcome is Outcome.TIMEOUT or was_cut(repeat, self.scenario)

    @property
    def value(self) -> float:
        """The objective's value, of a setup that has one."""
        assert self.trial.objective is not None
        return self.trial.objective


def refused(proposal: Proposal, reason: str, at_s: float) -> Setup:
    """A setup that was refused before anything was run.

    Args:
        proposal: the setup.
        reason: in a sentence.
        at_s: seconds since the search began.
    """
    return Setup(
        trial=Trial(
            number=proposal.number,
            overrides=proposal.overrides,
            role="candidate",
            outcome=Outcome.REFUSED,
            failure=Failure(kind="refused", message=reason),
            started_s=at_s,
            ended_s=at_s,
        )
    )


def measured(
    question: Question, proposal: Proposal, role: Role, scenario: Scenario, run: Run, span_s: tuple[float, float]
) -> Setup:
    """A setup of which one repeat was measured.

    Args:
        question: what is searched.
        proposal: the setup.
        role: what it was measured for.
        scenario: its own.
        run: with the one repeat.
        span_s: start and end, seconds since the search began.
    """
    repeat = run.repeats[0]
    values = question.values(repeat) if role != "probe" else None
    breaches = question.limits.breaches([repeat])
    trial = Trial(
        number=proposal.number,
        overrides=proposal.overrides,
        role=role,
        outcome=repeat.outcome,
        failure=repeat.failure,
        note="; ".join(part for part in (_note(repeat, scenario, role), *breaches) if part) or None,
        run_id=run.id,
        objective=None if values is None else values[0],
        predicted=proposal.predicted,
        second_objective=None if values is None or question.second is None else values[1],
        breaches=breaches,
        reached_target=repeat.reach.reached if repeat.reach is not None else None,
        step_s=repeat.figures.step_s if repeat.figures is not None else None,
        started_s=span_s[0],
        ended_s=span_s[1],
    )
    return Setup(
        trial=trial,
        scenario=scenario,
        run=run,
        cost=Cost.of(repeat, span_s[1] - span_s[0]),
        shortfall=question.objective.shortfall(repeat, scenario),
        excesses=question.limits.excesses(repeat),
    )


def _note(repeat: Repeat, scenario: Scenario, role: Role) -> str | None:
    """That a training missed; of one that was cut short, why: then it says only that it was slower; so of a probe."""
    if repeat.facts.get("stopped_as_too_slow") and repeat.figures is not None:
        taken = repeat.figures.measured_steps + repeat.figures.warmup_steps
        return f"stopped after {taken} steps: no number of steps to the target that is likely makes up for their time"
    if repeat.outcome is not Outcome.OK or repeat.reach is None or repeat.reach.reached or repeat.figures is None:
        return None
    steps = repeat.figures.measured_steps + repeat.figures.warmup_steps
    if repeat.facts.get("stopped_by_curve"):
        return f"stopped after {steps} steps: its curve would not have reached the target in time"
    if not was_cut(repeat, scenario):
        return f"the target was not reached in {steps} steps"
    of = "" if "records" in repeat.facts else f" of {scenario.training.max_steps}"
    why = "its part of the budget had ended" if role == "baseline" else "it had become slower than the best so far"
    return f"stopped after {steps}{of} steps: {why}"


def was_cut(repeat: Repeat, scenario: Scenario) -> bool:
    """Whether a training ended before its target and before its last step, so that it tells a bound alone."""
    missed = repeat.outcome is Outcome.OK and repeat.reach is not None and not repeat.reach.reached
    return missed and not trained_through(repeat, scenario)


def trained_through(repeat: Repeat, scenario: Scenario) -> bool:
    """Whether a training that missed its target took every step that it may, and was not stopped before.

    Args:
        repeat: of a training to a target.
        scenario: its own.
    """
    stopped = repeat.facts.get("stopped_by_deadline")
    if stopped is not None:  # a table says it itself, for it has no last step
        return not stopped
    figures = repeat.figures
    return figures is not None and figures.measured_steps + figures.warmup_steps >= scenario.training.max_steps


def next_index(setups: Sequence[Setup], scenario: Scenario) -> int:
    """The index, and so the seed, of a setup's next repeat: one that none of its repeats had."""
    return 1 + max((_index(s) for s in setups if s.scenario == scenario), default=-1)


def fresh_index(setups: Sequence[Setup]) -> int:
    """An index that no repeat of any setup had."""
    return 1 + max((_index(s) for s in setups), default=-1)


def _index(setup: Setup) -> int:
    return -1 if setup.run is None else setup.run.repeats[0].index


def tells(question: Question) -> bool:
    """Whether the baseline differs from the space's own setups in the space's settings alone."""
    return vary(question.scenario, question.space.of(question.baseline)) == question.baseline


def said(trial: Trial) -> dict[str, Any]:
    """What a trial's attributes say to whoever opens Optuna's storage."""
    return {
        "role": trial.role,
        "run_id": trial.run_id,
        "outcome": trial.outcome.value,
        "reached_target": trial.reached_target,
        "failure": trial.failure.message if trial.failure is not None else None,
        "breaches": list(trial.breaches) or None,
        "reused_from": trial.reused_from,
    }
