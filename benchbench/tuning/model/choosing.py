"""What to measure next: the request whose expected gain per second of its cost is the largest.

The gain is that of the logarithm of the best time, as the model of all measurements holds it, so that one lucky
training is not chased: what it is expected to move that by (a knowledge gradient; Frazier, Powell and Dayanik 2009).
Every training carries a deadline, chosen with it: beyond it the setup is no longer worth its time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from benchbench.tuning.model.encoding import Encoded, Flags, Floats, Whole
from benchbench.tuning.model.factored import HYPOTHESES, Expected, Factored

_DEADLINES = (0.5, 0.7, 0.85, 1.0, 1.3, 1.7)  # times the best time
_MATTERS = 0.01  # of the time: a smaller gain is none
WORTH = 0.004  # of the time: where no request is expected to gain more, more search cannot pay
_PRICE = 0.5  # the power of its cost by which a gain is divided: as few trainings are paid for, the dear ones count too
_PROBE_SPREAD = 0.08  # of the step time's logarithm: what is known better than that is not probed
_PROBE_SHARE = 0.5  # of the training's expected cost: a dearer probe is not worth it
_PROBE_WORTH = 2.0  # times what a probe tells: its outcome serves every later training
_CANDIDATES, _OTHERS = 120, 200  # setups of which it is worked out what a probe of one tells of the other
_OUTCOMES = ndtri((np.arange(15) + 0.5) / 15)  # of a probe, in standard deviations, equally likely
_TINY = 1e-12


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What requests cost here, in wall-clock seconds.

    Attributes:
        startup_s: of a training, outside the training clock.
        probe_s: of a probe.
        left_s: that are left when the baseline's confirmation is set aside.
        repeats: of a confirmation.
        finalist_s: one repeat of the best setup; None where that is the baseline, and a confirmation of what is found
            now must be set aside.
        failing_share: of its deadline that a training takes which fails.
    """

    startup_s: float
    probe_s: float
    left_s: float
    repeats: int = 0
    finalist_s: float | None = None
    failing_share: float = 0.5

    def affords(self, most_s: Floats, typical_s: Floats) -> Flags:
        """Whether trainings leave enough for the confirmation.

        Args:
            most_s: what each may take.
            typical_s: what one takes that reaches; so long is a repeat of its confirmation.
        """
        confirmed_s = typical_s if self.finalist_s is None else np.full_like(typical_s, self.finalist_s)
        return np.asarray(most_s + self.repeats * confirmed_s <= self.left_s)


class Choice(NamedTuple):
    """A request.

    Attributes:
        setup: its index in the pool.
        deadline_s: of a training, on the training clock; None for a probe.
        gain: what it is expected to take off the logarithm of the best time.
        cost_s: what it is expected to cost.
        too_slow_s: of a probe, seconds of a step beyond which it cannot matter any more; None where that is not known.
    """

    setup: int
    deadline_s: float | None
    gain: float
    cost_s: float
    too_slow_s: float | None = None


def choose(
    model: Factored,
    pool: Encoded,
    best_log: float,
    costs: Costs,
    probed: Flags,
    allowed: Flags,
    legal: Callable[[int], bool] = lambda _: True,
) -> Choice | None:
    """The next request; None when nothing that can be afforded is expected to gain anything.

    Args:
        model: of all measurements.
        pool: setups to choose from.
        best_log: the logarithm of the best time so far, as the model holds it.
        costs: of requests.
        probed: whose step time has been measured, in themselves or in one that is alike.
        allowed: which may be measured, as far as is known.
        legal: whether one of the pool may, which takes a while to find out: it is asked of those that are chosen.
    """
    expected = model.expected(pool)
    if model.steps is None:
        pick = partial(_probe, _gain(expected, best_log, math.inf), costs)
    else:
        pick = partial(_request, model, pool, _weighed(expected, best_log, costs), costs, probed)
    left = allowed.copy()
    while True:
        choice = pick(left)
        if choice is None or legal(choice.setup):
            return choice
        left[choice.setup] = False


class _Weighed(NamedTuple):
    """Trainings of setups under several deadlines; what has two axes is of shape (deadlines, setups).

    Attributes:
        expected: of the setups.
        deadlines: logarithms of seconds.
        gains, seconds: of each training.
        affordable: whether it leaves enough for the confirmation.
    """

    expected: Expected
    deadlines: Floats
    gains: Floats
    seconds: Floats
    affordable: Flags


def _weighed(expected: Expected, best_log: float, costs: Costs) -> _Weighed:
    deadlines = np.log(np.array(_DEADLINES)) + best_log
    gains, seconds = _worth(expected, best_log, deadlines, costs)
    typical_s = costs.startup_s + np.exp(np.minimum(deadlines[:, None], expected.mean[None, :]))
    most_s = costs.startup_s + np.exp(np.minimum(deadlines[:, None], expected.longest[None, :]))
    return _Weighed(expected, deadlines, gains, seconds, costs.affords(most_s, typical_s))


def _request(
    model: Factored, pool: Encoded, weighed: _Weighed, costs: Costs, probed: Flags, allowed: Flags
) -> Choice | None:
    expected, deadlines, gains, seconds, affordable = weighed
    open_to = np.asarray(allowed[None, :] & affordable)
    rates = np.where(open_to, gains, 0.0) / seconds**_PRICE
    which, index = (int(i) for i in np.unravel_index(int(np.argmax(rates)), rates.shape))
    gain, cost_s = float(gains[which, index]), float(seconds[which, index])
    if rates[which, index] <= 0 or gain < WORTH:
        return None if rates[which, index] <= 0 else Choice(index, None, gain, cost_s)
    telling = _telling_probe(model, pool, expected, probed, np.asarray(open_to.any(axis=0)))
    if telling is not None and costs.probe_s < costs.left_s:
        probe, told = telling
        if _PROBE_WORTH * told / costs.probe_s**_PRICE > rates[which, index]:
            return Choice(probe, None, told, costs.probe_s)
    unsure = not probed[index] and expected.step_spread[index] > _PROBE_SPREAD
    if unsure and costs.probe_s < min(_PROBE_SHARE * cost_s, costs.left_s):
        return Choice(index, None, gain, costs.probe_s)
    return Choice(index, float(math.exp(deadlines[which])), gain, cost_s)


def _telling_probe(
    model: Factored, pool: Encoded, expected: Expected, probed: Flags, allowed: Flags
) -> tuple[int, float] | None:
    """The probe that tells the most of all setups, and how far it is expected to lower the least expected time.

    The knowledge gradient for correlated beliefs (Frazier, Powell and Dayanik 2009).
    """
    hopeful = expected.mean - expected.spread
    candidates = _least(hopeful, allowed & ~probed, _CANDIDATES)
    others = _least(hopeful, allowed, _OTHERS)
    if not len(candidates):
        return None
    step = model.step.at(pool, HYPOTHESES)
    deviation = step.log - step.mean
    together = deviation[:, candidates].T @ deviation[:, others] / len(deviation)
    together = together + model.step.together(pool.take(candidates), pool.take(others))
    moved = together / np.sqrt(step.spread[candidates] ** 2 + model.step.noise**2)[:, None]
    now = expected.mean[others]
    after = np.mean([(now[None, :] + moved * outcome).min(axis=1) for outcome in _OUTCOMES], axis=0)
    told = now.min() - after
    best = int(np.argmax(told))
    return int(candidates[best]), float(told[best])


def _least(values: Floats, among: Flags, count: int) -> Whole:
    """Indexes of the least values, as many at most."""
    found = np.flatnonzero(among)
    return np.asarray(found[np.argsort(values[found])[:count]], dtype=np.int64)


def _probe(gains: Floats, costs: Costs, allowed: Flags) -> Choice | None:
    if costs.probe_s > costs.left_s:
        return None
    open_to = np.where(allowed, gains, 0.0)
    index = int(np.argmax(open_to))
    return Choice(index, None, float(open_to[index]), costs.probe_s) if open_to[index] > _TINY else None


def _gain(expected: Expected, best_log: float, deadline: float) -> Floats:
    """What a measurement under a deadline is expected to take off the best, shape (setups,)."""
    mean, variance = expected.mean, expected.spread**2
    pull = variance / (variance + expected.noise**2)  # of a measurement on the model
    outcome = np.sqrt(expected.variance + expected.noise**2)
    short = best_log - _MATTERS - mean - pull * (expected.log - mean)  # of the goal, once the outcome is as expected
    last = np.minimum((np.minimum(deadline, expected.longest) - expected.log) / outcome, short / (pull * outcome))
    gain = short * ndtr(last) + pull * outcome * _density(last)
    return np.asarray((np.maximum(gain, 0.0) * expected.works).mean(axis=0))


def _worth(expected: Expected, best_log: float, deadlines: Floats, costs: Costs) -> tuple[Floats, Floats]:
    """Gains and costs in seconds of trainings, both of shape (deadlines, setups)."""
    seen_spread = np.sqrt(expected.variance + expected.noise**2)
    gains, seconds = [], []
    for deadline in deadlines:
        gains.append(_gain(expected, best_log, float(deadline)))
        end = np.minimum(float(deadline), expected.longest)
        spent = _capped(expected.log, seen_spread, end)
        fails = costs.failing_share * np.exp(end)
        seconds.append((expected.works * spent + (1 - expected.works) * fails).mean(axis=0) + costs.startup_s)
    return np.array(gains), np.array(seconds)


def _capped(log: Floats, spread: Floats, deadline: Floats) -> Floats:
    """The expected time of trainings that a deadline ends, times being log-normal."""
    beyond = (deadline - log) / spread
    return np.asarray(np.exp(log + spread**2 / 2) * ndtr(beyond - spread) + np.exp(deadline) * ndtr(-beyond))


def _density(at: Floats) -> Floats:
    return np.asarray(np.exp(-(at**2) / 2) / math.sqrt(2 * math.pi))
