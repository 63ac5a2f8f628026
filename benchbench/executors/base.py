"""The protocol of an executor. It is one file in `kinds/`; its `PLUGIN` is a class that satisfies it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from benchbench.record.types import Repeat
from benchbench.scenario.scenario import Scenario
from benchbench.values import Value

Watch = Callable[[Mapping[str, Any]], None]
"""Called in the parent with what happens: `{"event": "phase", "name": ...}`, `{"progress": {...}}`, ..."""

IDLE_S = 2.0
"""How long the devices are watched before a trainer starts, where what they draw when idle is wanted."""


class Request(Value):
    """One repeat of one scenario, to be measured in a fresh process.

    With `longest_rows` the trainer trains on its longest rows alone, to learn what memory they take; with
    `test_split` it scores the trained model once on the rows that nothing has looked at. `examine` says that this is
    a repeat in which `measure.profile: auto` looks at where time and memory go. A throughput run is given up once its
    steps are sure to take longer than `too_slow_s`; a replayed one costs what its table says for all that. `end_by` is
    when the budget ends, by the clock that counts it; `timeout_s` is never longer.
    """

    scenario: Scenario
    index: int
    order: int
    folder: Path
    timeout_s: float
    deadline_s: float | None = None
    too_slow_s: float | None = None
    end_by: float | None = None
    lock_fd: int | None = None
    longest_rows: bool = False
    test_split: bool = False
    examine: bool = False

    @property
    def seed(self) -> int:
        """The repeat's seed: `training.seed + index`."""
        return self.scenario.training.seed + self.index


class Executor(Protocol):
    """Carries out requests, one at a time.

    `run` leaves the repeat's raw lines in `request.folder` (see `record.raw`) and returns its `Repeat`. It
    returns for every way in which a run can go wrong. When the user interrupts (KeyboardInterrupt arrives while it
    waits), it ends what it started and returns the outcome `interrupted`.
    """

    def run(self, request: Request, watch: Watch) -> Repeat:
        """Carries out one repeat.

        Args:
            request: what to measure; `timeout_s` is the hard deadline of the whole process tree, `deadline_s` the
                training seconds after which a target no longer counts.
            watch: is told what happens, at most about once a second.
        """
        ...


@runtime_checkable
class Priced(Protocol):
    """An executor that knows beforehand what its answers take."""

    @property
    def least_s(self) -> float:
        """Seconds of the cheapest probe; 0 where there is none."""
        ...


@runtime_checkable
class Recalls(Protocol):
    """An executor whose answers depend on those before: it can be told of some that an earlier command got."""

    def recall(self, scenario: Scenario, repeats: Sequence[Repeat]) -> None:
        """Takes repeats of a scenario as answered."""
        ...
