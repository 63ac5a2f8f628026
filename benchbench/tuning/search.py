"""The loop of a search: propose a setup, refuse or measure it, tell the proposer what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchbench.errors import InputError
from benchbench.record.types import Outcome
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.tuning import setups
from benchbench.tuning.bench import Bench
from benchbench.tuning.budget import Allowance, Budget, Pacing
from benchbench.tuning.moments import Moment, Watch
from benchbench.tuning.proposals import Proposal, Proposer
from benchbench.tuning.setups import (
    CRASHES_IN_A_ROW,
    FAILURES_FROM_THE_START,
    REFUSALS_IN_A_ROW,
    Question,
    Role,
    Setup,
    Stop,
)


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
        return min(reached, key=lambda s: s.value, default=None)

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
        baseline = self._question.baseline
        overrides = self._question.space.of(baseline)
        proposal = self._proposer.baseline(overrides, is_candidate=setups.is_candidate(self._question))
        self._measure(proposal, baseline, self._pacing.baseline(), "baseline")
        while True:
            allowance = self._pacing.candidate()
            stop = self._reason_to_stop(allowance)
            if stop is not None:
                return stop
            assert allowance is not None
            self._next(allowance)

    def _reason_to_stop(self, allowance: Allowance | None) -> Stop | None:
        measured = [s for s in self.setups if s.measured]
        reasons = {
            Stop.INTERRUPTED: any(s.trial.outcome is Outcome.INTERRUPTED for s in self.setups),
            Stop.TRIALS: self._question.trials is not None and len(measured) >= self._question.trials,
            Stop.EXHAUSTED: self._proposer.exhausted,
            Stop.BUDGET: allowance is None,
            Stop.FAILING: len(measured) >= FAILURES_FROM_THE_START and not any(s.trained for s in measured),
            Stop.CRASHING: len(measured) >= CRASHES_IN_A_ROW
            and all(s.trial.outcome is Outcome.CRASHED for s in measured[-CRASHES_IN_A_ROW:]),
            Stop.REFUSED: self._refusals_in_a_row >= REFUSALS_IN_A_ROW,
        }
        return next((reason for reason, holds in reasons.items() if holds), None)

    def _next(self, allowance: Allowance) -> None:
        proposal = self._proposer.ask()
        try:
            scenario = vary(self._question.scenario, proposal.overrides)
            self._question.admit(scenario)
            reason = self._question.feasible.refusal(scenario) if self._question.feasible is not None else None
        except InputError as refusal:
            reason = str(refusal)
        if reason is not None:
            self._learn(proposal, setups.refused(proposal, reason, self._budget.spent_s))
            return
        self._measure(proposal, scenario, allowance, "candidate")

    def _measure(self, proposal: Proposal, scenario: Scenario, allowance: Allowance, role: Role) -> None:
        about: dict[str, Any] = {"role": role, "number": proposal.number, "overrides": proposal.overrides}
        started_s = self._budget.spent_s
        self._tell(event="start", **about)

        def watch(_scenario: Scenario, _index: int, what: Mapping[str, Any]) -> None:
            self._tell(event="progress", what=what, **about)

        try:
            runs = self._bench.measure([scenario], allowance, watch, repeats=1, first_index=0)
        except BaseException:
            self._proposer.abandon(proposal, {"outcome": Outcome.INTERRUPTED.value})
            raise
        if not runs:
            self._proposer.abandon(proposal, {"failure": "no time was left to start it"})
            return
        if self._question.feasible is not None:
            self._question.feasible.saw(scenario, runs[0].repeats[0])
        span_s = (started_s, self._budget.spent_s)
        self._learn(proposal, setups.measured(self._question.objective, proposal, role, scenario, runs[0], span_s))

    def _learn(self, proposal: Proposal, setup: Setup) -> None:
        trial = setup.trial
        self.setups.append(setup)
        if setup.trained:
            self._pacing.saw(setup.cost, trial.objective, baseline=trial.role == "baseline")
        if trial.outcome is Outcome.INTERRUPTED:
            self._proposer.abandon(proposal, setups.said(trial))
        else:
            self._proposer.tell(proposal, trial.objective, setup.shortfall, setups.said(trial))
        refused = trial.outcome is Outcome.REFUSED
        self._refusals_in_a_row = self._refusals_in_a_row + 1 if refused else 0
        self._tell(
            event="refused" if refused else "end",
            role=trial.role,
            number=trial.number,
            overrides=trial.overrides,
            value=trial.objective,
            message=trial.failure.message if trial.failure is not None else trial.note or "",
        )

    def _tell(self, **what: Any) -> None:
        best = self.best
        self._watch(Moment(left_s=max(0.0, self._budget.left_s), best=best.value if best else None, **what))
