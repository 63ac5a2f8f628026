"""The executor that answers from a recorded surface, on a virtual clock: a search is repeated in seconds.

The table alone answers. The k-th training of a configuration gets its k-th row in the order of seed, and after the
last one it is refused; probes go round and round. What is refused costs nothing. Evaluations on the way are not in the
table, so a replayed run has no learning curve, and no steps of its own either: its figures are the table's.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchbench.errors import InputError
from benchbench.executors.base import Request, Watch
from benchbench.executors.records import Configuration, Records, Row
from benchbench.record import raw
from benchbench.record.store import now
from benchbench.record.types import Failure, Figures, Outcome, Reach, Repeat
from benchbench.scenario.scenario import Scenario
from benchbench.units import human

_ROUNDING_S = 0.01  # to which tables give their costs


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What a request gets.

    Attributes:
        outcome: as it ends.
        message: why, where that is not well.
        row: that answers; None for a refusal.
        cost_s: what it takes off the clock.
        steps: that it trains.
        reach: of a training.
        cut: whether the training's deadline ended it.
    """

    outcome: Outcome
    message: str = ""
    row: Row | None = None
    cost_s: float = 0.0
    steps: float = 0.0
    reach: Reach | None = None
    cut: bool = False


class ReplayExecutor:
    """Answers every request from a table; `clock` tells the seconds that the answers took."""

    def __init__(self, records: Records, asked: Scenario) -> None:
        """Begins at second 0, with every row still to be had.

        Args:
            records: the table.
            asked: the scenario whose knobs stand for those that the table does not know.
        """
        self._records = records
        self._others = records.others(asked)
        self._refusals: dict[Scenario, str | None] = {}
        self._now_s = 0.0
        self._trained: Counter[Configuration] = Counter()
        self._probed: Counter[Configuration] = Counter()

    def clock(self) -> float:
        """Virtual seconds since the executor was made."""
        return self._now_s

    def admit(self, scenario: Scenario) -> None:
        """Refuses what the table cannot answer.

        Raises:
            InputError: the configuration is not in it.
        """
        if scenario not in self._refusals:
            self._refusals[scenario] = self._refusal(scenario)
        refusal = self._refusals[scenario]
        if refusal is not None:
            raise InputError(refusal)

    def run(self, request: Request, watch: Watch) -> Repeat:
        """Carries out one repeat (see `Executor`)."""
        trains = request.scenario.measure.procedure == "time-to-target"
        watch({"event": "phase", "name": "train" if trains else "measure"})
        left_s = None if request.end_by is None else request.end_by - self._now_s
        answer = _within_budget(self._answer(request, trains=trains), left_s)
        self._now_s += answer.cost_s
        repeat = self._repeat(request, answer)
        told = {"event": "replayed", "records": self._records.name, "seed": repeat.seed, "cost_s": answer.cost_s}
        (request.folder / raw.EVENTS).write_text(json.dumps(told) + "\n", encoding="utf-8")
        return repeat

    @property
    def least_s(self) -> float:
        """What the cheapest probe of the table takes (see `Priced`)."""
        return self._records.least_s

    def recall(self, scenario: Scenario, repeats: Sequence[Repeat]) -> None:
        """Takes repeats of a scenario as answered (see `Recalls`)."""
        answered = sum(repeat.outcome is not Outcome.REFUSED for repeat in repeats)
        trains = scenario.measure.procedure == "time-to-target"
        (self._trained if trains else self._probed)[self._records.configuration(scenario)] += answered

    def _refusal(self, scenario: Scenario) -> str | None:
        others = self._records.others(scenario)
        foreign = next((key for key, value in others.items() if value != self._others[key]), None)
        if foreign is not None:
            return f"{self._records.name} has no column {foreign}, so it cannot tell this setup apart"
        return None if self._records.of(scenario) else f"this setup is not in {self._records.name}"

    def _answer(self, request: Request, *, trains: bool) -> _Answer:
        try:
            self.admit(request.scenario)
        except InputError as refusal:
            return _Answer(outcome=Outcome.REFUSED, message=refusal.message)
        rows = self._records.of(request.scenario)
        configuration = self._records.configuration(request.scenario)
        return self._training(rows, configuration, request) if trains else self._probe(rows, configuration)

    def _training(self, every: Sequence[Row], configuration: Configuration, request: Request) -> _Answer:
        rows = [row for row in every if row.train_cost_s is not None]
        k = self._trained[configuration]
        if k >= len(rows):
            return _Answer(outcome=Outcome.REFUSED, message=f"{self._records.name} holds {_held(len(rows))}")
        self._trained[configuration] += 1
        return _training(rows[k], math.inf if request.deadline_s is None else request.deadline_s)

    def _probe(self, every: Sequence[Row], configuration: Configuration) -> _Answer:
        rows = [row for row in every if row.probe_cost_s is not None]
        if not rows:
            return _Answer(outcome=Outcome.REFUSED, message=f"{self._records.name} holds no probe of this setup")
        row = rows[self._probed[configuration] % len(rows)]
        self._probed[configuration] += 1
        assert row.probe_cost_s is not None
        steps = max(1.0, _steps(row, row.probe_cost_s - row.startup_s))
        return _Answer(outcome=row.outcome, row=row, cost_s=row.probe_cost_s, steps=steps)

    def _repeat(self, request: Request, answer: _Answer) -> Repeat:
        row, outcome = answer.row, answer.outcome
        started_s = 0.0 if row is None else min(row.startup_s, answer.cost_s)
        message = answer.message or f"so {self._records.name} says"
        return Repeat(
            index=request.index,
            seed=request.seed if row is None else row.seed,
            order=request.order,
            started_at=now(),
            wall_s=answer.cost_s,
            outcome=outcome,
            failure=None if outcome is Outcome.OK else Failure(kind=outcome.value, message=message),
            phases_s={} if row is None else {"start": started_s, "train": answer.cost_s - started_s},
            figures=None if row is None else _figures(row, request.scenario, answer.steps),
            reach=answer.reach,
            facts={"records": self._records.name, "stopped_by_deadline": answer.cut},
        )


def _held(trainings: int) -> str:
    """How many trainings of a setup there are, when all were taken."""
    if trainings == 0:
        return "no training of this setup"
    return (
        "1 training of this setup, which was taken"
        if trainings == 1
        else f"{trainings} trainings of this setup, all taken"
    )


def _training(row: Row, deadline_s: float) -> _Answer:
    """A training under a deadline in training seconds, which costs at most the start-up and the deadline."""
    assert row.train_cost_s is not None
    limit_s = row.startup_s + deadline_s
    cost_s = min(row.train_cost_s, limit_s)
    if row.time_to_target_s is not None and row.time_to_target_s <= deadline_s:
        assert row.steps_to_target is not None
        reach = Reach(reached=True, time_to_target_s=row.time_to_target_s, steps_to_target=row.steps_to_target)
        return _Answer(outcome=Outcome.OK, row=row, cost_s=cost_s, steps=max(1.0, row.steps_to_target), reach=reach)
    cut = row.train_cost_s > limit_s or row.time_to_target_s is not None
    return _Answer(
        outcome=Outcome.OK if cut else row.outcome,
        row=row,
        cost_s=cost_s,
        steps=_steps(row, cost_s - row.startup_s),
        reach=Reach(reached=False),
        cut=cut,
    )


def _within_budget(answer: _Answer, left_s: float | None) -> _Answer:
    """The answer, or that the budget ended before it: the clock never runs beyond it."""
    if left_s is None or answer.cost_s <= max(0.0, left_s) + _ROUNDING_S:
        return answer
    told = f"the budget ended {human(left_s, 's')} after it began; it takes {human(answer.cost_s, 's')}"
    spent_s = max(0.0, left_s)
    if answer.row is None or answer.reach is None:
        return _Answer(outcome=Outcome.TIMEOUT, message=told, cost_s=spent_s)
    steps = _steps(answer.row, spent_s - answer.row.startup_s)  # a training that is ended has shown its steps till then
    return replace(answer, outcome=Outcome.TIMEOUT, message=told, cost_s=spent_s, steps=steps, reach=None, cut=True)


def _steps(row: Row, training_s: float) -> float:
    """Steady steps in a time on the training clock."""
    return max(0.0, training_s - (row.warmup_s or 0.0)) / row.step_s if row.step_s else 0.0


def _figures(row: Row, scenario: Scenario, steps: float) -> Figures | None:
    """The table's figures; None where it has no step time, or the training ended before its first step did."""
    whole = round(steps)
    if not row.step_s or whole < 1:
        return None
    return Figures(
        measured_steps=whole,
        warmup_steps=0,
        measured_s=whole * row.step_s,
        step_s=row.step_s,
        step_s_halfwidth=None,
        samples_per_step=scenario.training.global_batch,
        tokens_per_step=None,
        data_wait_fraction=None,
        utilization=None,
        power_w=None,
        energy_j_per_sample=None,
        peak_memory_bytes=row.peak_memory_bytes,
        warmup_s=row.warmup_s,
        settled=True,
    )


PLUGIN = ReplayExecutor
