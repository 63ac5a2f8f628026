"""A recorded table as a rival meets it: trainings and probes for virtual seconds, up to a budget.

The rules are those of `--executor replay`: the k-th training of a setup gets its k-th row, after the last one there is
none; a training with a deadline costs at most the start-up and the deadline, and has not reached a target beyond it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchbench.executors.records import Configuration, Records, Scalar, comparable
from benchbench.executors.records_file import read
from benchbench.record.types import Outcome

Setup = Mapping[str, Scalar]
REPEATS = 3  # of a confirmation


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table and the truth of it.

    Attributes:
        records: the rows.
        space: the values of every key, each once, in the order of the table.
        baseline: what a user runs today.
        truth: the median time to target of each configuration, over its rows or as generated; infinite for a miss.
    """

    records: Records
    space: Mapping[str, Sequence[Scalar]]
    baseline: Setup
    truth: Mapping[Configuration, float]

    @property
    def kind(self) -> str:
        """The first word of its name."""
        return self.records.name.partition("-")[0]

    @property
    def baseline_cost_s(self) -> float:
        """One training of the baseline, start-up inside: its mean over the rows."""
        rows = self.records.rows[self.configuration(self.baseline)]
        return float(np.mean([row.train_cost_s for row in rows if row.train_cost_s is not None]))

    def configuration(self, setup: Setup) -> Configuration:
        """As the table knows it."""
        return tuple(comparable(setup[key]) for key in self.records.keys)

    def true_s(self, setup: Setup) -> float:
        """The setup's median time to target."""
        return self.truth[self.configuration(setup)]

    def regret(self, setup: Setup) -> float:
        """The setup's true time over the best, less one."""
        return self.true_s(setup) / min(self.truth.values()) - 1


def table(file: Path, baseline: Setup, truth: Mapping[Configuration, float] | None = None) -> Table:
    """A table from its file.

    Args:
        file: the CSV file.
        baseline: what a user runs today.
        truth: of a generated table; else the median over the rows.
    """
    records = read(file)
    space: dict[str, dict[object, Scalar]] = {key: {} for key in records.keys}
    for configuration in records.rows:
        for key, value in zip(records.keys, configuration, strict=True):
            space[key].setdefault(value, _plain(value))
    medians = {configuration: _median(rows) for configuration, rows in records.rows.items()}
    values = {key: list(found.values()) for key, found in space.items()}
    return Table(records=records, space=values, baseline=baseline, truth=truth or medians)


def _plain(value: object) -> Scalar:
    """A comparable value as a setting."""
    found = value[1] if isinstance(value, tuple) else value
    assert found is None or isinstance(found, (bool, int, float, str))
    return found


def _median(rows: Sequence[object]) -> float:
    times = [getattr(row, "time_to_target_s", None) for row in rows]
    return float(np.median([math.inf if time is None else time for time in times]))


class Answer(NamedTuple):
    """What a request found.

    Attributes:
        time_s: to the target, on the training clock; None where it was not reached.
        step_s: a steady step; None where it did not run.
        cost_s: what it took.
    """

    time_s: float | None
    step_s: float | None
    cost_s: float


class OutOfBudget(Exception):  # noqa: N818 - it ends a search, and is no error
    """The budget, or what of it is not set aside for the confirmation, is spent."""


class Player:
    """A rival's view of a table. The confirmation of the baseline and of the best so far is always set aside."""

    def __init__(self, of: Table, budget_s: float) -> None:
        """Trains the baseline, which every search begins with."""
        self.table, self.budget_s, self.spent_s = of, budget_s, 0.0
        self._trained: Counter[Configuration] = Counter()
        self._probed: Counter[Configuration] = Counter()
        self.best: tuple[float, Setup] | None = None
        self._reserve_s = 0.0
        first = self.train(of.baseline)
        assert first is not None
        self._baseline_s = first.cost_s
        self._reserve_s = 2 * REPEATS * first.cost_s

    @property
    def left_s(self) -> float:
        """Seconds before the confirmation must begin."""
        return self.budget_s - self.spent_s - self._reserve_s

    @property
    def best_s(self) -> float:
        """The best time so far; infinite before the first."""
        return math.inf if self.best is None else self.best[0]

    def setups(self) -> list[Setup]:
        """Every setup of the table."""
        names = list(self.table.space)
        return [dict(zip(names, map(_plain, configuration), strict=True)) for configuration in self.table.records.rows]

    def train(self, setup: Setup, deadline_s: float = math.inf) -> Answer | None:
        """A training; None where the table holds no more of them.

        Raises:
            OutOfBudget: it did not end before the confirmation had to begin.
        """
        configuration = self.table.configuration(setup)
        rows = [row for row in self.table.records.rows.get(configuration, ()) if row.train_cost_s is not None]
        if self._trained[configuration] >= len(rows):
            return None
        row = rows[self._trained[configuration]]
        self._trained[configuration] += 1
        assert row.train_cost_s is not None
        cost_s = min(row.train_cost_s, row.startup_s + deadline_s)
        self._spend(cost_s)
        reached = row.outcome is Outcome.OK and row.time_to_target_s is not None
        time_s = row.time_to_target_s if reached and (row.time_to_target_s or 0.0) <= deadline_s else None
        if time_s is not None and time_s < self.best_s:
            self.best = (time_s, setup)
            if self._reserve_s:
                self._reserve_s = REPEATS * (self._baseline_s + min(cost_s, self._baseline_s))
        return Answer(time_s, row.step_s, cost_s)

    def probe(self, setup: Setup) -> Answer | None:
        """A probe of the step time; None where the table holds none.

        Raises:
            OutOfBudget: see `train`.
        """
        configuration = self.table.configuration(setup)
        rows = [row for row in self.table.records.rows.get(configuration, ()) if row.probe_cost_s is not None]
        if not rows:
            return None
        row = rows[self._probed[configuration] % len(rows)]
        self._probed[configuration] += 1
        assert row.probe_cost_s is not None
        self._spend(row.probe_cost_s)
        return Answer(None, row.step_s, row.probe_cost_s)

    def _spend(self, cost_s: float) -> None:
        if cost_s > self.left_s:
            self.spent_s = self.budget_s
            raise OutOfBudget
        self.spent_s += cost_s
