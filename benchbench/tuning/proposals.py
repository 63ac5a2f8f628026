"""What to try next: an ordinary Optuna study with TPE, in a journal file that Optuna's own tools can read.

A setup that reached is a completed trial. One that missed its target, ran out of memory, failed or was refused has
no value, and none is made up for it: it is a pruned trial with a constraint, larger the further it was from having
one, and TPE leads away from it. An interrupted one has failed, which TPE ignores. Every trial's user attributes say
in words what became of it.
"""

from __future__ import annotations

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
_NOTHING = object()


class Proposal(NamedTuple):
    """A setup to try and the number of its trial."""

    number: int
    overrides: Overrides


class Proposer:
    """Proposes each setup once. Used by one thread of one process."""

    def __init__(self, study: str, space: SearchSpace, seed: int, folder: Path) -> None:
        """Opens a new study in a folder's journal.

        Args:
            study: its name.
            space: the axes.
            seed: of every random choice.
            folder: where the journal goes.

        Raises:
            StoreError: the journal cannot be written (as for every method below).
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._folder = folder
        self._space = space
        self._distributions = {key: _distribution(axis) for key, axis in space.axes.items()}
        self._seen: set[str] = set()
        self._open: dict[int, Trial] = {}
        inner = TPESampler(seed=seed, constant_liar=False)
        with self._storing():
            self._study = optuna.create_study(
                study_name=study,
                storage=JournalStorage(JournalFileBackend(str(folder / JOURNAL))),
                sampler=_NewOnly(inner, self._distributions, self._unseen, seed),
                direction="minimize",
            )

    @property
    def exhausted(self) -> bool:
        """Whether every setup of a finite space was proposed."""
        return self._space.size is not None and len(self._seen) >= self._space.size

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
        """The setup if it is new; else, counting from a start in a finite space, the next one that is."""
        overrides = self._space.own(params)
        if identity(overrides) not in self._seen:
            return overrides
        if start is None or self._space.size is None:
            return None
        return self._space.first_new(start % self._space.size, lambda setup: identity(setup) in self._seen)


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
