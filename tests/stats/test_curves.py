"""Curves whose crossing is known, with noise: where the forecast puts it, and which are judged hopeless."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
import pytest

from benchbench.stats.crossing import Goal, Look, first_crossing
from benchbench.stats.curves import FALSE_STOPS, FEWEST_LOOKS, cannot_reach, forecast

EVERY = 20
GOAL = Goal(bound=0.9, rises=True)
Shape = Callable[[float], float]


def looks(shape: Shape, count: int, noise: float = 0.0, seed: int = 0) -> list[Look]:
    random = np.random.default_rng(seed)
    steps = [EVERY * number for number in range(1, count + 1)]
    return [Look(step=s, training_s=0.1 * s, value=shape(s) + noise * random.standard_normal()) for s in steps]


def drawn(random: np.random.Generator) -> Shape:
    """A curve of one of three kinds, none of which is a family of the ensemble by itself."""
    end, begin, pace = random.uniform(0.85, 0.99), random.uniform(0.1, 0.5), random.uniform(40, 200)
    kind = int(random.integers(3))
    if kind == 0:
        return lambda t: end - (end - begin) * math.exp(-((t / pace) ** 0.8))
    if kind == 1:
        return lambda t: end - (end - begin) * (1 + t / pace) ** -1.2
    return lambda t: begin + (end - begin) * (0.5 * math.tanh((t - pace) / pace) + 0.5)


def test_the_posterior_covers_the_crossing_as_often_as_it_says_and_narrows() -> None:
    random = np.random.default_rng(1)
    covered, known, widths = 0, 0, []
    while known < 60:
        shape, seed = drawn(random), int(random.integers(2**31))
        truth = next((t for t in range(1, 3000) if shape(t) >= GOAL.bound), None)
        if truth is None or truth < 11 * EVERY:
            continue
        found = forecast(looks(shape, 10, 0.005, seed), GOAL)
        assert found is not None
        low, high = found.quantile(0.025), found.quantile(0.975)
        covered += (low or math.inf) <= 1.1 * truth and truth <= (high or math.inf) * 1.1
        known += 1
        widths.append(high is None)
    assert covered >= 0.85 * known
    assert not all(widths), "an interval without a bound says nothing"


def test_few_that_would_have_reached_are_stopped_and_many_that_would_not_are() -> None:
    random = np.random.default_rng(2)
    reached = stopped_though = missed = stopped = 0
    for _ in range(110):
        shape, seed = drawn(random), int(random.integers(2**31))
        whole = looks(shape, 30, 0.008, seed)
        deadline_s = random.uniform(0.4, 1.0) * whole[-1].training_s
        crossing = first_crossing(whole, GOAL, deadline_s)
        end_s = deadline_s if crossing is None else crossing.training_s
        seen = [look for look in whole if look.training_s < end_s]
        told = any(cannot_reach(seen[:n], GOAL, 10 * deadline_s) for n in range(len(seen) % 2, len(seen) + 1, 2))
        reached, stopped_though = reached + (crossing is not None), stopped_though + (crossing is not None and told)
        missed, stopped = missed + (crossing is None), stopped + (crossing is None and told)
    assert reached > 25
    assert stopped_though <= FALSE_STOPS * reached
    assert stopped > 0.25 * missed > 0


def slow(t: float) -> float:
    return 0.2 + 0.0002 * t


def test_a_curve_far_below_is_hopeless_and_one_that_is_nearly_there_is_not() -> None:
    assert cannot_reach(looks(slow, 12, 0.002), GOAL, 400)
    assert not cannot_reach(looks(lambda t: 0.95 - 0.75 * math.exp(-t / 100), 12, 0.002), GOAL, 400)


def test_a_loss_is_a_curve_too() -> None:
    falls = looks(lambda t: 2.0 - 0.0005 * t, 12, 0.005)
    assert cannot_reach(falls, Goal(bound=0.3, rises=False), 400)
    assert not cannot_reach(falls, Goal(bound=1.85, rises=False), 400)


def test_the_first_evaluations_never_decide() -> None:
    assert not any(cannot_reach(looks(slow, count), GOAL, 10_000) for count in range(FEWEST_LOOKS + 1))


def test_one_evaluation_alone_never_decides() -> None:
    """A curve that was on its way and falls once: with that evaluation it is hopeless, without it it was not."""
    way = looks(lambda t: 0.91 - 0.75 * math.exp(-t / 100), 10, 0.002)
    fallen = [*way, Look(step=220, training_s=22.0, value=way[-1].value - 0.01)]
    last_step = 240
    judged = [forecast(seen, GOAL, luck=1.0) for seen in (way, fallen)]
    before, after = (found.probability_by(last_step) for found in judged if found is not None)
    assert after < 0.03 < before
    assert not cannot_reach(fallen, GOAL, last_step)
    still = [*fallen, Look(step=230, training_s=23.0, value=fallen[-1].value)]
    assert cannot_reach(still, GOAL, last_step), "two evaluations do"


def test_a_curve_that_meets_the_target_now_is_not_stopped() -> None:
    met = [*looks(slow, 12), Look(step=260, training_s=26.0, value=0.95)]
    assert not cannot_reach(met, GOAL, 400)


def test_a_plateau_below_the_target_is_not_expected_to_pass_it_now() -> None:
    flat = looks(lambda t: 0.89 - 0.7 * math.exp(-t / 60), 35, 0.004)
    found = forecast(flat, GOAL)
    assert found is not None
    assert found.probability_by(1.01 * flat[-1].step) < 0.3


def test_two_evaluations_tell_nothing() -> None:
    assert forecast(looks(slow, 2), GOAL) is None


@pytest.mark.parametrize("values", [[0.5] * 8, [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2], [0.0] * 4, [1e9, 1, 2, 3]])
def test_odd_curves_have_a_forecast_without_a_warning(values: list[float]) -> None:
    found = forecast([Look(step=n + 1, training_s=n + 1.0, value=v) for n, v in enumerate(values)], GOAL)
    assert found is not None
    assert not np.isnan(found.steps).any()
    assert 0.0 <= found.probability_by(1e6) <= 1.0


def test_the_same_curve_has_the_same_forecast() -> None:
    one, other = (forecast(looks(slow, 9, 0.01), GOAL) for _ in range(2))
    assert one is not None
    assert other is not None
    assert np.array_equal(one.steps, other.steps)


def test_a_forecast_is_cheap() -> None:
    curve = looks(slow, 200, 0.01)
    forecast(curve, GOAL)
    began_s = min(_timed(curve) for _ in range(5))
    assert began_s < 0.05


def _timed(curve: list[Look]) -> float:
    began_s = time.perf_counter()
    forecast(curve, GOAL)
    return time.perf_counter() - began_s
