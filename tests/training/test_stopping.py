"""When the warm-up is over and when enough was measured, on series whose answer is known."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from benchbench.scenario.types import Measure
from benchbench.training.stopping import ThroughputStop, Window

Series = npt.NDArray[np.float64]


def decide(series: Series, timeout_s: float = 600.0, **measure: Any) -> tuple[int, Window]:
    """After how many steps the run ended, and its window."""
    stop = ThroughputStop(Measure(**measure), timeout_s)
    for taken, step_s in enumerate(series, start=1):
        window = stop.add(float(step_s))
        if window is not None:
            return taken, window
    raise AssertionError(f"still going after {len(series)} steps")


def noisy(seed: int, steps: int = 3000, mean_s: float = 0.1, spread: float = 0.02) -> Series:
    return mean_s * (1 + spread * np.random.default_rng(seed).standard_normal(steps))


@pytest.mark.parametrize(("warmup", "steps"), [(0, 1), (5, 20), (20, 100), (3, 1)])
def test_two_numbers_are_obeyed_exactly(warmup: int, steps: int) -> None:
    taken, window = decide(noisy(1), warmup=warmup, steps=steps)
    assert taken == warmup + steps
    assert window == Window(warmup_steps=warmup, settled=True)


def test_two_numbers_are_obeyed_whatever_the_times_are() -> None:
    assert decide(np.linspace(100.0, 1.0, 200), timeout_s=1.0, warmup=20, steps=100)[0] == 120


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("planted", [20, 60])
def test_a_planted_warm_up_is_found(seed: int, planted: int) -> None:
    series = noisy(seed)
    series[:planted] *= np.linspace(2.0, 1.1, planted)
    taken, window = decide(series)
    assert window.settled
    assert planted - 10 <= window.warmup_steps <= planted + 50
    assert taken - window.warmup_steps >= 30


@pytest.mark.parametrize("seed", range(8))
def test_a_slow_first_step_is_warm_up(seed: int) -> None:
    series = noisy(seed)
    series[0] = 5.0
    _, window = decide(series)
    assert 5 <= window.warmup_steps <= 40


@pytest.mark.parametrize("seed", range(8))
def test_a_stall_is_measured_and_not_taken_for_a_warm_up(seed: int) -> None:
    series = noisy(seed)
    series[17::25] *= 4.0
    taken, window = decide(series, relative_halfwidth=0.05)
    assert window.settled
    assert window.warmup_steps <= 30
    assert series[window.warmup_steps : taken].mean() == pytest.approx(0.1 * (1 + 3 / 25), rel=0.07)


@pytest.mark.parametrize("seed", range(4))
def test_a_quiet_series_stops_early_and_a_noisy_one_goes_on(seed: int) -> None:
    quiet, _ = decide(noisy(seed, spread=0.01))
    loud, _ = decide(noisy(seed, spread=0.3, mean_s=0.01))
    assert quiet < 120
    assert loud > 150


def test_the_wanted_width_decides() -> None:
    wide, narrow = (decide(noisy(3, spread=0.2, mean_s=0.01), relative_halfwidth=w)[0] for w in (0.1, 0.01))
    assert narrow > 3 * wide


@pytest.mark.parametrize(("timeout_s", "cap_s"), [(600.0, 60.0), (40.0, 20.0)])
def test_a_series_that_stays_noisy_ends_at_the_cap(timeout_s: float, cap_s: float) -> None:
    series = noisy(2, spread=3.0).clip(0.01)
    taken, window = decide(series, timeout_s, relative_halfwidth=0.001)
    assert series[:taken].sum() == pytest.approx(cap_s, abs=1.0)
    assert taken - window.warmup_steps >= 5


def test_a_series_that_drifts_to_the_cap_is_measured_over_its_second_half_and_called_unsettled() -> None:
    series = np.linspace(0.2, 0.05, 1000)
    taken, window = decide(series)
    assert window == Window(warmup_steps=taken // 2, settled=False)
    assert series[:taken].sum() == pytest.approx(60.0, abs=0.3)


def test_very_slow_steps_leave_something_measured_before_the_timeout() -> None:
    series = np.full(50, 25.0)
    taken, window = decide(series, timeout_s=100.0)
    assert series[:taken].sum() <= 75.0
    assert taken > window.warmup_steps


def test_a_warm_up_that_outlasts_the_timeout_is_not_called_settled() -> None:
    taken, window = decide(np.full(50, 25.0), timeout_s=100.0, warmup=40)
    assert taken <= 4
    assert not window.settled


def test_a_counted_warm_up_with_open_steps_is_kept() -> None:
    taken, window = decide(noisy(5), warmup=7)
    assert window == Window(warmup_steps=7, settled=True)
    assert taken >= 37


@pytest.mark.parametrize("seed", range(6))
def test_counted_steps_after_an_open_warm_up_are_the_last_ones(seed: int) -> None:
    series = noisy(seed)
    series[:30] *= 3.0
    taken, window = decide(series, steps=40)
    assert taken - window.warmup_steps == 40
    assert window.settled
    assert window.warmup_steps >= 25


def test_counted_steps_of_a_series_that_never_settles_end_and_say_so() -> None:
    taken, window = decide(np.linspace(0.2, 0.01, 3000), steps=30)
    assert taken - window.warmup_steps == 30
    assert taken <= 150
    assert not window.settled


@pytest.mark.parametrize(
    ("measure", "expected", "exact"),
    [
        ({"warmup": 5, "steps": 20}, 25, 25),
        ({"steps": 20}, 40, None),
        ({"warmup": 5}, None, None),
        ({}, None, None),
    ],
)
def test_what_is_known_from_the_start(measure: dict[str, Any], expected: int | None, exact: int | None) -> None:
    stop = ThroughputStop(Measure(**measure), 600.0)
    assert (stop.steps_expected, stop.steps_exact) == (expected, exact)


@pytest.mark.parametrize("measure", [{}, {"warmup": 5, "steps": 200}])
def test_a_probe_whose_steps_are_too_slow_is_given_up(measure: dict[str, Any]) -> None:
    stop = ThroughputStop(Measure(**measure), 600.0, too_slow_s=0.08)
    windows = [stop.add(float(step_s)) for step_s in noisy(1)[:20]]
    assert windows[:-1] == [None] * 19
    assert windows[-1] == Window(warmup_steps=10, settled=False, too_slow=True)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("too_slow_s", [0.1, 0.13])
def test_a_probe_that_may_not_be_too_slow_goes_on(seed: int, too_slow_s: float) -> None:
    """Its first steps take long; a step in three or more is faster than what is too slow."""
    series = noisy(seed)
    series[:8] = 1.0
    stop = ThroughputStop(Measure(), 600.0, too_slow_s=too_slow_s)
    found = next(window for step_s in series if (window := stop.add(float(step_s))) is not None)
    assert not found.too_slow
