"""What a search is about and what becomes of each setup, as values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from benchbench.record.study import Trial
from benchbench.record.types import Failure, Outcome, Repeat, Run
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.budget import Cost
from benchbench.tuning.feasible import Feasible
from benchbench.tuning.legal import Legal
from benchbench.tuning.model.readings import Reading, reading_of
from benchbench.tuning.objective import FAILURE, Objective, is_miss
from benchbench.tuning.proposals import Proposal
from benchbench.tuning.space import SearchSpace

Role = Literal["baseline", "candidate", "probe", "confirmation", "explanation"]
_NO_COST = Cost(wall_s=0.0)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is searched.

    Attributes:
        scenario: with the procedure that measures the objective.
        baseline: the scenario that a user runs today, with the same procedure.
        space: what may change.
        objective: what is minimised.
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
    real: Question | None = None


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A setup of a search and what became of it; `run` is None when it was refused unmeasured."""

    trial: Trial
    scenario: Scenario | None = None
    run: Run | None = None
    cost: Cost = _NO_COST
    shortfall: float = FAILURE

    def reading(self, objective: Objective) -> Reading | None:
        """What it tells of the space's setups; None where nothing was measured."""
        if self.run is None or self.trial.outcome is Outcome.REFUSED:
            return None
        repeat = self.run.repeats[0]
        return reading_of(
            self.trial.overrides,
            repeat,
            self.cost.wall_s,
            trained=self.trial.role != "probe",
            per_second=objective.per_second(repeat),
        )

    @property
    def measured(self) -> bool:
        """Whether a measurement was begun; a refusal costs nothing and counts for nothing."""
        return self.run is not None and self.trial.outcome is not Outcome.REFUSED

    @property
    def trained(self) -> bool:
        """Whether it ran to an end that can be measured again: a value, or a miss."""
        if self.run is None or self.trial.role == "probe":
            return False
        return self.trial.objective is not None or is_miss(self.run.repeats[0])

    @property
    def cut_short(self) -> bool:
        """Whether it was trained to its target, and its time ended before it could tell whether it reaches it."""
        if self.run is None or self.scenario is None or self.trial.role == "probe":
            return False
        repeat = self.run.repeats[0]
        if repeat.outcome is Outcome.TIMEOUT:
            return True
        missed = repeat.outcome is Outcome.OK and repeat.reach is not None and not repeat.reach.reached
        return missed and not trained_through(repeat, self.scenario)

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
    objective: Objective, proposal: Proposal, role: Role, scenario: Scenario, run: Run, span_s: tuple[float, float]
) -> Setup:
    """A setup of which one repeat was measured.

    Args:
        objective: what is minimised.
        proposal: the setup.
        role: what it was measured for.
        scenario: its own.
        run: with the one repeat.
        span_s: start and end, seconds since the search began.
    """
    repeat = run.repeats[0]
    trial = Trial(
        number=proposal.number,
        overrides=proposal.overrides,
        role=role,
        outcome=repeat.outcome,
        failure=repeat.failure,
        note=_note(repeat, scenario, role),
        run_id=run.id,
        objective=objective.value(repeat) if role != "probe" else None,
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
        shortfall=objective.shortfall(repeat, scenario),
    )


def _note(repeat: Repeat, scenario: Scenario, role: Role) -> str | None:
    """That a training was cut short: then a target that it did not reach says only that it was slower."""
    if repeat.outcome is not Outcome.OK or repeat.reach is None or repeat.reach.reached or repeat.figures is None:
        return None
    steps = repeat.figures.measured_steps + repeat.figures.warmup_steps
    if repeat.facts.get("stopped_by_curve"):
        return f"stopped after {steps} steps: its curve would not have reached the target in time"
    if trained_through(repeat, scenario):
        return f"the target was not reached in {steps} steps"
    of = "" if "records" in repeat.facts else f" of {scenario.training.max_steps}"
    why = "its part of the budget had ended" if role == "baseline" else "it had become slower than the best so far"
    return f"stopped after {steps}{of} steps: {why}"


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
    }
