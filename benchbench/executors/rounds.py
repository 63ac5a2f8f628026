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
from benchbench.executors.carrying_on import carried_on
from benchbench.executors.going import Going, Stored, counted
from benchbench.executors.interruption import stop_asked, undisturbed
from benchbench.record.machine import Machine
from benchbench.record.store import now
from benchbench.record.taking_up import Begun, Taken
from benchbench.record.types import Outcome, Repeat
from benchbench.scenario.scenario import Scenario
from benchbench.stats.repeats import LOOKS, enough

THROUGHPUT_TIMEOUT_S = 600.0
TARGET_TIMEOUT_S = 24 * 3600.0

Further = Callable[[Sequence[Sequence[Repeat]]], bool]
"""Called with every scenario's repeats when all that were planned are measured: whether to go on for a round."""
RoundsWatch = Callable[[Scenario, int, Mapping[str, Any]], None]
"""Called with the scenario, the repeat's index and what happens."""


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
        further: asked after the last round that is planned, and after each that follows; None for no more than planned.
        first_index: of the repeats; a confirmation starts above 0 for fresh seeds.
        end_by: the `clock`'s time that nothing may outlast; None without a budget.
        deadline_s: training seconds after which a target no longer counts.
        too_slow_s: seconds of a step beyond which a probe is given up.
        test_split: whether each trained model is scored on the test split, once, to confirm a claim.
        examine: whether the first repeat looks at where time and memory go, where the scenario leaves that open.
        peaks: what the devices were measured to be able to do.
        again: whether repeats that were disturbed are measured again, as often as `measure.remeasure` allows.
        kept: whether runs are stored; a replay's are not.
        study: the search that this is a part of; it alone may take up what a kill leaves of it.
        taken: of each scenario what a killed command left of it, or None; empty where all begin anew.
        lock_fd: the machine's lock, held by every process tree too.
        clock: seconds; another one where time is not real (a test, a replay).
    """

    scenarios: Sequence[Scenario]
    out: Path
    machine: Machine
    command: tuple[str, ...] = ()
    repeats: int | None = None
    further: Further | None = None
    first_index: int = 0
    end_by: float | None = None
    deadline_s: float | None = None
    too_slow_s: float | None = None
    test_split: bool = False
    examine: bool = False
    peaks: Peaks = field(default_factory=NoPeaks)
    again: bool = False
    kept: bool = True
    study: str | None = None
    taken: Sequence[Taken | None] = ()
    lock_fd: int | None = None
    clock: Callable[[], float] = time.monotonic

    @property
    def alone(self) -> bool:
        """Whether what a kill leaves of it may be taken up: it is all that its command measures, or part of a study."""
        return self.study is not None or (self.end_by is None and self.first_index == 0 and not self.test_split)

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


def measure(plan: Plan, executor: Executor, watch: RoundsWatch = lambda *_: None) -> Measured:
    """Measures every scenario of a plan, round by round, and stores each run.

    A scenario of which a repeat failed goes on with its other repeats, unless that one was refused: the rest would be
    refused too. An interruption ends the rounds; what was measured is stored. A plan's `end_by` ends them likewise.
    What a killed command left is gone on with: repeats that ended are kept, the one that was killed goes on from its
    checkpoint, where it has one.

    Returns:
        One stored run for every scenario of which at least one repeat ended, in the plan's order.

    Raises:
        StoreError: not even the first repeat could be kept.
    """
    going = _begun(plan)
    problem: StoreError | None = None
    interrupted = False
    try:
        interrupted = _rounds(plan, going, executor, watch)
    except KeyboardInterrupt:
        interrupted = True
    except StoreError as error:
        problem = error
    with undisturbed() as stops:
        stored = []
        for one in going:
            if one.repeats and (one.touched or not (interrupted or problem)):
                stored.append(one.store(plan.machine, problem))
            else:
                one.close()
    if problem is not None and not stored:
        raise problem
    return Measured(stored=stored, interrupted=interrupted or stops.asked)


def _begun(plan: Plan) -> list[Going]:
    """Every scenario with its working folder: what is left of an earlier one, or a new one."""
    going: list[Going] = []
    try:
        for scenario, left in zip(plan.scenarios, plan.taken or [None] * len(plan.scenarios), strict=True):
            if left is not None:
                going.append(Going.taken_up(scenario, left))
            else:
                asked = Begun(
                    scenario=scenario,
                    created_at=now(),
                    command=plan.command,
                    machine=plan.machine,
                    study=plan.study,
                )
                going.append(Going.begun(asked, plan.out, alone=plan.alone) if plan.kept else Going.unkept(asked))
    except StoreError:
        for one in going:
            one.close()
        raise
    return going


def _rounds(plan: Plan, going: Sequence[Going], executor: Executor, watch: RoundsWatch) -> bool:
    """Measures round by round; whether the user interrupted."""
    before = [r.order for one in going for r in (*one.repeats, *one.set_aside)]
    orders = itertools.count(max(before, default=-1) + 1)
    turns = _turns(plan, len(going))
    planned = max(plan.repeats_of(s) for s in plan.scenarios)
    for round_index in itertools.count():
        if round_index >= planned and not (plan.further and plan.further([one.repeats for one in going])):
            return False
        for one in (going[index] for index in next(turns)):
            if stop_asked():
                return True
            if round_index < planned and _finished(plan, one, round_index):
                continue
            if _one(plan, one, plan.first_index + round_index, orders, executor, watch) is Outcome.INTERRUPTED:
                return True
    raise AssertionError("it counts for ever")


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


def _finished(plan: Plan, one: Going, round_index: int) -> bool:
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


def _one(plan: Plan, one: Going, index: int, orders: Iterator[int], executor: Executor, watch: RoundsWatch) -> Outcome:
    """Measures a repeat, again where it was disturbed; the last measurement that ended well counts.

    Returns:
        How the last measurement ended.
    """
    before = one.measurements(index)
    while not (ended := one.measurements(index)) or (ended[-1].suspect and _may_try_again(plan, one)):
        if ended:
            watch(one.scenario, index, {"event": "again", "reason": "; ".join(ended[-1].suspect)})
        one.keep(_attempt(plan, one, index, len(ended), next(orders), executor, watch))
    if len(ended) > len(before):
        watch(one.scenario, index, {"event": "end", "outcome": counted(ended).outcome.value})
    return ended[-1].outcome


def _may_try_again(plan: Plan, one: Going) -> bool:
    left = len(one.set_aside) < one.scenario.measure.remeasure
    return plan.again and left and not stop_asked() and not _out_of_time(plan)


def _attempt(
    plan: Plan, one: Going, index: int, attempt: int, order: int, executor: Executor, watch: RoundsWatch
) -> Repeat:
    """Measures a repeat once, or goes on with a measurement that was killed."""
    folder = one.folder(index, attempt)
    request = Request(
        scenario=carried_on(one.scenario, folder),
        index=index,
        order=order,
        folder=folder,
        timeout_s=plan.timeout_s(one.scenario),
        deadline_s=plan.deadline_s,
        too_slow_s=plan.too_slow_s,
        end_by=plan.end_by,
        lock_fd=plan.lock_fd,
        test_split=plan.test_split,
        examine=plan.examine and index == plan.first_index,
    )
    watch(one.scenario, index, {"event": "start", "timeout_s": request.timeout_s})
    repeat = executor.run(request, lambda what: watch(one.scenario, index, what))
    return admitted(repeat, one.scenario, plan.machine, plan.peaks).model_copy(update={"attempt": attempt})
