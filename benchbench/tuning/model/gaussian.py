"""One factor given what was measured of it: hypotheses for what formulas say, a Gaussian process for what they do not.

Values are logarithms. A measurement may be a bound (a training that was stopped: it takes more steps than those);
it is taken in by matching moments once, given the exact ones (expectation propagation's first step, Minka 2001).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.special import log_ndtr

from benchbench.tuning.model.encoding import Encoded, Flags, Floats, Whole
from benchbench.tuning.model.particles import settled
from benchbench.tuning.model.priors import FAILS_ANYWAY, Belief

_LEVEL = 100.0  # variance of the constant that nothing is known of
_REACH = 0.5  # of an axis: measurements so far apart tell of each other with weight exp(-1/2)
_OTHER_CATEGORY = 0.1  # correlation of the effects of two values without an order
_SCALES = (0.4, 1.0, 2.0)
_LEAST_VARIANCE = 1e-6
_HYPOTHESES, _FEWEST = 600, 64
_MOST_WORK = 4e6  # hypotheses times squared measurements: many measurements need few hypotheses


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """How alike setups are in what no formula explains: main effects of the axes, and what all of them do together.

    Attributes:
        axes: the columns that matter.
        category: of each, whether its values have no order.
        effect: variance of each axis's own effect.
        interplay: variance of what is left.
    """

    axes: tuple[int, ...]
    category: tuple[bool, ...]
    effect: tuple[float, ...]
    interplay: float

    def __call__(self, a: Encoded, b: Encoded, scale: float) -> Floats:
        """Covariances, shape (len(a), len(b)); the effects' variances are multiplied by `scale` squared."""
        total = np.full((len(a), len(b)), _LEVEL)
        together = np.full_like(total, self.interplay * scale**2)
        for axis, category, effect in zip(self.axes, self.category, self.effect, strict=True):
            distance = a.coordinates[:, axis][:, None] - b.coordinates[:, axis][None, :]
            alike = (
                np.where(distance != 0, _OTHER_CATEGORY, 1.0) if category else np.exp(-((distance / _REACH) ** 2) / 2)
            )
            total += effect * scale**2 * alike
            together *= alike
        return total + together

    def variance(self, scale: float) -> float:
        """Of one setup."""
        return _LEVEL + (sum(self.effect) + self.interplay) * scale**2


class Seen(NamedTuple):
    """Measurements of a factor.

    Attributes:
        setups: where.
        log: what was found; where `bound`, the value lies above it.
        bound: which are bounds.
        doubt: standard deviations of the exact ones beyond the noise that all have.
        diverged: setups at which training failed.
    """

    setups: Encoded
    log: Floats
    bound: Flags
    doubt: Floats
    diverged: Encoded


@dataclass(frozen=True)
class Prediction:
    """What is expected of a factor.

    Attributes:
        log: shape (hypotheses, setups).
        variance: shape (setups,), of each hypothesis's residual.
        works: shape (hypotheses, setups), the probability that training does not fail.
    """

    log: Floats
    variance: Floats
    works: Floats

    @property
    def mean(self) -> Floats:
        """Over the hypotheses, shape (setups,)."""
        return np.asarray(self.log.mean(axis=0))

    @property
    def spread(self) -> Floats:
        """The standard deviation over everything, shape (setups,)."""
        return np.asarray(np.sqrt(self.variance + self.log.var(axis=0)))


@dataclass(frozen=True, kw_only=True)
class _Setting:
    """A choice of what is not known of the residual, with its matrices."""

    scale: float
    noise: float
    exact: Whole
    bounds: Whole
    factor: Floats
    towards: Floats
    bound_variance: Floats


class Posterior:
    """A factor given measurements. At least one of them must be exact."""

    def __init__(
        self, belief: Belief, kernel: Kernel, noises: Sequence[float], seen: Seen, seed: Sequence[int]
    ) -> None:
        """Fits.

        Args:
            belief: what formulas say.
            kernel: what they do not.
            noises: of a measurement, standard deviations to choose from.
            seen: what was measured.
            seed: of every random choice.
        """
        self._belief, self._kernel, self._seen = belief, kernel, seen
        random = np.random.default_rng(list(seed))
        count = int(max(_FEWEST, min(_HYPOTHESES, _MOST_WORK / max(1, len(seen.log)) ** 2)))
        settings = [self._setting(scale, noise) for scale in _SCALES for noise in noises]
        sample = random.standard_normal((count, belief.size))
        middle = sorted(noises)[len(noises) // 2]
        evidence = [
            _log_mean(self._score(sample, setting)) - _surprise(setting.scale) - _surprise(setting.noise / middle)
            for setting in settings
        ]
        self._setting_used = settings[int(np.argmax(evidence))]
        self.noise = self._setting_used.noise
        self._draws = settled(lambda draws: self._score(draws, self._setting_used), belief.size, count, random)
        self._condition()

    def at(self, setups: Encoded, most: int | None = None) -> Prediction:
        """What is expected of setups, by so many of the hypotheses at most."""
        step = 1 if most is None else max(1, len(self._draws) // most)
        draws, weights = self._draws[::step], self._weights[::step]
        curve = self._belief.curve(draws, setups)
        across = self._kernel(setups, self._seen.setups, self._setting_used.scale)
        log = curve.log + weights @ across.T
        explained = solve_triangular(self._lower, across.T, lower=True)
        variance = self._kernel.variance(self._setting_used.scale) - (explained**2).sum(axis=0)
        works = np.where(curve.diverges, FAILS_ANYWAY, 1 - FAILS_ANYWAY)
        return Prediction(log, np.maximum(variance, _LEAST_VARIANCE), works)

    def together(self, a: Encoded, b: Encoded) -> Floats:
        """Covariances of the hypotheses' residuals between setups, shape (len(a), len(b))."""
        scale = self._setting_used.scale
        of_a, of_b = (
            solve_triangular(self._lower, self._kernel(self._seen.setups, setups, scale), lower=True)
            for setups in (a, b)
        )
        return np.asarray(self._kernel(a, b, scale) - of_a.T @ of_b)

    def _setting(self, scale: float, noise: float) -> _Setting:
        seen = self._seen
        exact, bounds = np.flatnonzero(~seen.bound), np.flatnonzero(seen.bound)
        among = self._kernel(seen.setups.take(exact), seen.setups.take(exact), scale)
        factor = cholesky(among + np.diag(noise**2 + seen.doubt[exact] ** 2), lower=True)
        towards = self._kernel(seen.setups.take(bounds), seen.setups.take(exact), scale)
        explained = solve_triangular(factor, towards.T, lower=True)
        variance = self._kernel.variance(scale) + noise**2 - (explained**2).sum(axis=0)
        return _Setting(
            scale=scale,
            noise=noise,
            exact=exact,
            bounds=bounds,
            factor=factor,
            towards=towards,
            bound_variance=np.maximum(variance, noise**2),
        )

    def _score(self, draws: Floats, setting: _Setting) -> Floats:
        """Log-likelihoods of hypotheses."""
        seen = self._seen
        curve = self._belief.curve(draws, seen.setups)
        residual = seen.log[setting.exact][None, :] - curve.log[:, setting.exact]
        whitened = solve_triangular(setting.factor, residual.T, lower=True)
        score = (
            self._belief.plausibility(draws) - 0.5 * (whitened**2).sum(axis=0) - np.log(np.diag(setting.factor)).sum()
        )
        if len(setting.bounds):
            expected = self._expected_bounds(curve.log, residual, setting)
            beyond = (expected - seen.log[setting.bounds]) / np.sqrt(setting.bound_variance)
            score = score + log_ndtr(beyond).sum(axis=1)
        unlikely, likely = np.log(FAILS_ANYWAY), np.log(1 - FAILS_ANYWAY)
        score = score + np.asarray(np.where(curve.diverges, unlikely, likely)).sum(axis=1)
        if len(seen.diverged):
            fails = self._belief.curve(draws, seen.diverged).diverges
            score = score + np.asarray(np.where(fails, likely, unlikely)).sum(axis=1)
        return np.asarray(score)

    def _expected_bounds(self, log: Floats, residual: Floats, setting: _Setting) -> Floats:
        weights = cho_solve((setting.factor, True), residual.T)
        return np.asarray(log[:, setting.bounds] + (setting.towards @ weights).T)

    def _condition(self) -> None:
        """Takes the bounds in, and keeps what predictions need."""
        seen, setting = self._seen, self._setting_used
        curve = self._belief.curve(self._draws, seen.setups)
        residual = seen.log[None, :] - curve.log
        noise = setting.noise**2 + seen.doubt**2
        if len(setting.bounds):
            expected = self._expected_bounds(curve.log, residual[:, setting.exact], setting)
            site = _site(expected, seen.log[setting.bounds], setting.bound_variance)
            residual[:, setting.bounds] = site.value - curve.log[:, setting.bounds]
            noise[setting.bounds] += site.variance
        among = self._kernel(seen.setups, seen.setups, setting.scale)
        self._lower = cholesky(among + np.diag(noise), lower=True)
        self._weights = cho_solve((self._lower, True), residual.T).T


class _Site(NamedTuple):
    """A bound as a measurement: its value for each hypothesis, and its variance."""

    value: Floats
    variance: Floats


def _site(expected: Floats, bound: Floats, variance: Floats) -> _Site:
    """The measurement that has the effect of a bound on a normal belief.

    Args:
        expected: shape (hypotheses, bounds).
        bound: the values lie above these.
        variance: of the belief, shape (bounds,).
    """
    deviation = np.sqrt(variance)
    below = (bound - expected) / deviation
    hazard = np.exp(-(below**2) / 2 - 0.5 * np.log(2 * np.pi) - log_ndtr(-below))
    told = np.clip(hazard * (hazard - below), 1e-4, 0.95)
    shared = told.mean(axis=0)
    moved = expected + deviation * hazard
    value = moved + (moved - expected) * (1 - shared) / shared
    return _Site(np.minimum(value, np.maximum(expected, bound) + 3 * deviation), variance * (1 - shared) / shared)


def _log_mean(scores: Floats) -> float:
    most = scores.max()
    return float(most + np.log(np.exp(scores - most).mean()))


def _surprise(ratio: float) -> float:
    """How unlikely it is beforehand that the residuals, or the noise, are so many times as large, a logarithm."""
    return 0.5 * float(np.log(ratio)) ** 2
