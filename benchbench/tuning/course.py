"""The course of a study: search, confirm, explain; from the start, or from where a killed command left it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from benchbench.errors import InputError
from benchbench.executors.base import Recalls
from benchbench.record.study_store import StudyBegun, StudyDraft
from benchbench.record.types import Outcome
from benchbench.tuning.answer import Findings, judged
from benchbench.tuning.bench import Bench
from benchbench.tuning.budget import Budget, Pacing, confirmation_repeats
from benchbench.tuning.confirm import (
    Again,
    Confirmation,
    confirm,
    confirmed,
    finalists,
    repeats_wanted,
    setups_to_confirm,
)
from benchbench.tuning.diary import Diary
from benchbench.tuning.explaining import Ends, explain
from benchbench.tuning.method import Field
from benchbench.tuning.moments import Watch
from benchbench.tuning.outlook import outlook_of
from benchbench.tuning.proposals import Proposer
from benchbench.tuning.resuming import Earlier, TakenStudy
from benchbench.tuning.search import Search
from benchbench.tuning.setups import Question, Setup
from benchbench.tuning.stop import Stop
from benchbench.units import human

_FINALISTS = 1


class Beginning(NamedTuple):
    """What a study is begun with, its folder, and what an earlier command left in it."""

    begun: StudyBegun
    draft: StudyDraft
    left: TakenStudy | None = None


class Stage(NamedTuple):
    """A search, what it asks and what it may spend."""

    question: Question
    search: Search
    pacing: Pacing


class Course:
    """One study on its way."""

    def __init__(
        self, question: Question, bench: Bench, beginning: Beginning, budget: Budget, diary: Diary, watch: Watch
    ) -> None:
        """Makes ready; learns what an earlier command measured, if one did.

        Args:
            question: what is searched.
            bench: how to measure.
            beginning: of the study.
            budget: running.
            diary: the study's.
            watch: is told what happens.

        Raises:
            StoreError: the storage cannot be written.
        """
        begun, draft, self._left = beginning
        self._question, self._bench, self._diary, self._watch = question, bench, diary, watch
        self._confidence = begun.scenario.measure.confidence
        trains = question.objective.reaches
        self._pacing = Pacing(budget, trains=trains, repeats=confirmation_repeats(begun.scenario))
        field = Field(
            scenario=question.scenario,
            space=question.space,
            legal=question.legal,
            baseline=question.space.of(question.baseline),
            trains=trains,
            seed=begun.seed,
        )
        self._proposer = Proposer(draft.name, field, draft.folder, durable=bench.kept)
        self._search = Search(question, bench, self._proposer, self._pacing, diary, watch)
        if self._left is not None:
            self._search.take_up([one for one in self._left.earlier if not one.entry.real])
            self._recall([*self._left.earlier, *([] if self._left.confirmed is None else [self._left.confirmed])])

    def run(self) -> Findings:
        """Searches, confirms and explains.

        Raises:
            InputError: nothing could be measured in the time.
            StoreError: a result could not be stored.
        """
        stop = self._search.run()
        check_something(self._search.setups, self._pacing.budget, stop)
        return self._explained(self._concluded(Stage(self._question, self._search, self._pacing), stop), self._pacing)

    def _concluded(self, stage: Stage, stop: Stop) -> Findings:
        """What a search found, its best measured again."""
        question, setups = stage.question, stage.search.setups
        chosen = finalists(setups, self._proposer, _FINALISTS)
        confirmation = self._confirmation(stage, chosen, stop)
        return Findings(
            question=question,
            setups=tuple(setups),
            finalists=tuple(chosen),
            confirmation=confirmation,
            stop=Stop.INTERRUPTED if confirmation.interrupted else stop,
            outlook=outlook_of(setups, question, self._proposer.standing),
        )

    def _confirmation(self, stage: Stage, chosen: Sequence[Setup], stop: Stop) -> Confirmation:
        """The baseline and the finalists again; where an earlier command came so far, what it found."""
        question, search, pacing = stage
        again = setups_to_confirm(search.setups, chosen)
        earlier = None if self._left is None else self._left.confirmed
        objective, wanted = question.objective, pacing.repeats
        if earlier is not None and again:
            span_s = (earlier.entry.started_s, earlier.entry.ended_s or 0.0)
            planned = max(len(run.repeats) for run in earlier.runs)
            return replace(confirmed(again, earlier.runs, objective, span_s, planned), wanted=wanted)
        if stop is Stop.INTERRUPTED or not again:
            return Confirmation(wanted=wanted)
        repeats = repeats_wanted(again, self._proposer, wanted, objective.margin, self._confidence)
        plan = Again(setups=again, first_index=search.most_times, repeats=repeats)
        return confirm(plan, self._bench, objective, pacing, self._diary, self._watch)

    def _explained(self, findings: Findings, pacing: Pacing) -> Findings:
        """The findings, with what each setting did where a speedup is proved and the budget still pays for looking."""
        judgement, baseline = judged(findings, self._confidence), findings.baseline
        proved = judgement.verdict == "faster" and findings.stop is not Stop.INTERRUPTED
        if not proved or judgement.chosen is None or baseline is None:
            return findings
        best = findings.finalists[judgement.chosen]
        baseline_run, best_run = findings.again(baseline), findings.again(best)
        if baseline_run is None or best_run is None:
            return findings
        standing = self._proposer.standing([best.trial.overrides])
        noise = None if standing is None else standing.noise
        ends = Ends(baseline=baseline, baseline_run=baseline_run, best=best, best_run=best_run, noise=noise)
        found = explain(ends, findings.setups, findings.question, self._bench, pacing)
        return replace(findings, explanation=found, stop=Stop.INTERRUPTED if found.interrupted else findings.stop)

    def _recall(self, earlier: Sequence[Earlier]) -> None:
        """Tells an executor whose answers depend on those before what an earlier command was answered."""
        if isinstance(self._bench.executor, Recalls):
            for run in (run for one in earlier for run in one.runs):
                self._bench.executor.recall(run.scenario, run.repeats)


def check_something(setups: Sequence[Setup], budget: Budget, stop: Stop) -> None:
    """Refuses a budget in which nothing could be measured, not so much as the time of one step.

    Args:
        setups: that were tried.
        budget: in which.
        stop: why the search ended.

    Raises:
        InputError: says what came of it, and to give more.
    """
    tried = [s for s in setups if s.measured]
    cut = all(s.trial.outcome is Outcome.TIMEOUT and s.trial.step_s is None for s in tried)
    if not tried or not cut or stop is Stop.INTERRUPTED:
        return
    last = tried[-1].trial
    why = last.failure.message if last.failure is not None else "it had not begun to train"
    raise InputError(
        f"not even the time of one step could be measured in {human(budget.total_s, 's')}: {why}; give several times "
        "as much, or a smaller model or less data",
        key="--budget",
    )
