"""What to try next: an ordinary Optuna study in a journal file that Optuna's own tools can read.

A setup that reached is a completed trial, of two objectives with two values; a constraint of the scenario is one of
its trial's, above 0 where it is broken. One that missed its target, ran out of memory, failed or was refused has
no value, and none is made up for it: it is a pruned trial with a constraint, larger the further it was from having
one, and TPE leads away from it. A probe of the step time is a pruned trial too, without one. An interrupted trial has
failed, which samplers ignore, and so has a baseline outside the space, which has no place among its setups. Every
trial's user attributes say in words what became of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, cast

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import Trial, TrialState

from benchbench import registry
from benchbench.errors import StoreError
from benchbench.record.study import Overrides
from benchbench.tuning.method import Field, Means, Method, Plan, Standing
from benchbench.tuning.model.readings import Reading
from benchbench.tuning.stop import Stop

JOURNAL = "optuna.journal"
CONSTRAINT = "no value"


class Proposal(NamedTuple):
    """A setup to try.

    Attributes:
        number: of its trial.
        overrides: the setup.
        plan: how it is to be measured.
        tells: whether it tells of the space's setups; a baseline that differs outside the space does not.
        predicted: the objective that is expected of it; None where nothing is.
    """

    number: int
    overrides: Overrides
    plan: Plan = Plan()
    tells: bool = True
    predicted: float | None = None


class Found(NamedTuple):
    """What became of a setup, as Optuna is told.

    Attributes:
        values: of each objective; None when it has none.
        shortfall: without values, how far it was from having them (above 0).
        excesses: how far it is beyond each of the scenario's constraints; 0 or less where it holds.
    """

    values: tuple[float, ...] | None
    shortfall: float
    excesses: Mapping[str, float] = MappingProxyType({})


class Proposer:
    """Proposes setups, none that cannot run. Used by one thread of one process."""

    def __init__(self, study: str, field: Field, folder: Path, *, durable: bool = True) -> None:
        """Opens a new study in a folder's journal; one that a killed command left there is made anew.

        Args:
            study: its name.
            field: what is searched; its scenario names the method.
            folder: where the journal goes.
            durable: whether each entry of the journal must survive the machine, and not just the process.

        Raises:
            StoreError: the journal cannot be written (as for every method below).
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._folder = folder
        self._field = field
        self._open: dict[int, Trial] = {}
        make = cast("Callable[[Field], Method]", registry.load(registry.METHODS, field.scenario.search.method))
        self._method = make(field)
        with self._storing():
            for name in (JOURNAL, f"{JOURNAL}.lock"):
                (folder / name).unlink(missing_ok=True)
            self._study = optuna.create_study(
                study_name=study,
                storage=JournalStorage((JournalFileBackend if durable else _QuickJournal)(str(folder / JOURNAL))),
                sampler=self._method.sampler,
                directions=["minimize"] * field.objectives,
            )

    def baseline(self, overrides: Overrides, *, tells: bool) -> Proposal:
        """Puts what a user runs today first.

        Args:
            overrides: its settings for every key of the space; those that the space lacks are left to the trial's
                attributes.
            tells: whether it differs from the space's setups in these settings alone.
        """
        inside = {key: value for key, value in overrides.items() if self._field.space.holds(key, value)}
        with self._storing():
            self._study.enqueue_trial(inside)
            return self._opened(
                self._study.ask({key: self._field.distributions[key] for key in inside}), overrides
            )._replace(tells=tells)

    def ask(self, means: Means) -> Proposal | Stop:
        """The next setup and how to measure it; or why nothing more is to be measured."""
        plan = self._method.plan(means)
        if isinstance(plan, Stop):
            return plan
        with self._storing():
            trial = self._study.ask(dict(self._field.distributions))
            return self._opened(trial, self._field.space.own(trial.params), plan)

    def again(self, overrides: Overrides, plan: Plan, *, tells: bool) -> Proposal:
        """Opens a trial that a search had before it was taken up; see `baseline` and `ask`."""
        return self.baseline(overrides, tells=tells)._replace(plan=plan)

    def tell(
        self,
        proposal: Proposal,
        found: Found,
        said: Mapping[str, Any],
        reading: Reading | None,
    ) -> None:
        """Says what became of a proposal.

        Args:
            proposal: an open one.
            found: its values, or how far it was from having them.
            said: what the trial's attributes say.
            reading: what was measured; None where it was refused.
        """
        told = {**said, "reading": None if reading is None else _document(reading)}
        with self._storing():
            trial = self._described(proposal.number, told)
            if proposal.tells:
                self._method.saw(proposal.overrides, reading)
            for key, excess in found.excesses.items():
                trial.set_constraint(key, excess)
            if len(trial.params) < len(self._field.distributions):  # a baseline outside the space
                self._study.tell(trial, state=TrialState.FAIL)
                return
            if found.values is not None:
                self._study.tell(trial, found.values)
                return
            if not proposal.plan.probe:
                trial.set_constraint(CONSTRAINT, found.shortfall)
            self._study.tell(trial, state=TrialState.PRUNED)

    def abandon(self, proposal: Proposal, said: Mapping[str, Any]) -> None:
        """Closes a proposal that was interrupted: it says nothing of its setup."""
        with self._storing():
            self._study.tell(self._described(proposal.number, said), state=TrialState.FAIL)

    @property
    def study(self) -> optuna.Study:
        """The study itself, for Optuna's own tools."""
        return self._study

    def standing(self, setups: Sequence[Overrides], *, second: bool = False) -> Standing | None:
        """What setups are held to be worth by all measurements; see `Method`."""
        return self._method.standing(setups, second=second)

    @contextmanager
    def _storing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"cannot be written: {error.strerror or error}", file=str(self._folder / JOURNAL)
            ) from error

    def _opened(self, trial: Trial, overrides: Overrides, plan: Plan | None = None) -> Proposal:
        self._open[trial.number] = trial
        trial.set_user_attr("overrides", overrides)
        return Proposal(trial.number, overrides, plan or Plan())

    def _described(self, number: int, said: Mapping[str, Any]) -> Trial:
        trial = self._open.pop(number)
        for name, value in said.items():
            if value is not None:
                trial.set_user_attr(name, value)
        return trial


class _QuickJournal(JournalFileBackend):
    """Optuna's own format, handed to the operating system at once; written by one process alone."""

    def __init__(self, file_path: str) -> None:
        super().__init__(file_path)
        self._file = Path(file_path)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """See `BaseJournalBackend`."""
        with self._file.open("ab") as file:
            file.write("".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode())


def _document(reading: Reading) -> dict[str, Any]:
    """A reading without its setup, which the trial holds beside it."""
    return {name: value for name, value in asdict(reading).items() if name != "overrides" and value is not None}
