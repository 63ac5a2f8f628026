"""Scenarios x repeats, measured in interleaved, randomised rounds so that drift hits all alike, and stored."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchbench.errors import StoreError
from benchbench.executors.admission import NoPeaks, Peaks, admitted
from benchbench.executors.base import Executor, Request
from benchbench.executors.interruption import stop_asked, undisturbed
from benchbench.record.machine import Machine
from benchbench.record.store import Draft, new_id, now
from benchbench.record.types import Outcome, Repeat, Run
from benchbench.scenario.loading import to_yaml
from benchbench.scenario.scenario import Scenario
from benchbench.stats.repeats import LOOKS, enough

THROUGHPUT_TIMEOUT_S = 600.0
TARGET_TIMEOUT_S = 24 * 3600.0

RoundsWatch = Callable[[Scenario, int, Mapping[str, Any]], None]
"""Called with the scenario, the repeat's index and what happens."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A run and where it is kept; `folder` is None when it could not be written, `problem` says why."""

    run: Run
    folder: Path | None
    problem: StoreError | None = None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a plan's rounds left: the stored runs, and whether the user interrupted them."""

    stored: list[Stored]
    interrupted: bool


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a command is about to measure.

    Attributes:
        scenarios: in the order of the results.
        out: the results folder.
        machine: its fingerprint.
        command: what the user typed, for the page's "repeat this".
        repeats: overrides each scenario's own.
        first_index: of the repeats; a confirmation starts above 0 for fresh seeds.
        end_by: the `clock`'s time that nothing may outlast; None without a budget.
        deadline_s: training seconds after which a target no longer counts.
        test_split: whether each trained model is scored on the test split, once, to confirm a claim.
        examine: whether the first repeat looks at where time and memory go, where the scenario leaves that open.
        peaks: what the devices were measured to be able to do.
        again: whether repeats that were disturbed are measured again, as often as `measure.remeasure` allows.
        lock_fd: the machine's lock, held by every process tree too.
        clock: seconds; another one where time is not real (a test, a replay).
    """

    scenarios: Sequence[Scenario]
    out: Path
    machine: Machine
    command: tuple[str, ...] = ()
    repeats: int | None = None
    first_index: int = 0
    end_by: float | None = None
    deadline_s: float | None = None
    test_split: bool = False
    examine: bool = False
    peaks: Peaks = field(default_factory=NoPeaks)
    again: bool = False
    lock_fd: int | None = None
    clock: Callable[[], float] = time.monotonic

    def repeats_of(self, scenario: Scenario) -> int:
        """How many repeats of a scenario to measure, at most."""
        own = scenario.measure.repeats
        return self.repeats or (LOOKS[-1] if own == "auto" else own)

    def enough(self, scenario: Scenario, repeats: Sequence[Repeat]) -> bool:
        """Whether `repeats: auto` may stop (`stats/repeats.py` has the rule)."""
        own = scenario.measure
        if self.repeats or own.repeats != "auto":
            return False
        spent_s = sum(repeat.wall_s for repeat in repeats)
        values = _compared(scenario, repeats)
        return enough(values, len(repeats), spent_s, own.confidence, own.relative_halfwidth)

    def timeout_s(self, scenario: Scenario) -> float:
        """The hard deadline of the next repeat: the scenario's, cut to what is left."""
        own = scenario.measure.timeout
        if own == "auto":
            own = THROUGHPUT_TIMEOUT_S if scenario.measure.procedure == "throughput" else TARGET_TIMEOUT_S
        return own if self.end_by is None else min(own, self.end_by - self.clock())


@dataclass
class _Progress:
    """One scenario on its way."""

    scenario: Scenario
    draft: Draft
    created_at: str
    repeats: list[Repeat] = field(default_factory=list)
    set_aside: list[Repeat] = field(default_factory=list)


def measure(plan: Plan, executor: Executor, watch: RoundsWatch = lambda *_: None) -> Measured:
    """Measures every scenario of a plan, round by round, and stores each run.

    A scenario of which a repeat failed goes on with its other repeats, unless that one was refused: the rest would be
    refused too. An interruption ends the rounds; what was measured is stored. A plan's `end_by` ends them likewise.

    Returns:
        One stored run for every scenario of which at least one repeat ended, in the plan's order.

    Raises:
        StoreError: not even the first repeat could be kept.
    """
    going = [_Progress(s, Draft(plan.out, new_id(s.slug)), now()) for s in plan.scenarios]
    problem: StoreError | None = None
    interrupted = False
    try:
        interrupted = _rounds(plan, going, executor, watch)
    except KeyboardInterrupt:
        interrupted = True
    except StoreError as error:
        problem = error
    with undisturbed() as stops:
        for one in going:
            if not one.repeats:
                one.draft.discard()
        stored = [_store(plan, one, problem) for one in going if one.repeats]
    if problem is not None and not stored:
        raise problem
    return Measured(stored=stored, interrupted=interrupted or stops.asked)


def _rounds(plan: Plan, going: Sequence[_Progress], executor: Executor, watch: RoundsWatch) -> bool:
    """Measures round by round; whether the user interrupted."""
    orders = itertools.count()
    turns = _turns(plan, len(going))
    for round_index in range(max(plan.repeats_of(s) for s in plan.scenarios)):
        for one in (going[index] for index in next(turns)):
            if stop_asked():
                return True
            if _finished(plan, one, round_index):
                continue
            if _one(plan, one, plan.first_index + round_index, orders, executor, watch) is Outcome.INTERRUPTED:
                return True
    return False


def _turns(plan: Plan, count: int) -> Iterator[tuple[int, ...]]:
    """Whose turn it is, round by round: an order drawn at random, then its reverse, then another one.

    Each order beside its reverse lets a steady drift hit all alike. The draw depends on the plan alone, so that a
    command that is repeated does the same.
    """
    generator = random.Random(" ".join([str(plan.first_index), *(s.key for s in plan.scenarios)]))  # noqa: S311
    while True:
        drawn = tuple(generator.sample(range(count), count))
        yield drawn
        yield drawn[::-1]


def _finished(plan: Plan, one: _Progress, round_index: int) -> bool:
    refused = any(r.outcome is Outcome.REFUSED for r in one.repeats)
    done = round_index >= plan.repeats_of(one.scenario) or plan.enough(one.scenario, one.repeats)
    return _out_of_time(plan) or refused or done


def _out_of_time(plan: Plan) -> bool:
    return plan.end_by is not None and plan.clock() >= plan.end_by


def _compared(scenario: Scenario, repeats: Sequence[Repeat]) -> list[float]:
    """What a run is judged by, a value a good repeat: seconds to target, or seconds a step."""
    good = [r for r in repeats if r.outcome is Outcome.OK]
    if scenario.measure.procedure == "time-to-target":
        return [r.reach.time_to_target_s for r in good if r.reach and r.reach.time_to_target_s]
    return [r.figures.step_s for r in good if r.figures]


def _one(
    plan: Plan, one: _Progress, index: int, orders: Iterator[int], executor: Executor, watch: RoundsWatch
) -> Outcome:
    """Measures a repeat, again where it was disturbed; the last measurement that ended well counts.

    Returns:
        How the last measurement ended.
    """
    repeat = _attempt(plan, one, index, 0, next(orders), executor, watch)
    one.repeats.append(repeat)
    one.draft.keep(repeat)
    attempts = 1
    while repeat.suspect and _may_try_again(plan, one):
        watch(one.scenario, index, {"event": "again", "reason": "; ".join(repeat.suspect)})
        repeat = _attempt(plan, one, index, attempts, next(orders), executor, watch)
        attempts += 1
        if repeat.outcome is Outcome.OK:
            one.set_aside.append(one.repeats.pop())
            one.repeats.append(repeat)
        else:
            one.set_aside.append(repeat)
        one.draft.keep(repeat)
    watch(one.scenario, index, {"event": "end", "outcome": one.repeats[-1].outcome.value})
    return repeat.outcome


def _may_try_again(plan: Plan, one: _Progress) -> bool:
    left = len(one.set_aside) < one.scenario.measure.remeasure
    return plan.again and left and not stop_asked() and not _out_of_time(plan)


def _attempt(
    plan: Plan, one: _Progress, index: int, attempt: int, order: int, executor: Executor, watch: RoundsWatch
) -> Repeat:
    """Measures a repeat once."""
    request = Request(
        scenario=one.scenario,
        index=index,
        order=order,
        folder=one.draft.repeat_folder(index, attempt),
        timeout_s=plan.timeout_s(one.scenario),
        deadline_s=plan.deadline_s,
        lock_fd=plan.lock_fd,
        test_split=plan.test_split,
        examine=plan.examine and index == plan.first_index,
    )
    watch(one.scenario, index, {"event": "start", "timeout_s": request.timeout_s})
    repeat = executor.run(request, lambda what: watch(one.scenario, index, what))
    return admitted(repeat, one.scenario, plan.machine, plan.peaks).model_copy(update={"attempt": attempt})


def _store(plan: Plan, one: _Progress, problem: StoreError | None) -> Stored:
    cuda = next((r.facts.get("cuda") for r in one.repeats if r.facts.get("cuda")), None)
    threads = next((r.facts.get("threads") for r in one.repeats if r.facts.get("threads")), None)
    machine = plan.machine.model_copy(update={"cuda": cuda, "threads": threads})
    run = Run(
        id=one.draft.id,
        scenario=one.scenario,
        created_at=one.created_at,
        command=plan.command,
        machine=machine,
        repeats=tuple(one.repeats),
        set_aside=tuple(one.set_aside),
    )
    try:
        return Stored(run=run, folder=one.draft.commit(run, to_yaml(one.scenario)), problem=problem)
    except StoreError as error:
        return Stored(run=run, folder=None, problem=error)
