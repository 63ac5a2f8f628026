"""The course of a study: search, confirm, explain; from the start, or from where a killed command left it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from benchbench.errors import InputError
from benchbench.executors.base import Recalls
from benchbench.record.study_store import StudyBegun, StudyDraft
from benchbench.record.types import Outcome, Run
from benchbench.tuning.afterwards import Afterwards
from benchbench.tuning.answer import judged, recommended, time_of
from benchbench.tuning.bench import Bench
from benchbench.tuning.budget import PATIENCE, TRADING_PATIENCE, Budget, Pacing, confirmation_repeats
from benchbench.tuning.confirm import (
    Again,
    Confirmation,
    confirm,
    confirmed,
    doubt_of,
    finalists,
    noise_of,
    repeats_wanted,
    setups_to_confirm,
)
from benchbench.tuning.diary import Diary
from benchbench.tuning.explaining import Ends, explain
from benchbench.tuning.findings import Findings
from benchbench.tuning.importance import importance_of
from benchbench.tuning.method import Field
from benchbench.tuning.moments import Watch
from benchbench.tuning.neighbours import Centre, Surroundings
from benchbench.tuning.outlook import outlook_of
from benchbench.tuning.proposals import Proposer
from benchbench.tuning.resuming import Earlier, TakenStudy
from benchbench.tuning.reuse import Known
from benchbench.tuning.search import Search
from benchbench.tuning.setups import Question, Setup
from benchbench.tuning.space import identity
from benchbench.tuning.stop import Stop
from benchbench.units import human

_FINALISTS = 1


class Beginning(NamedTuple):
    """What a study is begun with, its folder, what an earlier command left in it, and what earlier studies tell."""

    begun: StudyBegun
    draft: StudyDraft
    left: TakenStudy | None = None
    known: Known = Known()


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
        begun, draft, self._left, known = beginning
        self._question, self._bench, self._diary, self._watch = question, bench, diary, watch
        self._confidence = begun.scenario.measure.confidence
        trains = question.objective.reaches
        names = [objective.name for objective in question.objectives]
        trades = "energy" in names
        patience = TRADING_PATIENCE if trades or len(names) > 1 else PATIENCE
        repeats = confirmation_repeats(begun.scenario)
        self._pacing = Pacing(budget, trains=trains, repeats=repeats, patience=patience)
        field = Field(
            scenario=question.scenario,
            space=question.space,
            legal=question.legal,
            baseline=question.space.of(question.baseline),
            trains=trains,
            seed=begun.seed,
            objectives=len(names),
            trades=trades,
            confidence=self._confidence,
        )
        self._proposer = Proposer(draft.name, field, draft.folder, durable=bench.kept)
        self._search = Search(question, bench, self._proposer, self._pacing, diary, watch)
        self._search.learn(known)
        self._first_index = 0  # of a repeat that no confirmation had
        if self._left is not None:
            self._search.take_up([one for one in self._left.earlier if not one.entry.real])
            self._recall([*self._left.earlier, *self._left.confirmed, *self._left.afterwards])

    def run(self) -> Findings:
        """Searches, confirms and explains.

        Raises:
            InputError: nothing could be measured in the time.
            StoreError: a result could not be stored.
        """
        stop = self._search.run()
        check_something(self._search.setups, self._pacing.budget, stop)
        return self._finished(Stage(self._question, self._search, self._pacing), stop)

    def _finished(self, stage: Stage, stop: Stop) -> Findings:
        """What a search found, confirmed, explained, and with what lies around it."""
        found = self._surrounded(self._explained(self._concluded(stage, stop), stage.pacing), stage)
        return replace(found, importance=importance_of(self._question, self._proposer))

    def _concluded(self, stage: Stage, stop: Stop) -> Findings:
        """What a search found, its best measured again; where that broke a constraint, the next best that holds."""
        findings = self._confirmed(stage, stop, finalists(stage.search.setups, self._proposer, _FINALISTS))
        while findings.stop is not Stop.INTERRUPTED and findings.finalists:
            broken = [s for s in findings.finalists if findings.breaches(s)]
            following = self._following(stage, broken)
            if len(broken) < len(findings.finalists) or not following:
                break
            more = self._confirmed(stage, stop, following)
            if not more.confirmation.trials:
                break
            findings = replace(
                more,
                finalists=(*broken, *following),
                confirmation=findings.confirmation.followed_by(more.confirmation),
            )
        return findings

    def _following(self, stage: Stage, broken: Sequence[Setup]) -> list[Setup]:
        """The next best setup of which no repeat breaks a constraint."""
        known = {identity(s.trial.overrides) for s in broken}
        every = finalists(stage.search.setups, self._proposer, len(stage.search.setups))
        return [s for s in every if identity(s.trial.overrides) not in known][:_FINALISTS]

    def _confirmed(self, stage: Stage, stop: Stop, chosen: Sequence[Setup]) -> Findings:
        """What a search found, some of it measured again."""
        question, setups = stage.question, stage.search.setups
        confirmation = self._confirmation(stage, chosen, stop)
        return Findings(
            question=question,
            setups=tuple(setups),
            finalists=tuple(chosen),
            confirmation=confirmation,
            stop=Stop.INTERRUPTED if confirmation.interrupted else stop,
            outlook=outlook_of(setups, question, self._proposer.standing),
            noise=noise_of(chosen, self._proposer, question),
        )

    def _confirmation(self, stage: Stage, chosen: Sequence[Setup], stop: Stop) -> Confirmation:
        """The baseline and the finalists again; where an earlier command came so far, what it found."""
        question, search, pacing = stage
        again = setups_to_confirm(search.setups, chosen)
        wanted = pacing.repeats
        every = [*again, *self._best_of_second(stage, again)] if again else []
        earlier = self._earlier(every, again)
        if earlier is not None:
            span_s = (earlier.entry.started_s, earlier.entry.ended_s or 0.0)
            self._count(earlier.runs)
            planned = max(len(run.repeats) for run in earlier.runs)
            return replace(confirmed(every, earlier.runs, question, span_s, planned), wanted=wanted)
        if stop is Stop.INTERRUPTED or not again:
            return Confirmation(wanted=wanted)
        repeats = repeats_wanted(again, self._proposer, wanted, question.objective.margin, self._confidence)
        also = [s for s in every[len(again) :] if _pays(pacing, [*again, s], repeats)]
        first_index = max(search.most_times, self._first_index)
        plan = Again(
            setups=[*again, *also],
            first_index=first_index,
            repeats=repeats,
            doubt=doubt_of(again, self._proposer, question, self._confidence),
        )
        found = confirm(plan, self._bench, question, pacing, self._diary, self._watch)
        self._count(found.runs.values())
        return found

    def _count(self, runs: Iterable[Run]) -> None:
        """Notes the repeats that a confirmation had, so that none has their seeds again."""
        self._first_index = max(self._first_index, *(r.index + 1 for run in runs for r in run.repeats), 0)

    def _earlier(self, every: Sequence[Setup], again: Sequence[Setup]) -> Earlier | None:
        """What an earlier command found of a confirmation; None where it did not come so far."""
        scenarios = [s.scenario for s in every]
        for one in reversed(() if self._left is None else self._left.confirmed):
            of = [run.scenario for run in one.runs]
            if of and again and again[-1].scenario in of and all(scenario in scenarios for scenario in of):
                return one
        return None

    def _best_of_second(self, stage: Stage, again: Sequence[Setup]) -> list[Setup]:
        """Of two objectives the best setup by the second, where it is not measured again anyway."""
        if stage.question.second is None:
            return []
        known = [s.scenario for s in again]
        found = finalists(stage.search.setups, self._proposer, _FINALISTS, second=True)
        return [s for s in found if s.scenario not in known]

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
        found = explain(ends, findings.setups, self._afterwards(findings.question, pacing))
        return replace(findings, explanation=found, stop=Stop.INTERRUPTED if found.interrupted else findings.stop)

    def _surrounded(self, findings: Findings, stage: Stage) -> Findings:
        """The findings, with how the recommended setup fares at the neighbouring learning rates."""
        setup = recommended(findings, judged(findings, self._confidence))
        time_s = None if setup is None else time_of(findings, setup)
        if findings.stop is Stop.INTERRUPTED or setup is None or time_s is None:
            return findings
        surroundings = Surroundings(findings.setups, self._afterwards(stage.question, stage.pacing))
        found = surroundings.look(Centre(setup=setup, time_s=time_s), self._proposer)
        return replace(findings, around=found, stop=Stop.INTERRUPTED if found.interrupted else findings.stop)

    def _afterwards(self, question: Question, pacing: Pacing) -> Afterwards:
        earlier = () if self._left is None else self._left.afterwards
        return Afterwards(question=question, bench=self._bench, pacing=pacing, diary=self._diary, earlier=earlier)

    def _recall(self, earlier: Sequence[Earlier]) -> None:
        """Tells an executor whose answers depend on those before what an earlier command was answered."""
        if isinstance(self._bench.executor, Recalls):
            for run in (run for one in earlier for run in one.runs):
                self._bench.executor.recall(run.scenario, run.repeats)


def _pays(pacing: Pacing, again: Sequence[Setup], repeats: int) -> bool:
    return pacing.confirmation([s.cost for s in again], repeats)[0] >= repeats


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
