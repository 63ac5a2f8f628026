"""What to try next: an ordinary Optuna study with TPE, in a journal file that Optuna's own tools can read.

A setup that reached is a completed trial. One that missed its target, ran out of memory, failed or was refused has
no value, and none is made up for it: it is a pruned trial with a constraint, larger the further it was from having
one, and TPE leads away from it. An interrupted one has failed, which TPE ignores. Every trial's user attributes say
in words what became of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from benchbench.errors import StoreError
from benchbench.record.study import Overrides
from benchbench.tuning.space import Axis, Listed, Ranged, Scalar, SearchSpace, identity

JOURNAL = "optuna.journal"
CONSTRAINT = "no value"
_TRIES = 16
_DRAWS = 1_000  # at random, in a space that cannot be counted through
_COUNTABLE = 20_000
_NOTHING = object()


class Proposal(NamedTuple):
    """A setup to try and the number of its trial."""

    number: int
    overrides: Overrides


class Proposer:
    """Proposes each setup once, and none that cannot run. Used by one thread of one process."""

    def __init__(
        self,
        study: str,
        space: SearchSpace,
        seed: int,
        folder: Path,
        legal: Callable[[Overrides], bool] = lambda _setup: True,
        *,
        durable: bool = True,
    ) -> None:
        """Opens a new study in a folder's journal.

        Args:
            study: its name.
            space: the axes.
            seed: of every random choice.
            folder: where the journal goes.
            legal: whether a setup may be proposed.
            durable: whether each entry of the journal must survive the machine, and not just the process.

        Raises:
            StoreError: the journal cannot be written (as for every method below).
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._folder = folder
        self._space = space
        self._distributions = {key: _distribution(axis) for key, axis in space.axes.items()}
        self._legal = legal
        self._seen: set[str] = set()
        self._passed = 0
        self._found_none = False
        self._open: dict[int, Trial] = {}
        inner = TPESampler(seed=seed, constant_liar=False)
        with self._storing():
            self._study = optuna.create_study(
                study_name=study,
                storage=JournalStorage((JournalFileBackend if durable else _QuickJournal)(str(folder / JOURNAL))),
                sampler=_NewOnly(inner, self._distributions, self._unseen, seed),
                direction="minimize",
            )

    @property
    def exhausted(self) -> bool:
        """Whether every setup that may be was proposed; where they cannot be counted through, as far as is seen."""
        size = self._space.size
        if size is None or size > _COUNTABLE:
            return self._found_none
        while self._passed < size and not self._is_new(self._space.setup(self._passed)):
            self._passed += 1
        return self._passed >= size

    def baseline(self, overrides: Overrides, *, is_candidate: bool) -> Proposal:
        """Puts what a user runs today first.

        Args:
            overrides: its settings for every key of the space; those that the space lacks are left to the trial's
                attributes.
            is_candidate: it is one of the space's setups, and so is not proposed again.
        """
        inside = {key: value for key, value in overrides.items() if self._space.holds(key, value)}
        if is_candidate:
            self._seen.add(identity(overrides))
        with self._storing():
            self._study.enqueue_trial(inside)
            return self._opened(self._study.ask({key: self._distributions[key] for key in inside}), overrides)

    def ask(self) -> Proposal:
        """The next setup; never one that was proposed before. Not to be asked when `exhausted`."""
        with self._storing():
            trial = self._study.ask(self._distributions)
            overrides = self._space.own(trial.params)
            self._seen.add(identity(overrides))
            return self._opened(trial, overrides)

    def tell(self, proposal: Proposal, value: float | None, shortfall: float, said: Mapping[str, Any]) -> None:
        """Says what became of a proposal.

        Args:
            proposal: an open one.
            value: the objective's; None when it has none.
            shortfall: without a value, how far it was from having one (above 0).
            said: what the trial's attributes say.
        """
        with self._storing():
            trial = self._described(proposal.number, said)
            if value is not None:
                self._study.tell(trial, value)
                return
            trial.set_constraint(CONSTRAINT, shortfall)
            self._study.tell(trial, state=TrialState.PRUNED)

    def abandon(self, proposal: Proposal, said: Mapping[str, Any]) -> None:
        """Closes a proposal that was interrupted: it says nothing of its setup."""
        with self._storing():
            self._study.tell(self._described(proposal.number, said), state=TrialState.FAIL)

    @contextmanager
    def _storing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"cannot be written: {error.strerror or error}", file=str(self._folder / JOURNAL)
            ) from error

    def _opened(self, trial: Trial, overrides: Overrides) -> Proposal:
        self._open[trial.number] = trial
        trial.set_user_attr("overrides", overrides)
        return Proposal(trial.number, overrides)

    def _described(self, number: int, said: Mapping[str, Any]) -> Trial:
        trial = self._open.pop(number)
        for name, value in said.items():
            if value is not None:
                trial.set_user_attr(name, value)
        return trial

    def _unseen(self, start: int | None, params: Mapping[str, Scalar]) -> Overrides | None:
        """The setup if it is new; else, given a start, the next one that is, or in a large space one at random."""
        overrides = self._space.own(params)
        if self._is_new(overrides):
            return overrides
        if start is None:
            return None
        if self._space.size is not None and self._space.size <= _COUNTABLE:
            return self._space.first_new(start % self._space.size, lambda setup: not self._is_new(setup))
        random = np.random.default_rng(start)
        drawn = (self._space.drawn(random) for _ in range(_DRAWS))
        found = next((setup for setup in drawn if self._is_new(setup)), None)
        self._found_none = found is None
        return found

    def _is_new(self, overrides: Overrides) -> bool:
        return identity(overrides) not in self._seen and self._legal(overrides)


class _QuickJournal(JournalFileBackend):
    """Optuna's own format, handed to the operating system at once; written by one process alone."""

    def __init__(self, file_path: str) -> None:
        super().__init__(file_path)
        self._file = Path(file_path)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """See `BaseJournalBackend`."""
        with self._file.open("ab") as file:
            file.write("".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs).encode())


def _distribution(axis: Axis) -> BaseDistribution:
    if isinstance(axis, Listed):
        return CategoricalDistribution(axis.values)
    assert isinstance(axis, Ranged)
    low, step, log = axis.range.low, axis.range.step, axis.range.log
    if axis.range.whole:
        return IntDistribution(int(low), int(axis.last), log=log, step=int(step or 1))
    return FloatDistribution(float(low), float(axis.last), log=log, step=None if step is None else float(step))


def _only_value(distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[0]
    assert isinstance(distribution, (IntDistribution, FloatDistribution))
    return distribution.low


class _NewOnly(BaseSampler):
    """Lets another sampler propose until it proposes something new; then picks a new setup at random."""

    def __init__(
        self,
        inner: BaseSampler,
        distributions: Mapping[str, BaseDistribution],
        unseen: Callable[[int | None, Mapping[str, Scalar]], Overrides | None],
        seed: int,
    ) -> None:
        self._inner = inner
        self._distributions = distributions
        self._unseen = unseen
        self._random = np.random.default_rng(seed)

    def infer_relative_search_space(
        self,
        study: optuna.Study,  # noqa: ARG002 - Optuna's protocol
        trial: FrozenTrial,  # noqa: ARG002
    ) -> dict[str, BaseDistribution]:
        """The whole space, whatever the baseline left out."""
        return {key: d for key, d in self._distributions.items() if not d.single()}

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """A whole setup."""
        for remaining in range(_TRIES, 0, -1):
            proposed = self._inner.sample_relative(study, trial, search_space)
            params = {key: _only_value(d) for key, d in self._distributions.items() if d.single()}
            for key, distribution in search_space.items():
                chosen = proposed.get(key, _NOTHING)
                if chosen is _NOTHING:
                    chosen = self._inner.sample_independent(study, trial, key, distribution)
                params[key] = chosen
            start = None if remaining > 1 else int(self._random.integers(2**31))
            found = self._unseen(start, params)
            if found is not None:
                params = dict(found)
                break
        return {key: params[key] for key in search_space}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """What the inner sampler says."""
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Passed on."""
        self._inner.before_trial(study, trial)

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        """Passed on."""
        self._inner.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Passed on."""
        self._inner.reseed_rng()
