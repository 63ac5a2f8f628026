"""What is measured once a claim is confirmed: each written into the diary, so that no command measures it twice."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from benchbench.record.study import Overrides, Trial
from benchbench.record.types import Outcome, Run
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.bench import Bench
from benchbench.tuning.budget import Allowance, Pacing
from benchbench.tuning.diary import Diary, Entry
from benchbench.tuning.method import Plan
from benchbench.tuning.proposals import Proposal
from benchbench.tuning.resuming import Earlier
from benchbench.tuning.setups import Question, measured


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A setup to measure once.

    Attributes:
        role: what for.
        number: of the trial that it is about.
        overrides: the setup.
        scenario: as it is measured.
        plan: a probe, or a training and its deadline.
        index: of the repeat.
    """

    role: Literal["explanation", "neighbour"]
    number: int
    overrides: Overrides
    scenario: Scenario
    plan: Plan
    index: int = 0


@dataclass(frozen=True, kw_only=True)
class Afterwards:
    """Measures what explains a claim.

    Attributes:
        question: what was searched.
        bench: how to measure.
        pacing: what is left of the budget.
        diary: the study's.
        earlier: what an earlier command measured of it.
    """

    question: Question
    bench: Bench
    pacing: Pacing
    diary: Diary
    earlier: Sequence[Earlier] = ()

    def known(self, wanted: Wanted) -> tuple[Run, Trial] | None:
        """What an earlier command measured; None where it did not."""
        for one in self.earlier:
            same = one.entry.role == wanted.role and any(run.scenario == wanted.scenario for run in one.runs)
            if same and one.runs:
                span_s = (one.entry.started_s, one.entry.ended_s or one.entry.started_s)
                return one.runs[0], self._trial(wanted, one.runs[0], span_s)
        return None

    def measure(self, wanted: Wanted, allowance: Allowance) -> tuple[Run, Trial] | None:
        """A fresh measurement; None where no time was left for it.

        Raises:
            StoreError: it could not be stored.
            KeyboardInterrupt: the user asked to stop.
        """
        started_s = self.pacing.budget.spent_s
        self._write(wanted, started_s, opened_at=time.time() if self.bench.kept else None)
        runs = self.bench.measure([wanted.scenario], allowance, lambda *_: None, repeats=1, first_index=wanted.index)
        ended_s = self.pacing.budget.spent_s
        if not runs:
            self._write(wanted, started_s, ended_s=ended_s, abandoned="no time was left to start it")
            return None
        run = runs[0]
        if run.outcome is not Outcome.INTERRUPTED:
            kept: dict[str, Any] = {"run_ids": (run.id,)} if self.bench.kept else {"runs": (run,)}
            self._write(wanted, started_s, ended_s=ended_s, **kept)
        return run, self._trial(wanted, run, (started_s, ended_s))

    def _trial(self, wanted: Wanted, run: Run, span_s: tuple[float, float]) -> Trial:
        proposal = Proposal(wanted.number, wanted.overrides)
        return measured(self.question, proposal, wanted.role, wanted.scenario, run, span_s).trial

    def _write(self, wanted: Wanted, started_s: float, **what: Any) -> None:
        entry = Entry(
            number=wanted.number,
            overrides=wanted.overrides,
            role=wanted.role,
            probe=wanted.plan.probe,
            deadline_s=wanted.plan.deadline_s,
            index=wanted.index,
            started_s=started_s,
            **what,
        )
        self.diary.add(entry)
