"""Which setups are expected to hold the constraints that depend on what moves seconds per step: memory and power."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from benchbench.scenario.knobs import Factor
from benchbench.tuning.model.encoding import Encoded, Encoding, Floats
from benchbench.tuning.model.factored import Expected, Factored
from benchbench.tuning.model.gaussian import Kernel, Posterior, Seen
from benchbench.tuning.model.priors import Curve
from benchbench.tuning.model.readings import Reading

_EFFECT, _INTERPLAY = 0.3, 0.1  # of a setting on the logarithm, standard deviations
_NOISES = (0.01, 0.03)  # from one process to the next


@dataclass(frozen=True)
class Holding(Factored):
    """The factors, and how likely a setup holds each constraint; one that does not is as good as one that fails."""

    limits: tuple[Posterior, ...]

    @classmethod
    def around(cls, factored: Factored, readings: Sequence[Reading], seed: Sequence[int]) -> Holding:
        """Fits the constraints.

        Args:
            factored: the factors.
            readings: what was measured.
            seed: of every random choice.
        """
        count = max((len(reading.of_limits) for reading in readings), default=0)
        found = (_limit(factored.encoding, readings, index, (*seed, 4, index)) for index in range(count))
        limits = tuple(one for one in found if one is not None)
        return cls(
            factored.encoding, factored.step, factored.steps, factored.warmup, factored.most_steps, limits=limits
        )

    def expected(self, setups: Encoded, most: int = 64) -> Expected:
        """See `Factored`."""
        found = super().expected(setups, most)
        return replace(found, works=found.works * self.holds(setups)[None, :])

    def holds(self, setups: Encoded) -> Floats:
        """The probability that setups hold all constraints, shape (setups,)."""
        together = np.ones(len(setups))
        for limit in self.limits:
            found = limit.at(setups)
            together *= ndtr(-found.mean / np.sqrt(found.spread**2 + limit.noise**2))
        return together


def _limit(encoding: Encoding, readings: Sequence[Reading], index: int, seed: Sequence[int]) -> Posterior | None:
    """The logarithm of a constraint's value over its bound; None where no reading tells it."""
    told = [(r, r.of_limits[index]) for r in readings if index < len(r.of_limits)]
    found = [(r, ratio) for r, ratio in told if ratio is not None and ratio > 0]
    if not found:
        return None
    seen = Seen(
        setups=encoding.encode([r.overrides for r, _ in found]),
        log=np.log(np.array([ratio for _, ratio in found])),
        bound=np.zeros(len(found), dtype=bool),
        doubt=np.zeros(len(found)),
        diverged=encoding.encode([]),
    )
    return Posterior(_Flat(), _kernel(encoding), _NOISES, seen, seed)


def _kernel(encoding: Encoding) -> Kernel:
    columns = [(i, column) for i, column in enumerate(encoding.columns) if column.moves is not Factor.STEPS]
    return Kernel(
        axes=tuple(index for index, _ in columns),
        category=tuple(column.categories is not None for _, column in columns),
        effect=(_EFFECT**2,) * len(columns),
        interplay=_INTERPLAY**2,
    )


@dataclass(frozen=True)
class _Flat:
    """The belief that nothing is known beforehand."""

    size: int = 1

    def plausibility(self, draws: Floats) -> Floats:
        """See `Belief`."""
        return np.zeros(len(draws))

    def curve(self, draws: Floats, setups: Encoded) -> Curve:
        """See `Belief`."""
        log = np.zeros((len(draws), len(setups)))
        return Curve(log, np.zeros(log.shape, dtype=bool))
