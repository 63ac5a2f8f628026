"""The course of a study with `search.proxy`: compare under it, then measure what it found in the scenario itself.

Half of the budget goes to the search under the proxy. The rest trains the baseline and the best setup as the scenario
has them, under equal deadlines. Where both reach, they are confirmed and judged as in any study; where the time is too
short, their curves and step times are what is predicted from. What is left probes further setups, for the rank
agreement between the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from benchbench.record.study import Overrides
from benchbench.record.types import Outcome
from benchbench.tuning.bench import Bench
from benchbench.tuning.budget import Allowance, Budget, Pacing
from benchbench.tuning.confirm import finalists
from benchbench.tuning.course import Beginning, Course, Stage, check_something
from benchbench.tuning.diary import Diary
from benchbench.tuning.findings import Findings
from benchbench.tuning.method import Plan
from benchbench.tuning.moments import Watch
from benchbench.tuning.outlook import outlook_of
from benchbench.tuning.rank_agreement import UnderProxy, agreement
from benchbench.tuning.search import INSTEAD, Search
from benchbench.tuning.setups import Question, Role
from benchbench.tuning.space import identity
from benchbench.tuning.stop import Stop
from benchbench.tuning.unaffordable import why_unaffordable

_SHARE = 0.5  # of the budget, for the search under the proxy
_DEADLINE_SHARE = 0.15  # of the budget, for each training of the scenario itself
_LEAST_STARTUP_S = 60.0
_MOST_PROBES = 3
_WHY = "found under the proxy, measured in the scenario itself"


class RealSearch(Search):
    """Measures given setups, and no others, in the scenario itself."""

    real = True
    wanted: tuple[Overrides, ...] = ()

    def _loop(self) -> Stop:
        deadline_s = _DEADLINE_SHARE * self._budget.total_s
        for index in range(len(self.setups), len(self.wanted)):
            allowance = self._allowance(deadline_s)
            if allowance is None:
                return Stop.BUDGET
            self._one(
                "candidate" if index else "baseline",
                self.wanted[index],
                Plan(deadline_s=deadline_s, why=_WHY),
                allowance,
            )
            if len(self.setups) <= index:
                return Stop.BUDGET
            if self.setups[-1].trial.outcome is Outcome.INTERRUPTED:
                return Stop.INTERRUPTED
            why = why_unaffordable(self.setups, self._question)
            if why is not None and not index:
                self._tell(event="notice", message=f"{why}; measuring {INSTEAD}")
        return Stop.COMPARED

    def probe(self, others: Iterator[Overrides]) -> None:
        """Times the steps of some more setups, as long as the budget pays for it.

        Args:
            others: to choose from, the first ones first.
        """
        known = {identity(s.trial.overrides) for s in self.setups}
        count = sum(s.trial.role == "probe" for s in self.setups)
        for overrides in (o for o in others if identity(o) not in known):
            allowance = self._pacing.candidate(Plan(probe=True))
            if count >= _MOST_PROBES or allowance is None or self.setups[-1].trial.outcome is not Outcome.OK:
                return
            self._one("probe", overrides, Plan(probe=True, why=_WHY), allowance)
            count += 1

    def _one(self, role: Role, overrides: Overrides, plan: Plan, allowance: Allowance) -> None:
        proposal = self._proposer.again(overrides, plan, tells=False)
        self._measure(proposal, self._scenario(role, overrides), allowance, role)

    def _allowance(self, deadline_s: float) -> Allowance | None:
        """The same for each, where there is still time for it."""
        left_s = self._budget.left_s
        if left_s <= deadline_s:
            return None
        return Allowance(
            end_by=self._budget.clock() + min(left_s, 2 * deadline_s + _LEAST_STARTUP_S), deadline_s=deadline_s
        )


class ProxiedCourse(Course):
    """One study under a proxy on its way."""

    def __init__(
        self, question: Question, bench: Bench, beginning: Beginning, budget: Budget, diary: Diary, watch: Watch
    ) -> None:
        """Makes ready (see `Course`); `question.real` is what is really asked."""
        assert question.real is not None
        compared = Budget(_SHARE * budget.total_s, budget.clock, budget.spent_s)
        super().__init__(question, bench, beginning, compared, diary, watch)
        pacing = Pacing(budget, trains=question.real.objective.reaches, repeats=self._pacing.repeats)
        self._real_question = question.real
        self._real = RealSearch(question.real, bench, self._proposer, pacing, diary, watch)
        self._stage = Stage(question.real, self._real, pacing)
        if self._left is not None:
            self._real.take_up([one for one in self._left.earlier if one.entry.real])

    def run(self) -> Findings:
        """Searches under the proxy, then measures in the scenario itself, confirms and explains.

        Raises:
            InputError: nothing could be measured in the time.
            StoreError: a result could not be stored.
        """
        stop = self._search.run()
        check_something(self._search.setups, self._pacing.budget, stop)
        if stop is not Stop.INTERRUPTED:
            space = self._real_question.space
            self._real.wanted = (space.of(self._real_question.baseline), *self._best()[:1])
            stop = self._real.run()
        findings = self._finished(self._stage, stop)
        if findings.stop is not Stop.INTERRUPTED:
            try:
                self._real.probe(iter(self._best()))
            except KeyboardInterrupt:
                findings = replace(findings, stop=Stop.INTERRUPTED)
        overrides = dict(self._question.scenario.search.proxy)
        found = UnderProxy(
            setups=tuple(self._search.setups), answer=agreement(overrides, self._search.setups, self._real.setups)
        )
        outlook = outlook_of(self._real.setups, self._real_question, self._proposer.standing)
        return replace(findings, setups=tuple(self._real.setups), outlook=outlook, proxy=found)

    def _best(self) -> list[Overrides]:
        """The setups other than the baseline, the best under the proxy first."""
        setups = self._search.setups
        best = [s.trial.overrides for s in finalists(setups, self._proposer, len(setups))] if setups else []
        outlook = outlook_of(setups, self._question, self._proposer.standing)
        if outlook is not None and outlook.chosen is not None and outlook.chosen.trial.role != "baseline":
            best.append(outlook.chosen.trial.overrides)
        others = [s.trial.overrides for s in setups[1:] if s.trial.step_s is not None]
        every = {identity(overrides): overrides for overrides in (*best, *others)}
        every.pop(identity(setups[0].trial.overrides) if setups else "", None)
        return list(every.values())
