"""The time to target as the product of its factors: what is expected of every setup, and of measuring it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchbench.scenario.knobs import Factor
from benchbench.tuning.model import priors
from benchbench.tuning.model.encoding import BATCH, MICRO, RATE, Encoded, Encoding, Floats
from benchbench.tuning.model.gaussian import Kernel, Posterior, Prediction, Seen
from benchbench.tuning.model.priors import StepsToTarget, StepTime
from benchbench.tuning.model.readings import Failing, Reading

HYPOTHESES = 64  # of a prediction
_MOST_READINGS = 100
_COMPILES = "training.compile"
_UNKNOWN_STEPS, _UNKNOWN_DOUBT = math.log(2.0), 1.0  # of a baseline that did not reach: about twice what it trained
_WARMUP_ERROR = 0.15


@dataclass(frozen=True)
class Expected(Prediction):
    """What is expected of the time to target of setups, in seconds on the training clock; `log` is of the median.

    Attributes:
        step_spread: shape (setups,), the part of the uncertainty that a probe would take away.
        longest: shape (setups,), the logarithm of what all steps take that a training may: beyond it nothing reaches.
        noise: of the logarithm, from seed to seed.
    """

    step_spread: Floats
    longest: Floats
    noise: float


@dataclass(frozen=True)
class Factored:
    """The factors given readings of a space's setups."""

    encoding: Encoding
    step: Posterior
    steps: Posterior | None
    warmup: Posterior
    most_steps: float

    @classmethod
    def of(
        cls,
        encoding: Encoding,
        pool: Encoded,
        readings: Sequence[Reading],
        seed: Sequence[int],
        *,
        trains: bool,
        baseline: Encoded,
    ) -> Factored:
        """Fits the factors.

        Args:
            encoding: of the space.
            pool: setups that stand for it.
            readings: what was measured; a step time at least once.
            seed: of every random choice.
            trains: whether a target is trained for.
            baseline: what a user runs today.
        """
        readings = _telling(readings)
        steps = None
        if trains:
            belief = StepsToTarget.of(encoding, pool, baseline)
            kernel = _kernel(encoding, Factor.STEP_S, (BATCH, RATE), priors.STEPS_EFFECT, priors.STEPS_INTERPLAY)
            steps = Posterior(belief, kernel, priors.STEPS_NOISE, _steps(encoding, readings), (*seed, 1))
        kernel = _kernel(encoding, Factor.STEPS, (BATCH, MICRO), priors.STEP_EFFECT, priors.STEP_INTERPLAY)
        step = Posterior(StepTime(), kernel, priors.STEP_NOISE, _step(encoding, readings), (*seed, 2))
        given_up = [r.more_steps_than for r in readings if r.gave_up and r.more_steps_than is not None]
        return cls(encoding, step, steps, _warmup(encoding, readings, seed), min(given_up, default=math.inf))

    @property
    def noise(self) -> float:
        """Of the logarithm of a time to target, from seed to seed."""
        return self.step.noise if self.steps is None else math.hypot(self.step.noise, self.steps.noise)

    def expected(self, setups: Encoded, most: int = HYPOTHESES) -> Expected:
        """What is expected of setups."""
        step = self.step.at(setups, most)
        if self.steps is None:
            log = step.log - np.log(setups.batch)[None, :]
            return Expected(log, step.variance, step.works, step.spread, np.full(len(setups), math.inf), self.noise)
        steps = self.steps.at(setups, most)
        count = min(len(step.log), len(steps.log))
        product = step.log[:count] + steps.log[:count]
        warmup_s = np.exp(self.warmup.at(setups, count).mean)
        log = np.logaddexp(product, np.log(warmup_s)[None, :])
        return Expected(
            log,
            step.variance + steps.variance,
            steps.works[:count],
            step.spread,
            step.mean + math.log(self.most_steps),
            self.noise,
        )


def _kernel(
    encoding: Encoding, not_moving: Factor, explained: Sequence[str], effect: float, interplay: float
) -> Kernel:
    columns = [(index, column) for index, column in enumerate(encoding.columns) if column.moves is not not_moving]
    return Kernel(
        axes=tuple(index for index, _ in columns),
        category=tuple(column.categories is not None for _, column in columns),
        effect=tuple((priors.EXPLAINED if column.key in explained else effect) ** 2 for _, column in columns),
        interplay=interplay**2,
    )


def _telling(readings: Sequence[Reading]) -> Sequence[Reading]:
    """Those that the model is made of: all, or where there are very many the fastest and the newest of them."""
    if len(readings) <= _MOST_READINGS:
        return readings
    newest = range(len(readings) - _MOST_READINGS // 3, len(readings))
    order = sorted(range(len(readings)), key=lambda index: _product(readings[index]))
    others = [index for index in order if index not in newest]
    return [readings[index] for index in sorted([*others[: _MOST_READINGS - len(newest)], *newest])]


def _product(reading: Reading) -> float:
    """Steps times seconds, as far as they were seen: small where a setup is, or may be, fast."""
    return (reading.steps or reading.more_steps_than or math.inf) * (reading.step_s or reading.step_s_over or math.inf)


def _step(encoding: Encoding, readings: Sequence[Reading]) -> Seen:
    found = [(r, step_s) for r in readings if (step_s := r.step_s or r.step_s_over) is not None]
    bound = [r.step_s is None for r, _ in found]
    return _seen(encoding, [r for r, _ in found], [math.log(step_s) for _, step_s in found], bound)


def _steps(encoding: Encoding, readings: Sequence[Reading]) -> Seen:
    told = [r for r in readings if r.steps is not None or r.more_steps_than is not None]
    values = [math.log(max(1.0, r.steps or r.more_steps_than or 1.0)) for r in told]
    bound = [r.steps is None for r in told]
    doubt = [0.0] * len(told)
    if told and all(bound):  # then the level is not known: as if the longest training had been half of one
        longest = int(np.argmax(values))
        told, bound, doubt = [*told, told[longest]], [*bound, False], [*doubt, _UNKNOWN_DOUBT]
        values = [*values, values[longest] + _UNKNOWN_STEPS]
    diverged = [r for r in readings if r.failing is Failing.DIVERGED]
    return _seen(encoding, told, values, bound, doubt, diverged)


def _warmup(encoding: Encoding, readings: Sequence[Reading], seed: Sequence[int]) -> Posterior:
    """Of a plain process, with the belief that compiling takes a while."""
    found = [(r, r.warmup_s) for r in readings if r.warmup_s is not None and r.warmup_s > 0]
    setups = [r for r, _ in found] or list(readings[:1])
    values = [math.log(warmup_s) for _, warmup_s in found] or [math.log(0.1)]
    kernel = _kernel(encoding, Factor.STEPS, (), priors.COMPILING_SPREAD, 0.1)
    return Posterior(Compiles.of(encoding), kernel, (_WARMUP_ERROR,), _seen(encoding, setups, values), (*seed, 3))


@dataclass(frozen=True)
class Compiles:
    """The logarithm of the warm-up: nothing but that compilation adds to it."""

    column: int | None
    plain: float
    size: int = 1

    @classmethod
    def of(cls, encoding: Encoding) -> Compiles:
        """For a space."""
        found = [(i, c) for i, c in enumerate(encoding.columns) if c.key == _COMPILES and c.categories is not None]
        return cls(found[0][0], found[0][1].coordinate("none")) if found else cls(None, 0.0)

    def plausibility(self, draws: Floats) -> Floats:
        """See `Belief`."""
        return np.zeros(len(draws))

    def curve(self, draws: Floats, setups: Encoded) -> priors.Curve:
        """See `Belief`."""
        log = np.zeros((len(draws), len(setups)))
        if self.column is not None:
            compiles = setups.coordinates[:, self.column] != self.plain
            log = log + np.where(compiles, math.log(priors.COMPILING), 0.0)[None, :]
        return priors.Curve(log, np.zeros(log.shape, dtype=bool))


def _seen(
    encoding: Encoding,
    readings: Sequence[Reading],
    values: Sequence[float],
    bound: Sequence[bool] | None = None,
    doubt: Sequence[float] | None = None,
    diverged: Sequence[Reading] = (),
) -> Seen:
    count = len(readings)
    return Seen(
        setups=encoding.encode([r.overrides for r in readings]),
        log=np.array(values, dtype=np.float64),
        bound=np.array(bound if bound is not None else [False] * count, dtype=bool),
        doubt=np.array(doubt if doubt is not None else [0.0] * count, dtype=np.float64),
        diverged=encoding.encode([r.overrides for r in diverged]),
    )
