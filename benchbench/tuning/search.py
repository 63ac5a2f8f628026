"""The loop of a search: propose a setup, refuse or measure it, tell the proposer what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from benchbench.errors import InputError
from benchbench.record.study import Overrides, Trial
from benchbench.record.types import Failure, Outcome, Run
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.bench import Bench
from benchbench.tuning.budget import Allowance, Budget, Cost, Pacing
from benchbench.tuning.moments import Moment, Watch
from benchbench.tuning.objective import FAILURE, Objective, is_miss
from benchbench.tuning.proposals import Proposal, Proposer
from benchbench.tuning.space import SearchSpace

_REFUSALS_IN_A_ROW = 500
_FAILURES_FROM_THE_START = 10


class Stop(StrEnum):
    """Why a search ended."""

    BUDGET = "the budget is spent"
    EXHAUSTED = "every setup of the space was measured"
    TRIALS = "as many setups were measured as --trials allows"
    REFUSED = f"the last {_REFUSALS_IN_A_ROW} proposals were all refused"
    FAILING = f"the first {_FAILURES_FROM_THE_START} setups all failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is searched.

    Attributes:
        scenario: with the procedure that measures the objective.
        baseline: the scenario that a user runs today, with the same procedure.
        space: what may change.
        objective: what is minimised.
        admit: raises InputError for what cannot run here.
        trials: how many setups to measure at most, the baseline among them; None = as the budget allows.
    """

    scenario: Scenario
    baseline: Scenario
    space: SearchSpace
    objective: Objective
    admit: Callable[[Scenario], None]
    trials: int | None = None


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A setup of a search and what became of it; `run` is None when it was refused unmeasured."""

    trial: Trial
    scenario: Scenario | None = None
    run: Run | None = None
    cost: Cost = Cost(wall_s=0.0)
    shortfall: float = FAILURE

    @property
    def trained(self) -> bool:
        """Whether it ran to an end that can be measured again: a value, or a miss."""
        return self.run is not None and (self.trial.objective is not None or is_miss(self.run.repeats[0]))


class Search:
    """One search. `setups` grows as it goes, the baseline first, and holds what was measured however it ends."""

    def __init__(
        self, question: Question, bench: Bench, proposer: Proposer, budget: Budget, pacing: Pacing, watch: Watch
    ) -> None:
        self.setups: list[Setup] = []
        self._question = question
        self._bench = bench
        self._proposer = proposer
        self._budget = budget
        self._pacing = pacing
        self._watch = watch
        self._refusals_in_a_row = 0

    @property
    def best(self) -> Setup | None:
        """The setup with the best value so far."""
        reached = [s for s in self.setups if s.trial.objective is not None]
        return min(reached, key=_value, default=None)

    @property
    def measured(self) -> list[Setup]:
        """All but those that were refused unmeasured."""
        return [s for s in self.setups if s.run is not None]

    def run(self) -> Stop:
        """Searches until there is a reason to stop. An interruption is one; whatever was measured by then stays.

        Raises:
            StoreError: a result could not be stored.
        """
        try:
            stop = self._loop()
        except KeyboardInterrupt:
            stop = Stop.INTERRUPTED
        self._tell(event="stop", message=stop.value)
        return stop

    def _loop(self) -> Stop:
        self._measure_baseline()
        while True:
            allowance = self._pacing.candidate()
            stop = self._reason_to_stop(allowance)
            if stop is not None:
                return stop
            assert allowance is not None
            self._next(allowance)

    def _reason_to_stop(self, allowance: Allowance | None) -> Stop | None:
        measured = self.measured
        hopeless = len(measured) >= _FAILURES_FROM_THE_START and not any(s.trained for s in measured)
        reasons = {
            Stop.INTERRUPTED: any(s.trial.outcome is Outcome.INTERRUPTED for s in self.setups),
            Stop.TRIALS: self._question.trials is not None and len(measured) >= self._question.trials,
            Stop.EXHAUSTED: self._proposer.exhausted,
            Stop.BUDGET: allowance is None,
            Stop.FAILING: hopeless,
            Stop.REFUSED: self._refusals_in_a_row >= _REFUSALS_IN_A_ROW,
        }
        return next((reason for reason, holds in reasons.items() if holds), None)

    def _measure_baseline(self) -> None:
        question = self._question
        overrides = question.space.of(question.baseline)
        proposal = self._proposer.baseline(overrides, is_candidate=_is_candidate(question, overrides))
        self._measure(proposal, question.baseline, self._pacing.baseline(), "baseline")

    def _next(self, allowance: Allowance) -> None:
        proposal = self._proposer.ask()
        try:
            scenario = vary(self._question.scenario, proposal.overrides)
            self._question.admit(scenario)
        except InputError as refusal:
            self._refuse(proposal, str(refusal))
            return
        self._refusals_in_a_row = 0
        self._measure(proposal, scenario, allowance, "candidate")

    def _refuse(self, proposal: Proposal, reason: str) -> None:
        self._refusals_in_a_row += 1
        at_s = self._budget.spent_s
        trial = Trial(
            number=proposal.number,
            overrides=proposal.overrides,
            role="candidate",
            outcome=Outcome.REFUSED,
            failure=Failure(kind="refused", message=reason),
            started_s=at_s,
            ended_s=at_s,
        )
        self.setups.append(Setup(trial=trial))
        self._proposer.tell(proposal, None, FAILURE, _said(trial))
        self._tell(event="refused", number=trial.number, overrides=trial.overrides, message=reason)

    def _measure(
        self, proposal: Proposal, scenario: Scenario, allowance: Allowance, role: Literal["baseline", "candidate"]
    ) -> None:
        about: dict[str, Any] = {"role": role, "number": proposal.number, "overrides": proposal.overrides}
        started_s = self._budget.spent_s
        self._tell(event="start", **about)

        def watch(_scenario: Scenario, _index: int, what: Mapping[str, Any]) -> None:
            self._tell(event="progress", what=what, **about)

        setup = None
        try:
            runs = self._bench.measure([scenario], allowance, watch, repeats=1, first_index=0)
            setup = self._setup(proposal, role, scenario, runs[0] if runs else None, started_s)
        finally:
            if setup is None or setup.trial.outcome is Outcome.INTERRUPTED:
                self._proposer.abandon(proposal.number, _said(setup.trial) if setup else {"outcome": "interrupted"})
        self.setups.append(setup)
        self._learn(proposal, setup)
        failure = setup.trial.failure
        self._tell(event="end", value=setup.trial.objective, message=failure.message if failure else "", **about)

    def _setup(
        self,
        proposal: Proposal,
        role: Literal["baseline", "candidate"],
        scenario: Scenario,
        run: Run | None,
        started_s: float,
    ) -> Setup:
        ended_s = self._budget.spent_s
        repeat = run.repeats[0] if run is not None else None
        trial = Trial(
            number=proposal.number,
            overrides=proposal.overrides,
            role=role,
            outcome=repeat.outcome if repeat is not None else Outcome.TIMEOUT,
            failure=repeat.failure if repeat is not None else Failure(kind="timeout", message="no time was left to start it"),
            run_id=run.id if run is not None else None,
            objective=self._question.objective.value(repeat) if repeat is not None else None,
            reached_target=repeat.reach.reached if repeat is not None and repeat.reach is not None else None,
            started_s=started_s,
            ended_s=ended_s,
        )
        if repeat is None:
            return Setup(trial=trial, scenario=scenario)
        cost = Cost.of(repeat, ended_s - started_s)
        shortfall = self._question.objective.shortfall(repeat, scenario)
        return Setup(trial=trial, scenario=scenario, run=run, cost=cost, shortfall=shortfall)

    def _learn(self, proposal: Proposal, setup: Setup) -> None:
        if setup.trained:
            self._pacing.saw(setup.cost, setup.trial.objective, baseline=setup.trial.role == "baseline")
        if setup.trial.outcome is not Outcome.INTERRUPTED:
            self._proposer.tell(proposal, setup.trial.objective, setup.shortfall, _said(setup.trial))

    def _tell(self, **what: Any) -> None:  # noqa: ANN401 - the fields of a Moment
        best = self.best
        value = best.trial.objective if best is not None else None
        self._watch(Moment(left_s=max(0.0, self._budget.left_s), best=value, **what))


def _value(setup: Setup) -> float:
    assert setup.trial.objective is not None
    return setup.trial.objective


def _is_candidate(question: Question, overrides: Overrides) -> bool:
    """Whether the baseline is one of the space's own setups."""
    if not all(question.space.holds(key, value) for key, value in overrides.items()):
        return False
    return vary(question.scenario, overrides) == question.baseline


def _said(trial: Trial) -> dict[str, Any]:
    """What a trial's attributes say to whoever opens Optuna's storage."""
    failure = trial.failure
    return {
        "role": trial.role,
        "run_id": trial.run_id,
        "outcome": trial.outcome.value,
        "reached_target": trial.reached_target,
        "failure": failure.message if failure is not None else None,
    }
