"""What a waking costs, from the step times around it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import wake_cost

INTERVAL_S = 0.1


def steps(generator: np.random.Generator, cost_s: float, count: int = 4000) -> tuple[wake_cost.Array, wake_cost.Array]:
    """Steps of 18 ms, uneven and drifting, that a waking each tenth of a second makes longer; their ends and times."""
    plain_s = 0.018 * (1 + 0.2 * np.sin(np.arange(count) / 300)) * np.exp(generator.normal(0.0, 0.2, count))
    now_s, times_s = 0.0, []
    for time_s in plain_s:
        woken = np.floor((now_s + time_s) / INTERVAL_S) - np.floor(now_s / INTERVAL_S)
        times_s.append(time_s + woken * cost_s)
        now_s += times_s[-1]
    return np.cumsum(times_s), np.array(times_s)


@pytest.mark.parametrize("cost_s", [0.0, 0.0005, 0.002])
def test_the_cost_of_a_waking_is_found_among_steps_of_uneven_length(cost_s: float) -> None:
    found = []
    for seed in range(60):
        ends_s, step_s = steps(np.random.default_rng(seed), cost_s)
        moments_s = INTERVAL_S * np.arange(1, int(ends_s[-1] / INTERVAL_S) + 1)
        found.append(wake_cost.cost_of_a_wake(ends_s, step_s, moments_s, INTERVAL_S)[0])
    error_s = np.std(found, ddof=1) / np.sqrt(len(found))
    assert error_s < 0.00006
    assert np.mean(found) == pytest.approx(cost_s, abs=4 * error_s + 0.05 * cost_s)


def test_long_steps_are_refused() -> None:
    ends_s = np.cumsum(np.full(100, 0.03))
    with pytest.raises(SystemExit, match="too long"):
        wake_cost.cost_of_a_wake(ends_s, np.full(100, 0.03), ends_s, INTERVAL_S)


def test_the_grid_is_found_though_some_looks_come_late() -> None:
    generator = np.random.default_rng(0)
    late_s = np.where(generator.random(400) < 0.2, generator.uniform(0, 0.06, 400), generator.uniform(0, 0.0004, 400))
    moments_s = 17.03 + INTERVAL_S * np.arange(400)
    found = wake_cost.grid(moments_s + late_s, INTERVAL_S)
    assert len(found) == 400
    assert found == pytest.approx(moments_s, abs=0.0006)
