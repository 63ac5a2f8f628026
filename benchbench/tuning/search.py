"""The loop of a search: propose a setup, refuse or measure it, tell the proposer what became of it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchbench.errors import InputError
from benchbench.record.study import Overrides, Trial
from benchbench.record.types import Outcome
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.tuning import setups
from benchbench.tuning.bench import Bench
from benchbench.tuning.budget import Allowance, Pacing
from benchbench.tuning.diary import Diary, Entry
from benchbench.tuning.method import Plan
from benchbench.tuning.moments import Moment, Watch
from benchbench.tuning.proposals import Found, Proposal, Proposer
from benchbench.tuning.resuming import Earlier
from benchbench.tuning.reuse import Known, Memory, reused
from benchbench.tuning.setups import PROBE, Question, Role, Setup
from benchbench.tuning.stop import CRASHES_IN_A_ROW, FAILURES_FROM_THE_START, REFUSALS_IN_A_ROW, Stop
from benchbench.tuning.unaffordable import Instead, tells_enough, why_unaffordable
from benchbench.units import human

_LARGEST_LOG = 100.0
INSTEAD = "seconds per step and the beginnings of curves instead"


class Search:
    """One search. `setups` grows as it goes, the baseline first, and holds what was measured however it ends.

    Attributes:
        real: whether the scenario itself is measured after a search under its proxy.
    """

    real = False

    def __init__(
        self,
        question: Question,
        bench: Bench,
        proposer: Proposer,
        pacing: Pacing,
        diary: Diary,
        watch: Watch,
    ) -> None:
        self.setups: list[Setup] = []
        self._question = question
        self._bench = bench
        self._proposer = proposer
        self._budget = pacing.budget
        self._pacing = pacing
        self._diary = diary
        self._watch = watch
        self._memory = Memory(Known())
        self._refusals_in_a_row = 0
        self._instead = Instead(question, proposer.standing, pacing.budget)
        self._noticed = False

    def learn(self, known: Known) -> None:
        """Learns what earlier studies and runs measured: their baseline now, all else once the baseline is there.

        Raises:
            StoreError: the storage cannot be written.
        """
        self._memory = Memory(known)
        self._recall()

    def _recall(self) -> None:
        """Takes in what earlier studies measured and is due now; nothing is measured."""
        for kept in self._memory.due(begun=bool(self.setups)):
            tells = kept.role != "baseline" or setups.tells(self._question)
            proposal = self._proposer.again(kept.overrides, Plan(probe=kept.role == "probe"), tells=tells)
            scenario = self._scenario(kept.role, kept.overrides)
            if self._question.feasible is not None:
                self._question.feasible.saw(scenario, kept.repeat)
            at_s = self._budget.spent_s
            self._take_in(proposal, reused(self._question, proposal, kept, scenario, at_s))

    def take_up(self, earlier: Sequence[Earlier]) -> None:
        """Learns what an earlier command measured, as if it had just been; nothing is measured.

        Raises:
            StoreError: the storage cannot be written.
        """
        for one in earlier:
            entry = one.entry
            proposal = self._proposer.again(entry.overrides, entry.plan, tells=entry.tells)
            proposal = proposal._replace(predicted=entry.predicted)
            span_s = (entry.started_s, entry.ended_s or entry.started_s)
            if entry.refused is not None:
                self._take_in(proposal, setups.refused(proposal, entry.refused, entry.started_s))
            elif not one.runs:
                self._proposer.abandon(proposal, {"failure": entry.abandoned})
            else:
                scenario = self._scenario(entry.role, entry.overrides)
                made = setups.measured(self._question, proposal, entry.role, scenario, one.runs[0], span_s)
                if self._question.feasible is not None:
                    self._question.feasible.saw(scenario, one.runs[0].repeats[0])
                self._take_in(proposal, made)
            self._memory.tried(entry.overrides)
            self._recall()

    @property
    def best(self) -> Setup | None:
        """The setup with the best value so far, of those that break no constraint."""
        return min((s for s in self.setups if s.counts), key=lambda s: s.value, default=None)

    @property
    def most_times(self) -> int:
        """An index that no repeat has had."""
        return setups.fresh_index(self.setups)

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
        if not self.setups:
            overrides = self._question.space.of(baseline)
            proposal = self._proposer.baseline(overrides, tells=setups.tells(self._question))
            self._measure(proposal, baseline, self._pacing.baseline(), "baseline")
        self._recall()
        while True:
            stop = self._reason_to_stop() or self._next()
            if stop is not None:
                return stop

    def _reason_to_stop(self) -> Stop | None:
        measured = [s for s in self.setups if s.measured]
        reasons = {
            Stop.INTERRUPTED: any(s.trial.outcome is Outcome.INTERRUPTED for s in self.setups),
            Stop.TRIALS: self._question.trials is not None and len(measured) >= self._question.trials,
            Stop.UNKNOWN: any(
                s.trial.outcome is Outcome.OK and s.trial.reached_target and s.trial.objective is None
                for s in measured[:1]
            ),
            Stop.UNTOLD: any(self._untold(s) for s in measured[:1]),
            Stop.FAILING: len(measured) >= FAILURES_FROM_THE_START
            and not any(s.trained or s.trial.step_s is not None for s in measured),
            Stop.CRASHING: len(measured) >= CRASHES_IN_A_ROW
            and all(s.trial.outcome is Outcome.CRASHED for s in measured[-CRASHES_IN_A_ROW:]),
            Stop.REFUSED: self._refusals_in_a_row >= REFUSALS_IN_A_ROW,
        }
        return next((reason for reason, holds in reasons.items() if holds), None)

    def _untold(self, setup: Setup) -> bool:
        """Whether a setup ran, and did not tell what a constraint asks for."""
        return setup.run is not None and bool(self._question.limits.untold(setup.run.repeats[0]))

    def _next(self) -> Stop | None:
        """Measures or refuses the next setup, or says why there is none."""
        proposal = self._recommended() or self._proposal()
        if isinstance(proposal, Stop):
            return proposal
        try:
            scenario = vary(self._question.scenario, proposal.overrides)
            self._question.admit(scenario)
            reason = self._question.feasible.refusal(scenario) if self._question.feasible is not None else None
        except InputError as refusal:
            reason = str(refusal)
        if reason is not None:
            at_s = self._budget.spent_s
            self._write(proposal, "candidate", at_s, ended_s=at_s, refused=reason)
            self._take_in(proposal, setups.refused(proposal, reason, at_s))
            return None
        allowance = self._pacing.candidate(proposal.plan)
        if allowance is None:
            self._proposer.abandon(proposal, {"failure": "no time was left for it"})
            return Stop.BUDGET
        role: Role = "probe" if proposal.plan.probe else "candidate"
        proposal = proposal._replace(predicted=self._expected(proposal))
        self._measure(proposal, self._scenario(role, proposal.overrides), allowance, role)
        return None

    def _expected(self, proposal: Proposal) -> float | None:
        """What the method's model expects of a training's objective, before it is measured."""
        if proposal.plan.probe or not self._question.objective.reaches:
            return None
        standing = self._proposer.standing([proposal.overrides])
        return None if standing is None or not standing.logs[0] < _LARGEST_LOG else math.exp(standing.logs[0])

    def _recommended(self) -> Proposal | None:
        """What an earlier study of a similar scenario recommends; None where there is nothing more to try."""
        start = self._memory.start()
        if start is None:
            return None
        why = f"{start.study} recommends it for a similar scenario"
        return self._proposer.again(start.overrides, Plan(why=why), tells=True)

    def _proposal(self) -> Proposal | Stop:
        """What the method proposes; where no training fits, what tells the most without one."""
        why = why_unaffordable(self.setups, self._question)
        if why is None or not tells_enough(self.setups):
            return self._proposer.ask(self._pacing.means())
        if not self._noticed:
            self._noticed = True
            self._tell(event="notice", message=f"{why}; measuring {INSTEAD}")
        asked = self._instead.next(self.setups)
        return Stop.DOES_NOT_FIT if asked is None else self._proposer.again(*asked, tells=True)

    def _scenario(self, role: Role, overrides: Overrides) -> Scenario:
        """What is measured for a setup."""
        if role == "baseline":
            return self._question.baseline
        scenario = vary(self._question.scenario, overrides)
        return vary(scenario, PROBE) if role == "probe" else scenario

    def _measure(self, proposal: Proposal, scenario: Scenario, allowance: Allowance, role: Role) -> None:
        about: dict[str, Any] = {"role": role, "number": proposal.number, "overrides": proposal.overrides}
        started_s = self._budget.spent_s
        self._tell(event="start", **about)

        def watch(_scenario: Scenario, _index: int, what: Mapping[str, Any]) -> None:
            self._tell(event="progress", what=what, **about)

        index = setups.next_index(self.setups, scenario)
        opened_at = time.time() if self._bench.kept else None
        self._write(proposal, role, started_s, index=index, opened_at=opened_at)
        try:
            runs = self._bench.measure([scenario], allowance, watch, repeats=1, first_index=index)
        except BaseException:
            self._proposer.abandon(proposal, {"outcome": Outcome.INTERRUPTED.value})
            raise
        ended_s = self._budget.spent_s
        if not runs:
            reason = "no time was left to start it"
            self._write(proposal, role, started_s, ended_s=ended_s, abandoned=reason)
            self._proposer.abandon(proposal, {"failure": reason})
            return
        run = runs[0]
        kept = {"run_ids": (run.id,)} if self._bench.kept else {"runs": (run,)}
        if run.outcome is not Outcome.INTERRUPTED:
            self._write(proposal, role, started_s, ended_s=ended_s, index=index, **kept)
        if self._question.feasible is not None:
            self._question.feasible.saw(scenario, run.repeats[0])
        span_s = (started_s, ended_s)
        self._take_in(proposal, setups.measured(self._question, proposal, role, scenario, run, span_s))

    def _write(self, proposal: Proposal, role: Role, started_s: float, **what: Any) -> None:
        """Writes a line of the diary."""
        entry = Entry(
            number=proposal.number,
            overrides=proposal.overrides,
            role=role,
            probe=proposal.plan.probe,
            deadline_s=proposal.plan.deadline_s,
            too_slow_s=proposal.plan.too_slow_s,
            why=proposal.plan.why,
            tells=proposal.tells,
            predicted=proposal.predicted,
            started_s=started_s,
            real=self.real,
            **what,
        )
        self._diary.add(entry)

    def _take_in(self, proposal: Proposal, setup: Setup) -> None:
        trial = setup.trial
        self.setups.append(setup)
        if setup.trained or (setup.cut_short and setup.cost.training_s > 0):
            value = trial.objective if setup.holds else None
            self._pacing.saw(setup.cost, value, baseline=trial.role == "baseline")
        elif trial.role == "probe":
            self._pacing.saw_probe(setup.cost)
        if trial.outcome is Outcome.INTERRUPTED:
            self._proposer.abandon(proposal, setups.said(trial))
        else:
            said = {**setups.said(trial), "why": proposal.plan.why or None}
            found = Found(values=_values(trial), shortfall=setup.shortfall, excesses=setup.excesses)
            self._proposer.tell(proposal, found, said, setup.reading(self._question))
        refused = trial.outcome is Outcome.REFUSED
        self._refusals_in_a_row = self._refusals_in_a_row + 1 if refused else 0
        self._tell(
            event="refused" if refused else "end" if trial.reused_from is None else "reused",
            role=trial.role,
            number=trial.number,
            overrides=trial.overrides,
            value=trial.objective,
            message=_message(trial),
        )

    def _tell(self, **what: Any) -> None:
        best = self.best
        self._watch(Moment(left_s=max(0.0, self._budget.left_s), best=best.value if best else None, **what))


def _values(trial: Trial) -> tuple[float, ...] | None:
    """A trial's value of each objective; None where it has none."""
    if trial.objective is None:
        return None
    return (trial.objective,) if trial.second_objective is None else (trial.objective, trial.second_objective)


def _message(trial: Trial) -> str:
    """What a person must know of how a trial ended, beside its value."""
    if trial.failure is not None:
        return trial.failure.message
    if trial.role == "probe" and trial.step_s is not None:
        told = f"a step takes {human(trial.step_s, 's')}"
        return f"{trial.note}: {told}" if trial.note else told
    return trial.note or ""
