"""A sampler of Optuna's own as a method: every candidate a whole measurement, each setup once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from benchbench.record.study import Overrides
from benchbench.tuning.method import Field, Means, Plan, Standing
from benchbench.tuning.model.readings import Reading
from benchbench.tuning.space import Scalar, identity
from benchbench.tuning.stop import Stop

_TRIES = 16
_DRAWS = 1_000  # at random, in a space that cannot be counted through
_COUNTABLE = 20_000
_NOTHING = object()


class BlackBox:
    """Lets a sampler propose what was not proposed before."""

    def __init__(self, field: Field, make: Callable[[int], BaseSampler]) -> None:
        """Makes the sampler.

        Args:
            field: what is searched.
            make: a sampler from a seed. One is made for every proposal, for Optuna stores no sampler's random state,
                and what a search proposes must follow from what it measured alone.
        """
        self._field = field
        self._make = make
        self._seen: set[str] = set()
        self._count = 0
        self._passed = 0
        self._found_none = False
        self._sampler = _NewOnly(make(field.seed), field.distributions, self._unseen, field.seed)
        self.sampler: BaseSampler = self._sampler

    def saw(self, overrides: Overrides, reading: Reading | None) -> None:
        """See `Method`; what an earlier study cut short may be proposed again, under today's deadline."""
        if reading is None or not (reading.reused and reading.cut):
            self._seen.add(identity(overrides))
        self._count += 1

    def plan(self, means: Means) -> Plan | Stop:  # noqa: ARG002 - see `Method`
        """See `Method`."""
        if self._exhausted:
            return Stop.EXHAUSTED
        seed = int(np.random.default_rng((self._field.seed, self._count)).integers(2**31))
        self._sampler.begin(self._make(seed), seed)
        return Plan()

    def standing(
        self,
        setups: Sequence[Overrides],  # noqa: ARG002 - see `Method`
        *,
        second: bool = False,  # noqa: ARG002
    ) -> Standing | None:
        """See `Method`."""
        return None

    @property
    def _exhausted(self) -> bool:
        """Whether every setup that may be was proposed; where they cannot be counted through, as far as is seen."""
        size = self._field.space.size
        if size is None or size > _COUNTABLE:
            return self._found_none
        while self._passed < size and not self._is_new(self._field.space.setup(self._passed)):
            self._passed += 1
        return self._passed >= size

    def _unseen(self, start: int | None, params: Mapping[str, Scalar]) -> Overrides | None:
        """The setup if it is new; else, given a start, the next one that is, or in a large space one at random."""
        space = self._field.space
        overrides = space.own(params)
        if self._is_new(overrides):
            return overrides
        if start is None:
            return None
        if space.size is not None and space.size <= _COUNTABLE:
            return space.first_new(start % space.size, lambda setup: not self._is_new(setup))
        random = np.random.default_rng(start)
        drawn = (space.drawn(random) for _ in range(_DRAWS))
        found = next((setup for setup in drawn if self._is_new(setup)), None)
        self._found_none = found is None
        return found

    def _is_new(self, overrides: Overrides) -> bool:
        return identity(overrides) not in self._seen and self._field.legal(overrides)


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

    def begin(self, inner: BaseSampler, seed: int) -> None:
        """Takes a sampler for the next proposal."""
        self._inner = inner
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
