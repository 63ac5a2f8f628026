"""Where a learning curve is going: a posterior over the step at which it will meet its target.

The curve so far is explained by an ensemble of families, as Domhan et al. (2015, "Speeding up automatic hyperparameter
optimization of deep neural networks by extrapolation of learning curves") do: those that saturate (a power law, an
exponential of Weibull's shape, Hill's sigmoid, an inverse logarithm) and those that do not (a logarithm, a power).
A curve is `start + rise x family(step; shape)`. The shapes are drawn from broad priors once and for all; for each of
them start, rise and noise have a conjugate posterior in closed form (a Bayesian linear regression), so that no chain is
needed: shapes are weighed by their evidence. That a curve's past explains its future less well the older it is, as the
exponential-decay kernel of Swersky et al. (2014, "Freeze-thaw Bayesian optimization") has it, is said by weights that
grow with the step. What is to be beaten is Adriaensen et al. (2023, "Efficient Bayesian learning curve extrapolation
using prior-data fitted networks").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple, Protocol

import numpy as np

from benchbench.stats.crossing import Goal, Look
from benchbench.stats.intervals import Array

FALSE_STOPS = 0.05
"""Of the trainings that would have reached, the share that may be stopped."""
_LEAST_LIKELY = 0.03  # a curve is looked at often, and each look may err: one of them must be much surer than the whole
FEWEST_LOOKS = 5
_LUCK = 1.0  # an evaluation that errs upward meets a target before its curve does
_SHAPES = 80  # of each family
_DRAWS = 1500
_PULL = 0.5  # of an evaluation's information: neighbours err alike, and no family is the truth
_AGEING = 1.0  # the power of its age with which an evaluation's weight falls
_FREEDOM = 3.0  # degrees of freedom of the prior of the noise
_LEAST_NOISE = 0.02  # of the curve's range
_BREADTH = 2.0  # of the prior of start and rise, in ranges of the curve
_NEVER = 1e9  # times the steps so far
_SEED = 20151  # of every random choice: the same curve has the same forecast


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Equally likely steps at which the curve meets the target, in ascending order; infinite where it never does."""

    steps: Array

    def probability_by(self, step: float) -> float:
        """How likely the target is met by a step."""
        return float(np.searchsorted(self.steps, step, side="right")) / len(self.steps)

    def quantile(self, share: float) -> float | None:
        """The step by which the target is met with a probability; None where that is never."""
        step = float(self.steps[min(len(self.steps) - 1, int(share * len(self.steps)))])
        return step if math.isfinite(step) else None


class _Family(Protocol):
    """A shape between 0 at step 0 and, where it saturates, 1; steps are in units of the last one that was seen."""

    def values(self, steps: Array, shapes: Array) -> Array:
        """Of shape (shapes, steps); a shape is a row of two numbers."""
        ...

    def inverse(self, values: Array, shapes: Array) -> Array:
        """The steps at which values are passed, a value a shape; infinite where never."""
        ...


class _PowerLaw:
    """1 - (1 + t / a) ** -b."""

    def values(self, steps: Array, shapes: Array) -> Array:
        """See `_Family`."""
        scale, power = shapes[:, :1], 0.8 * shapes[:, 1:]
        return np.asarray(1 - (1 + steps / scale) ** -power)

    def inverse(self, values: Array, shapes: Array) -> Array:
        """See `_Family`."""
        left = np.maximum(1 - values, 0.0)
        return np.asarray(shapes[:, 0] * (left ** (-1 / (0.8 * shapes[:, 1])) - 1))


class _Weibull:
    """1 - exp(-(t / a) ** b), an exponential where b is 1."""

    def values(self, steps: Array, shapes: Array) -> Array:
        """See `_Family`."""
        return np.asarray(-np.expm1(-((steps / shapes[:, :1]) ** shapes[:, 1:])))

    def inverse(self, values: Array, shapes: Array) -> Array:
        """See `_Family`."""
        left = np.maximum(1 - values, 0.0)
        return np.asarray(shapes[:, 0] * (-np.log(left)) ** (1 / shapes[:, 1]))


class _Hill:
    """t ** b / (a ** b + t ** b)."""

    def values(self, steps: Array, shapes: Array) -> Array:
        """See `_Family`."""
        return np.asarray(1 / (1 + (shapes[:, :1] / steps) ** shapes[:, 1:]))

    def inverse(self, values: Array, shapes: Array) -> Array:
        """See `_Family`."""
        odds = np.where(values < 1, values / np.maximum(1 - values, 1e-300), math.inf)
        return np.asarray(shapes[:, 0] * odds ** (1 / shapes[:, 1]))


class _InverseLogarithm:
    """1 - (1 + log(1 + t / a)) ** -b: saturates, but hardly."""

    def values(self, steps: Array, shapes: Array) -> Array:
        """See `_Family`."""
        return np.asarray(1 - (1 + np.log1p(steps / shapes[:, :1])) ** -shapes[:, 1:])

    def inverse(self, values: Array, shapes: Array) -> Array:
        """See `_Family`."""
        left = np.maximum(1 - values, 0.0)
        return np.asarray(shapes[:, 0] * np.expm1(left ** (-1 / shapes[:, 1]) - 1))


class _Logarithm:
    """log(1 + t / a): does not saturate."""

    def values(self, steps: Array, shapes: Array) -> Array:
        """See `_Family`."""
        return np.asarray(np.log1p(steps / shapes[:, :1]))

    def inverse(self, values: Array, shapes: Array) -> Array:
        """See `_Family`."""
        return np.asarray(shapes[:, 0] * np.expm1(values))


class _Power:
    """t ** (b / 2): may even become steeper, as where a learning rate that was too high is lowered."""

    def values(self, steps: Array, shapes: Array) -> Array:
        """See `_Family`."""
        return np.asarray(steps ** (0.5 * shapes[:, 1:]))

    def inverse(self, values: Array, shapes: Array) -> Array:
        """See `_Family`."""
        return np.asarray(values ** (2 / shapes[:, 1]))


_FAMILIES: tuple[_Family, ...] = (_PowerLaw(), _Weibull(), _Hill(), _InverseLogarithm(), _Logarithm(), _Power())


class _Fits(NamedTuple):
    """The posterior of each shape; `mean` and `spread` are of start and rise, `spread` lower triangular."""

    log_evidence: Array
    mean: Array
    spread: Array
    freedom: float
    scatter: Array


def forecast(looks: Sequence[Look], goal: Goal, *, luck: float = 0.0) -> Forecast | None:
    """When a curve will meet its target, as far as it tells.

    Args:
        looks: at least three evaluations, in the order of their steps, which are above 0.
        goal: what is to be met.
        luck: standard deviations of an evaluation's error by which the curve itself may fall short of it.

    Returns:
        None of a curve of fewer evaluations.
    """
    if len(looks) < 3:
        return None
    last = float(looks[-1].step)
    steps = np.array([look.step for look in looks], dtype=np.float64) / last
    sign = 1.0 if goal.rises else -1.0
    values, bound = sign * np.array([look.value for look in looks], dtype=np.float64), sign * goal.bound
    unit = max(float(np.ptp(values)), abs(bound - float(values[-1])), 1e-9)
    middle = float(values[0])
    told, wanted = (values - middle) / unit, (bound - middle) / unit
    shapes = _shapes()
    noise = max(_roughness(told), _LEAST_NOISE * float(np.ptp(told)), 1e-4)
    fits = [
        _fit(family.values(steps, shape), told, steps, noise) for family, shape in zip(_FAMILIES, shapes, strict=True)
    ]
    crossings = _crossings(fits, shapes, wanted, luck)
    return Forecast(steps=np.sort(last * np.maximum(crossings, 1.0)))


def cannot_reach(looks: Sequence[Look], goal: Goal, last_step: float) -> bool:
    """Whether a curve will not meet its target by a step, so surely that at most `FALSE_STOPS` of all such are wrong.

    Never said of the first few evaluations, and never on the word of a single one: the curve without its last
    evaluation must say the same.

    Args:
        looks: every evaluation so far, in order.
        goal: what is to be met.
        last_step: by which.
    """
    if len(looks) <= FEWEST_LOOKS or any(goal.met_by(look.value) for look in looks[-2:]):
        return False
    for seen in (looks, looks[:-1]):
        found = forecast(seen, goal, luck=_LUCK)
        if found is None or found.probability_by(last_step) > _LEAST_LIKELY:
            return False
    return True


@cache
def _shapes() -> Array:
    """The shapes of every family, of shape (families, shapes, 2): a scale in steps, and a power around 1."""
    random = np.random.default_rng(_SEED)
    drawn = random.standard_normal((len(_FAMILIES), _SHAPES, 2))
    scale = np.exp(1.8 * drawn[..., 0] - 0.3)
    power = np.exp(0.6 * drawn[..., 1] + 0.1)
    return np.stack([scale, power], axis=-1)


def _roughness(values: Array) -> float:
    """The noise of a series by its second differences, which a smooth curve does not have; robust against one jump."""
    if len(values) < 4:
        return 0.0
    second = values[2:] - 2 * values[1:-1] + values[:-2]
    return float(np.median(np.abs(second))) / 0.6745 / math.sqrt(6.0)


def _fit(basis: Array, values: Array, steps: Array, noise: float) -> _Fits:
    """Bayesian linear regressions of a curve on shapes, with a normal-inverse-gamma prior.

    Args:
        basis: shape (shapes, steps).
        values: of the curve, 0 at its first evaluation and of the order of 1.
        steps: at which.
        noise: a guess of their standard deviation.
    """
    weights = _PULL * steps**_AGEING
    prior = (noise / _BREADTH) ** 2
    count = float(weights.sum())
    cross, square = basis @ weights, basis**2 @ weights
    first, second = count + prior, square + prior
    root = first * second - cross**2
    right = np.stack([np.full(len(basis), float(weights @ values)), basis @ (weights * values)], axis=-1)
    mean = np.stack([second * right[:, 0] - cross * right[:, 1], first * right[:, 1] - cross * right[:, 0]], axis=-1)
    mean = mean / root[:, None]
    scatter = _FREEDOM * noise**2 + float(weights @ values**2) - (right * mean).sum(axis=-1)
    scatter = np.maximum(scatter, 1e-12)
    freedom = _FREEDOM + count
    log_evidence = -0.5 * np.log(root / prior**2) - 0.5 * freedom * np.log(scatter)
    a = np.sqrt(second / root)
    b = -cross / root / a
    c = np.sqrt(np.maximum(first / root - b**2, 0.0))
    spread = np.stack([np.stack([a, np.zeros_like(a)], axis=-1), np.stack([b, c], axis=-1)], axis=-2)
    return _Fits(log_evidence, mean, spread, freedom, scatter)


def _crossings(fits: Sequence[_Fits], shapes: Array, wanted: float, luck: float) -> Array:
    """Draws of the step at which curves pass a value, in units of the last one."""
    random = np.random.default_rng(_SEED)
    evidence = np.concatenate([fit.log_evidence for fit in fits])
    weights = np.exp(evidence - evidence.max())
    positions = (random.random() + np.arange(_DRAWS)) / _DRAWS
    chosen = np.minimum(np.searchsorted(np.cumsum(weights) / weights.sum(), positions), len(weights) - 1)
    normals, variances = random.standard_normal((_DRAWS, 2)), random.chisquare(fits[0].freedom, _DRAWS)
    crossings = np.empty(_DRAWS)
    for index, (family, fit) in enumerate(zip(_FAMILIES, fits, strict=True)):
        mine = np.flatnonzero(chosen // _SHAPES == index)
        own = chosen[mine] % _SHAPES
        noise = np.sqrt(fit.scatter[own] / variances[mine])
        start_rise = fit.mean[own] + noise[:, None] * (fit.spread[own] @ normals[mine][:, :, None])[:, :, 0]
        with np.errstate(all="ignore"):
            share = (wanted - luck * noise - start_rise[:, 0]) / start_rise[:, 1]
            found = family.inverse(np.maximum(share, 0.0), shapes[index][own])
        found = np.where(share <= 0, 1.0, np.where(found < _NEVER, found, math.inf))
        crossings[mine] = np.where(start_rise[:, 1] > 0, found, math.inf)
    return crossings
