"""What answers the requests of a search: this machine, or a table of recorded measurements."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from benchbench import registry
from benchbench.cli.console import console
from benchbench.errors import InputError, UnsupportedError
from benchbench.executors import preflight, trainer_answers
from benchbench.executors.base import Executor
from benchbench.executors.kinds.replay import ReplayExecutor
from benchbench.executors.lock import machine_lock
from benchbench.executors.records_file import read
from benchbench.hardware.inventory import machine
from benchbench.record.machine import Machine
from benchbench.scenario import engines
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.feasible import Feasible
from benchbench.tuning.legal import Judge

REPLAY, TRAINING = "replay", "child"


@dataclass(frozen=True, kw_only=True)
class Ground:
    """Where a search's requests are answered.

    Attributes:
        executor: answers them.
        machine: what the answers are of.
        admit: raises InputError for a scenario that cannot be measured here.
        clock: the seconds that they take.
        replayed_from: the table that answers; None where this machine is measured.
        judge: what the trainer's libraries say of scenarios; None where they train nothing.
        feasible: which setups cannot fit into the memory; None where memory does not count.
    """

    executor: Executor
    machine: Machine
    admit: Callable[[Scenario], None]
    clock: Callable[[], float] = time.monotonic
    replayed_from: str | None = None
    judge: Judge | None = None
    feasible: Feasible | None = None

    @property
    def real(self) -> bool:
        """Whether this machine is measured."""
        return self.replayed_from is None

    def check(self, scenario: Scenario) -> None:
        """Refuses a space that holds what cannot be measured here.

        Raises:
            InputError: names the key.
        """
        if self.real:
            engines.check_search(scenario)

    def prepare(self, baseline: Scenario, file: Path, changed: Sequence[str]) -> None:
        """Makes ready what every measurement needs, and shows it.

        Args:
            baseline: what is measured first.
            file: the scenario's.
            changed: the keys that the command line set.

        Raises:
            InputError: it cannot be trained here.
        """
        from benchbench.cli.live import Preparation

        if self.real:
            with Preparation(console()) as shown:
                preflight.check_models([baseline], [str(file)], changed, shown.watch)

    def lock(self, say: Callable[[str], None], holder: str) -> AbstractContextManager[int | None]:
        """The machine's lock, where measurements take turns."""
        return machine_lock(say, holder) if self.real else contextlib.nullcontext()


def ground(name: str, records: Path | None, scenario: Scenario) -> Ground:
    """The ground of an executor.

    Args:
        name: the executor's.
        records: the table to replay.
        scenario: what is searched.

    Raises:
        InputError: no such executor; or a table is missing, cannot be read, or lacks a key of the space.
    """
    try:
        make = registry.load(registry.EXECUTORS, name)
    except UnsupportedError as error:
        raise UnsupportedError(error.message, key="--executor") from None
    if name == REPLAY:
        return _replayed(records, scenario)
    if records is not None:
        raise InputError(f"only --executor {REPLAY} reads records", key="--records")
    here = machine()
    return Ground(
        executor=cast("Callable[[], Executor]", make)(),
        machine=here,
        admit=lambda candidate: preflight.check(candidate, here),
        judge=_judged if name == TRAINING else None,
        feasible=Feasible(here) if name == TRAINING else None,
    )


def _judged(scenarios: Sequence[Scenario]) -> Sequence[str | None]:
    """What the trainer's libraries say, with the preparation of the data shown."""
    from benchbench.cli.live import Preparation

    with Preparation(console()) as shown:
        return trainer_answers.refusals(scenarios, shown.watch)


def _replayed(file: Path | None, scenario: Scenario) -> Ground:
    if file is None:
        raise InputError("names the table that --executor replay answers from", key="--records")
    records = read(file)
    for part, key in (*(("space", k) for k in scenario.search.space), *(("proxy", k) for k in scenario.search.proxy)):
        if key not in records.keys:
            raise InputError(
                f"{file} has no column of that name, so it cannot tell its values apart; it has "
                f"{', '.join(records.keys)}",
                key=f"search.{part}.{key}",
            )
    executor = ReplayExecutor(records, scenario)
    return Ground(
        executor=executor,
        machine=machine().model_copy(update={"cpu": f"replayed from {records.name}", "devices": ()}),
        admit=executor.admit,
        clock=executor.clock,
        replayed_from=str(file),
    )
