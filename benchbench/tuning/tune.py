"""The whole of `benchbench tune`: search, confirm, judge, and store the study with its recommendation."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchbench.errors import InputError
from benchbench.executors.base import Executor, Priced
from benchbench.executors.interruption import undisturbed
from benchbench.record.machine import Machine
from benchbench.record.store import new_id, now
from benchbench.record.study import Overrides, Study
from benchbench.record.study_store import StudyBegun, StudyDraft, begun_study, take_up_study
from benchbench.record.types import Run
from benchbench.scenario import engines
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.writing import to_yaml
from benchbench.tuning import objective as objectives
from benchbench.tuning.answer import answer
from benchbench.tuning.bench import Bench
from benchbench.tuning.budget import Budget
from benchbench.tuning.constraints import limits_of
from benchbench.tuning.course import Beginning, Course
from benchbench.tuning.diary import Diary
from benchbench.tuning.feasible import Feasible
from benchbench.tuning.findings import Findings
from benchbench.tuning.legal import Judge, Legal, impossible
from benchbench.tuning.moments import Watch
from benchbench.tuning.objective import Objective
from benchbench.tuning.pareto import front_of
from benchbench.tuning.proxied import ProxiedCourse
from benchbench.tuning.resuming import find, take_up
from benchbench.tuning.reuse import Known, look_up, read_known
from benchbench.tuning.setups import Question
from benchbench.tuning.space import space_of
from benchbench.tuning.stop import Stop
from benchbench.units import human

RECOMMENDED = "recommended.yaml"
_NAME = re.compile(r"[^\W_][\w.-]{0,99}")


@dataclass(frozen=True, kw_only=True)
class TuneRequest:
    """What a user asked for.

    Attributes:
        scenario: with a `search.space`.
        budget_s: wall-clock seconds for everything.
        out: the results folder.
        machine: its fingerprint.
        objective: as `--objective` has it, two with a comma between them; None = the scenario's own.
        study: the study's name; None = a new one.
        resume: whether an earlier study is taken up: the one of that name, else the newest of this scenario.
        seed: of the search's random choices (a training's seed is the scenario's).
        trials: how many setups to measure at most, the baseline among them.
        command: what was typed.
        lock_fd: the machine's lock.
        admit: raises InputError for a scenario that cannot run here.
        replayed_from: the table that answers in place of a machine; None for real measurements. Then runs are not
            stored, and a baseline that cannot be measured is no error but a setup without a time.
        judge: what the trainer's libraries say of scenarios; None asks nobody.
        feasible: which setups cannot fit into the memory; None where memory does not count.
    """

    scenario: Scenario
    budget_s: float
    out: Path
    machine: Machine
    objective: str | None = None
    study: str | None = None
    resume: bool = False
    seed: int = 0
    trials: int | None = None
    command: tuple[str, ...] = ()
    lock_fd: int | None = None
    admit: Callable[[Scenario], None] = engines.check
    replayed_from: str | None = None
    judge: Judge | None = None
    feasible: Feasible | None = None


@dataclass(frozen=True, kw_only=True)
class StoredStudy:
    """A study, the folder that holds it, and every run that it measured, in the order of time."""

    study: Study
    folder: Path
    runs: tuple[Run, ...]

    @property
    def interrupted(self) -> bool:
        """Whether the user stopped it."""
        return self.study.stopped == Stop.INTERRUPTED.value


def question_of(request: TuneRequest) -> Question:
    """What is searched, every part of it checked; nothing is created.

    Raises:
        InputError: the request cannot be carried out; says what to change.
    """
    chosen = objectives.choose_all(request.objective, request.scenario)
    objective = next((one for one in chosen if one.reaches), chosen[0])
    _check_objectives(request, chosen)
    scenario = objective.prepare(request.scenario)
    _check_study_name(request)
    if request.resume:
        find(request.out, request.study, request.scenario, _names(chosen), request.replayed_from)
    real = _question(request, scenario, chosen)
    proxy = dict(scenario.search.proxy)
    return replace(_question(request, scenario, chosen, proxy), real=real) if proxy else real


def _question(
    request: TuneRequest, scenario: Scenario, chosen: Sequence[Objective], proxy: Overrides | None = None
) -> Question:
    """The question of a scenario itself, or under overrides that stand in for it."""
    limits = limits_of(scenario, trains=any(one.reaches for one in chosen), replayed_from=request.replayed_from)
    space = space_of(scenario)
    baseline = vary(vary(scenario, dict(scenario.search.baseline)), proxy or {})
    scenario = vary(scenario, proxy or {})
    if request.replayed_from is None:
        request.admit(baseline)
    refused = impossible(scenario, space, request.admit, request.judge) if request.judge is not None else {}
    legal = Legal(scenario, space, request.admit, refused)
    legal.check()
    return Question(
        scenario=scenario,
        baseline=baseline,
        space=space,
        objective=chosen[0],
        admit=request.admit,
        legal=legal,
        feasible=request.feasible,
        trials=request.trials,
        second=chosen[1] if len(chosen) > 1 else None,
        limits=limits,
    )


def known_before(request: TuneRequest, question: Question) -> Known:
    """What a study knows before it measures anything; a replay reads nothing from outside. Nothing is written.

    Raises:
        InputError: `--resume` was asked for, and there is nothing to take up.
    """
    if request.resume:
        names = _names(question.objectives)
        return read_known(find(request.out, request.study, request.scenario, names, request.replayed_from)[0])
    return Known() if request.replayed_from is not None else look_up(request.out, request.machine, question)


def _names(chosen: Sequence[Objective]) -> str:
    return ",".join(one.name for one in chosen)


def _check_objectives(request: TuneRequest, chosen: Sequence[Objective]) -> None:
    """Refuses what nothing here can measure, or weigh."""
    names = [one.name for one in chosen]
    if request.replayed_from is not None and "energy" in names:
        raise InputError(
            f"{request.replayed_from} cannot tell it: recorded tables hold times and peak memory, no energy; minimise "
            "time or throughput, or measure on a machine",
            key="--objective",
        )
    if len(chosen) > 1 and "throughput" in names and request.scenario.search.method == "factored":
        raise InputError(
            "the factored search weighs what whole trainings take, and throughput is none of it; add "
            "--set search.method=tpe (or gp, random), or pair time, energy and cost",
            key="--objective",
        )


def _check_study_name(request: TuneRequest) -> None:
    name = request.study
    if name is None or request.resume:
        return
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot name a folder; use up to 100 letters, digits, dots and dashes", key="--study"
        )
    if (request.out / name).exists():
        raise InputError(f"there is already a {name!r} in {request.out}; choose another name", key="--study")
    if begun_study(request.out / f".{name}") is not None:
        raise InputError(
            f"an unfinished study of that name lies in {request.out / f'.{name}'}; take it up with --resume, or choose "
            "another name",
            key="--study",
        )


def tune(
    request: TuneRequest,
    executor: Executor,
    watch: Watch = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> StoredStudy:
    """Searches a scenario's space within the budget, which starts now, and stores the study.

    An interruption by the user (Ctrl-C) ends the search; the study then holds what was measured.

    Args:
        request: what was asked for.
        executor: carries out the trainings.
        watch: is told what happens.
        clock: seconds that the budget counts.

    Raises:
        InputError: the request cannot be carried out; nothing was created.
        StoreError: a result could not be stored.
    """
    began_s = clock()
    question = question_of(request)
    if isinstance(executor, Priced) and executor.least_s > request.budget_s:
        least, budget_s = human(executor.least_s, "s"), human(request.budget_s, "s")
        raise InputError(f"not even one probe fits into {budget_s}: it takes {least}; give more", key="--budget")
    beginning = _begun(request, question)
    draft, left = beginning.draft, beginning.left
    budget = Budget(request.budget_s, clock, (0.0 if left is None else left.spent_s) + clock() - began_s)
    bench = Bench(
        executor=executor,
        out=request.out,
        machine=request.machine,
        clock=clock,
        command=request.command,
        lock_fd=request.lock_fd,
        kept=request.replayed_from is None,
        study=draft.name,
        resumed=left is not None,
    )
    try:
        with Diary(draft.folder, durable=bench.kept) as diary:
            kind = Course if question.real is None else ProxiedCourse
            findings = kind(question, bench, beginning, budget, diary, watch).run()
        with undisturbed():
            return _store(request, beginning, findings, budget)
    except InputError:
        if left is None:
            draft.discard()
        raise
    finally:
        draft.leave()


def _begun(request: TuneRequest, question: Question) -> Beginning:
    """What is searched, in its working folder: a new one, or one that an earlier command left."""
    both = tuple(one.name for one in question.objectives)
    if request.resume:
        left = take_up(request.out, request.study, request.scenario, ",".join(both), request.replayed_from)
        return Beginning(left.begun, left.draft, left, read_known(left.draft.folder))
    name = request.study or new_id(f"{request.scenario.slug}-tune")
    hidden = request.out / f".{name}"  # there already, where a command was killed before it had begun anything
    draft = take_up_study(request.out, hidden) if hidden.is_dir() else StudyDraft(request.out, name)
    begun = StudyBegun(
        scenario=request.scenario,
        objective=both[0],
        objectives=both if len(both) > 1 else (),
        seed=request.seed,
        created_at=now(),
        command=request.command,
        machine=request.machine,
        replayed_from=request.replayed_from,
    )
    known = known_before(request, question)
    known.write(draft.folder)
    draft.begin(begun)
    return Beginning(begun, draft, known=known)


def _store(request: TuneRequest, beginning: Beginning, findings: Findings, budget: Budget) -> StoredStudy:
    begun, draft = beginning.begun, beginning.draft
    spent_s = budget.spent_s
    found = answer(findings, request.scenario, str(draft.final / RECOMMENDED), spent_s)
    study = Study(
        study=draft.name,
        scenario=request.scenario,
        objective=begun.objective,
        objectives=begun.objectives,
        created_at=begun.created_at,
        command=request.command,
        machine=request.machine,
        seed=begun.seed,
        budget_s=request.budget_s,
        spent_s=spent_s,
        replayed_from=request.replayed_from,
        stopped=findings.stop.value,
        trials=findings.trials,
        baseline=found.baseline,
        recommendation=found.recommendation,
        attribution=found.attribution,
        pareto=front_of(findings, request.scenario.measure.confidence),
        economics=found.economics,
        importance=findings.importance,
        warnings=found.warnings,
        proxy=findings.proxy.answer if findings.proxy is not None else None,
    )
    folder = draft.commit(study, {RECOMMENDED: to_yaml(found.scenario)})
    searched = (setup.run for setup in findings.setups if setup.run is not None)
    return StoredStudy(study=study, folder=folder, runs=(*searched, *findings.confirmation.runs.values()))
