"""What is believed of the two factors before anything is measured, all of it, with where each belief comes from.

Each belief is a number of standard normal draws and a formula that makes curves of them. They are broad: a few
measurements outweigh them, and what no curve explains is left to the residual of `gaussian.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from scipy.special import ndtr

from benchbench.tuning.model.encoding import Encoded, Encoding, Flags, Floats

# Residuals, standard deviations of a logarithm: what a setting does that no formula here speaks of.
STEP_EFFECT, STEP_INTERPLAY = 0.3, 0.1
STEPS_EFFECT, STEPS_INTERPLAY = 0.25, 0.15
EXPLAINED = 0.15  # the residual of a setting that a formula speaks of
STEP_NOISE = (0.01, 0.02, 0.04)  # from one process to the next
STEPS_NOISE = (0.06, 0.12, 0.25)  # from seed to seed (Henderson et al. 2018 found as much in reinforcement learning)
COMPILING, COMPILING_SPREAD = 25.0, 1.2  # times the warm-up without it, and the deviation of its logarithm
FAILS_ANYWAY = 0.03  # how often a training diverges that should not, or does not where it should

# Learning rates relative to AdamW's best. Lion: 3 to 10 times smaller (Chen et al. 2023); LAMB's are larger (You et al.
# 2020); plain gradients and momentum: tens of times larger (Goyal et al. 2017 beside Loshchilov and Hutter 2019).
_RELATIVE_RATE = {
    "adam": 1.0, "adamw": 1.0, "lion": 0.2, "lamb": 3.0, "adafactor": 3.0, "muon": 10.0, "momentum": 10.0, "sgd": 20.0,
}  # fmt: skip
_RATE_SPREAD = 0.5  # orders of magnitude, of that relation
_BEYOND = 0.25  # orders of magnitude beyond the range that is searched, within which the best rate is looked for
# The best rate grows with a power of the batch: the root for Adam and its kin (Malladi et al. 2022), the batch itself
# for plain gradients (Goyal et al. 2017), as far as it is below the critical one (Shallue et al. 2019).
_POWER, _POWER_OF_GRADIENTS, _POWER_SPREAD = 0.45, 0.8, 0.2
_GRADIENTS = ("sgd", "momentum")
# Steps to the target follow 1 + B_crit / B (McCandlish et al. 2018); B_crit is looked for around the batches searched.
_CRITICAL_BELOW, _CRITICAL_ABOVE = math.log(2.0), math.log(8.0)
# The logarithm of the steps grows by so much per squared order of magnitude from the best rate; more steeply above it,
# up to where training diverges (Smith 2018 shows such curves).
_STEEP, _STEEP_SPREAD = math.log(0.8), 0.9
_LOPSIDED, _LOPSIDED_SPREAD = math.log(1.6), 0.3
_DIVERGES, _DIVERGES_SPREAD = math.log(6.0), 0.6
_CARE = 1.0  # of the logarithm: what today's learning rate loses to the best one, on average
_STEEPEST = 8.0  # in the logarithm: beyond it nothing reaches


class Curve(NamedTuple):
    """What each hypothesis says of each setup, both of shape (hypotheses, setups).

    Attributes:
        log: of the factor, up to a constant that is not known.
        diverges: whether training fails there.
    """

    log: Floats
    diverges: Flags


class Belief(Protocol):
    """A family of curves; `size` standard normal draws make one of them."""

    @property
    def size(self) -> int:
        """How many draws a hypothesis has."""
        ...

    def plausibility(self, draws: Floats) -> Floats:
        """What is believed beyond the normal draws, as log-probabilities, shape (hypotheses,)."""
        ...

    def curve(self, draws: Floats, setups: Encoded) -> Curve:
        """What hypotheses say.

        Args:
            draws: shape (hypotheses, size).
            setups: where.
        """
        ...


@dataclass(frozen=True)
class StepTime:
    """Seconds a step: so many passes, each with a part that does not grow with its sequences (a roofline's floor)."""

    size: int = 2
    _FLOOR_ROWS = 16.0  # sequences that take as long as the floor: its median
    _FLOOR_SPREAD = 1.5

    def plausibility(self, draws: Floats) -> Floats:
        """See `Belief`."""
        return np.zeros(len(draws))

    def curve(self, draws: Floats, setups: Encoded) -> Curve:
        """See `Belief`."""
        rows = self._FLOOR_ROWS * np.exp(self._FLOOR_SPREAD * draws[:, :1])
        saturation = 0.5 + 0.5 * ndtr(draws[:, 1:2] + 1.0)  # threads and caches: less than in proportion
        passes = np.ceil(setups.batch / setups.micro)[None, :]
        one = rows + setups.micro[None, :] ** saturation
        log = np.log(passes) + np.log(one)
        return Curve(log, np.zeros(log.shape, dtype=bool))


class _Constants(NamedTuple):
    """Of each hypothesis: shape (hypotheses,), or (hypotheses, optimizers)."""

    critical: Floats
    best: Floats
    power: Floats
    below: Floats
    above: Floats
    edge: Floats


@dataclass(frozen=True)
class StepsToTarget:
    """Steps: what the batch saves, and a lopsided bowl over the learning rate for every optimizer.

    Attributes:
        optimizers: their names, by the numbers of `Encoded.optimizer`.
        batches: the least and the largest that are searched.
        rates: the same of the learning rates.
        batch: to which the best rates refer.
    """

    optimizers: tuple[str, ...]
    batches: tuple[float, float]
    rates: tuple[float, float]
    batch: float
    baseline: Encoded

    @classmethod
    def of(cls, encoding: Encoding, setups: Encoded, baseline: Encoded) -> StepsToTarget:
        """The belief for a space, of which some setups are given."""
        batches, rates = _ends(setups.batch), _ends(setups.rate)
        return cls(encoding.optimizers, batches, rates, math.sqrt(batches[0] * batches[1]), baseline)

    @property
    def size(self) -> int:
        """See `Belief`: two that all share, three and two more of every optimizer."""
        return 6 + 2 * len(self.optimizers)

    def curve(self, draws: Floats, setups: Encoded) -> Curve:
        """See `Belief`."""
        constants = self._constants(draws)
        bowl, diverges = self._bowl(constants, setups)
        return Curve(np.log1p(constants.critical[:, None] / setups.batch[None, :]) + bowl, diverges)

    def plausibility(self, draws: Floats) -> Floats:
        """See `Belief`: what a user runs today was chosen with some care."""
        bowl, _ = self._bowl(self._constants(draws), self.baseline)
        return np.asarray(-bowl[:, 0] / _CARE)

    def _bowl(self, constants: _Constants, setups: Encoded) -> Curve:
        """What a learning rate that is not the best adds to the logarithm of the steps."""
        shape = (len(constants.critical), len(setups))
        if self.rates[0] == self.rates[1]:
            return Curve(np.zeros(shape), np.zeros(shape, dtype=bool))
        growth = constants.power[:, setups.optimizer] * np.log10(setups.batch / self.batch)[None, :]
        distance = np.log10(setups.rate)[None, :] - constants.best[:, setups.optimizer] - growth
        steep = np.where(distance > 0, constants.above[:, None], constants.below[:, None])
        return Curve(np.minimum(steep * distance**2, _STEEPEST), distance > constants.edge[:, None])

    def _constants(self, draws: Floats) -> _Constants:
        low, high = (math.log(batch) for batch in self.batches)
        critical = np.exp(_within(draws[:, 0], low - _CRITICAL_BELOW, high + _CRITICAL_ABOVE))
        below = np.exp(_STEEP + _STEEP_SPREAD * draws[:, 1])
        above = below * np.exp(_LOPSIDED + _LOPSIDED_SPREAD * draws[:, 2])
        edge = (_DIVERGES + _DIVERGES_SPREAD * draws[:, 3]) / math.log(10)
        count = len(self.optimizers)
        relative = np.log10([_RELATIVE_RATE.get(name, 1.0) for name in self.optimizers])
        lowest, highest = (math.log10(rate) for rate in self.rates)
        best = _within(draws[:, 4], lowest - _BEYOND, highest + _BEYOND)[:, None] + relative - relative[0]
        best = best + _RATE_SPREAD * draws[:, 6 : 6 + count] * (count > 1)
        middle = np.array([_POWER_OF_GRADIENTS if name in _GRADIENTS else _POWER for name in self.optimizers])
        power = middle + _POWER_SPREAD * draws[:, 6 + count : 6 + 2 * count]
        return _Constants(critical, best, power, below, above, edge)


def _within(draws: Floats, low: float, high: float) -> Floats:
    """Standard normal draws made even between two ends."""
    return np.asarray(low + (high - low) * ndtr(draws))


def _ends(values: Sequence[float] | Floats) -> tuple[float, float]:
    return float(np.min(values)), float(np.max(values))
