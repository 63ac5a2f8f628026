"""How a search measures: through the executor's rounds, so that every measurement is an ordinary stored run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchbench.errors import InputError
from benchbench.executors.base import Executor
from benchbench.executors.rounds import Further, Plan, RoundsWatch, measure
from benchbench.record.machine import Machine
from benchbench.record.taking_up import Taken, take_up
from benchbench.record.types import Outcome, Run
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.budget import Allowance


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where a search measures.

    Attributes:
        executor: carries out the repeats.
        out: the results folder.
        machine: its fingerprint.
        clock: the budget's.
        command: what the user typed.
        lock_fd: the machine's lock.
        kept: whether runs are stored.
        study: the search's name.
        resumed: whether an earlier command may have left runs of it that are not whole.
    """

    executor: Executor
    out: Path
    machine: Machine
    clock: Callable[[], float]
    command: tuple[str, ...] = ()
    lock_fd: int | None = None
    kept: bool = True
    study: str | None = None
    resumed: bool = False

    def measure(
        self,
        scenarios: Sequence[Scenario],
        allowance: Allowance,
        watch: RoundsWatch,
        *,
        repeats: int,
        first_index: int,
        test_split: bool = False,
        further: Further | None = None,
    ) -> list[Run]:
        """Measures and stores setups in interleaved rounds.

        Args:
            scenarios: the setups.
            allowance: what they may take together, and each on the training clock.
            watch: is told what happens.
            repeats: of each.
            first_index: of the repeats' seeds.
            test_split: whether the trained models are scored on the test split: a claim is being confirmed, and a
                repeat that was disturbed is measured again.
            further: whether to go on for a round beyond those repeats; None for no more.

        Returns:
            The runs of which at least one repeat ended, in the order given.

        Raises:
            StoreError: a run could not be stored.
            KeyboardInterrupt: the user asked to stop, and no repeat was under way.
        """
        plan = Plan(
            scenarios=scenarios,
            out=self.out,
            machine=self.machine,
            command=self.command,
            repeats=repeats,
            further=further,
            first_index=first_index,
            end_by=allowance.end_by,
            deadline_s=allowance.deadline_s,
            too_slow_s=allowance.too_slow_s,
            lock_fd=self.lock_fd,
            kept=self.kept,
            study=self.study,
            taken=[self._left(scenario, first_index) for scenario in scenarios] if self.resumed and self.kept else (),
            test_split=test_split,
            again=test_split,
            clock=self.clock,
        )
        measured = measure(plan, self.executor, watch)
        for one in measured.stored:
            if one.problem is not None:
                raise one.problem
        runs = [one.run for one in measured.stored]
        if measured.interrupted and not any(run.outcome is Outcome.INTERRUPTED for run in runs):
            raise KeyboardInterrupt  # it came between two repeats; the runs are stored
        return runs

    def _left(self, scenario: Scenario, first_index: int) -> Taken | None:
        """What a killed command left of the same measurement."""
        try:
            left = take_up(self.out, scenario, self.machine, self.study)
        except InputError:
            return None
        if any(index < first_index for index in left.ended):
            left.draft.leave()
            return None
        return left
