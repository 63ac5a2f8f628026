"""MSER-5 against a plain loop, warm-ups that were planted, and what keeps a series from settling."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from benchbench.stats.steady import Kind, change_of, mser5, warmup_length, why_unsettled

Series = npt.NDArray[np.float64]


def by_plain_loop(series: Series) -> int | None:
    """White, Cobb and Spratt's rule, written as it is told."""
    groups = [sum(series[i : i + 5]) / 5 for i in range(0, len(series) // 5 * 5, 5)]
    if len(groups) < 4:
        return None
    best, least = 0, float("inf")
    for cut in range(len(groups) // 2 + 1):
        rest = groups[cut:]
        mean = sum(rest) / len(rest)
        error = sum((x - mean) ** 2 for x in rest) / len(rest) ** 2
        if error < least * (1 - 1e-12):
            best, least = cut, error
    return best * 5 if best <= 0.4 * len(groups) else None


@settings(deadline=None)
@given(
    st.integers(0, 2**31), st.integers(0, 200), st.sampled_from([0.0, 0.5, 3.0]), st.sampled_from([0, 1, 12, 40, 100])
)
def test_mser5_is_the_plain_loop(seed: int, length: int, height: float, planted: int) -> None:
    series = 1 + 0.1 * np.random.default_rng(seed).standard_normal(length)
    series[:planted] += height
    assert mser5(series) == by_plain_loop(series)


def stationary(seed: int, length: int = 300, spread: float = 0.03) -> Series:
    return 1 + spread * np.random.default_rng(seed).standard_normal(length)


@pytest.mark.parametrize("length", [0, 1, 5, 19])
def test_a_short_series_has_no_answer(length: int) -> None:
    assert mser5(stationary(0, length)) is None
    assert warmup_length(stationary(0, length)) is None


def test_a_stationary_series_has_hardly_a_warm_up() -> None:
    found = [warmup_length(stationary(seed)) for seed in range(40)]
    assert sum(w is None for w in found) <= 2
    assert np.median([w for w in found if w is not None]) <= 10


@pytest.mark.parametrize("planted", [10, 40, 80])
def test_a_planted_warm_up_is_found_within_a_few_groups(planted: int) -> None:
    found = []
    for seed in range(40):
        series = stationary(seed)
        series[:planted] += np.linspace(1.0, 0.15, planted)
        found.append(warmup_length(series))
    known = [w for w in found if w is not None]
    assert len(known) >= 34
    assert min(known) >= planted - 5
    assert np.median(known) <= planted + 15
    assert np.quantile(known, 0.9) <= planted + 60


def test_the_first_step_of_a_process_is_always_left_out() -> None:
    for seed in range(20):
        series = stationary(seed, 40)
        series[0] = 50.0
        found = warmup_length(series)
        assert found is None or found >= 5


def test_a_stall_late_in_the_series_is_kept_where_plain_mser_cuts_it_off() -> None:
    cut_by_mser, cut_by_us = 0, 0
    for seed in range(100):
        series = stationary(seed)
        series[100] += 4.0
        cut_by_mser += (mser5(series) or 0) > 100
        cut_by_us += (warmup_length(series) or 0) > 100
    assert cut_by_mser > 60
    assert cut_by_us <= 3


def test_a_series_that_changes_its_level_has_not_settled() -> None:
    for seed in range(20):
        series = stationary(seed, 60)
        series[:45] += 1.0
        assert warmup_length(series) is None


def test_a_drift_to_the_end_has_not_settled() -> None:
    for seed in range(20):
        assert warmup_length(stationary(seed) + np.linspace(0, 0.3, 300)) is None


@pytest.mark.parametrize("length", [20, 21, 50, 97, 100, 333])
@pytest.mark.parametrize("value", [0.1, 0.3, 1 / 3, 7e-5])
def test_a_constant_series_is_settled(value: float, length: int) -> None:
    assert warmup_length(np.full(length, value)) == 5


def compile_spikes(seed: int, length: int) -> Series:
    series = stationary(seed, length)
    series[[0, 12]] += [300.0, 100.0]
    return series


def stalls(seed: int, length: int) -> Series:
    series = stationary(seed, length)
    series[seed % 25 :: 25] *= 4
    return series


def heavy_tails(seed: int, length: int) -> Series:
    return 1 + 0.02 * np.abs(np.random.default_rng(seed).standard_t(2, length))


def autocorrelated(seed: int, length: int) -> Series:
    noise = 0.02 * np.random.default_rng(seed).standard_normal(length + 100)
    return np.asarray(1 + lfilter([1.0], [1.0, -0.8], noise)[100:])


def decaying(seed: int, length: int) -> Series:
    return stationary(seed, length) + np.exp(-np.arange(length) / 15)


@pytest.mark.parametrize(
    ("make", "warmup"), [(compile_spikes, 15), (stalls, 5), (heavy_tails, 5), (autocorrelated, 5), (decaying, 70)]
)
@pytest.mark.parametrize("length", [300, 1000])
def test_a_series_that_settles_is_found_to(make: Callable[[int, int], Series], warmup: int, length: int) -> None:
    found = [warmup_length(make(seed, length)) for seed in range(60)]
    assert sum(w is None for w in found) <= 6
    known = [w for w in found if w is not None]
    assert np.median(known) <= warmup + 10
    assert min(known) >= min(warmup, 30) - 5


def trend(seed: int) -> Series:
    return stationary(seed) + np.linspace(0, 0.1, 300)


def slow_decay(seed: int) -> Series:
    return stationary(seed) + 0.3 * np.exp(-np.arange(300) / 300)


def shift(seed: int) -> Series:
    series = stationary(seed)
    series[200:] += 0.1
    return series


def growing(seed: int) -> Series:
    steps = np.arange(300)
    return stationary(seed) + 0.3 * steps / 300 * np.sin(steps / 5)


@pytest.mark.parametrize(
    ("make", "kind", "change"),
    [
        (trend, "trend", 0.075),
        (slow_decay, "trend", -0.11),
        (shift, "level-shift", 0.1),
        (growing, "growing-oscillation", 3.0),
    ],
)
def test_the_reason_is_named(make: Callable[[int], Series], kind: Kind, change: float) -> None:
    found = [(warmup_length(make(seed)), why_unsettled(make(seed))) for seed in range(40)]
    assert sum(warmup is None for warmup, _ in found) >= 38
    reasons = [why for _, why in found if why is not None]
    assert Counter(why.kind for why in reasons)[kind] >= 36
    assert np.median([why.change for why in reasons]) == pytest.approx(change, rel=0.35)


def test_a_shift_is_told_with_its_step() -> None:
    steps = [why.step for seed in range(40) if (why := why_unsettled(shift(seed))) is not None and why.step is not None]
    assert np.median(steps) == pytest.approx(201, abs=8)


def test_a_change_too_small_to_matter_is_none() -> None:
    tiny = [np.linspace(1.0, 1.004, 2000) + 0.0002 * stationary(seed, 2000, 1.0) for seed in range(20)]
    large = [np.linspace(1.0, 1.04, 2000) + 0.0002 * stationary(seed, 2000, 1.0) for seed in range(20)]
    assert all(change_of(series) is None for series in tiny)
    assert all(change_of(series) is not None for series in large)


def test_a_warm_up_that_ends_too_late_is_its_own_reason() -> None:
    series = stationary(3, 60)
    series[:27] += np.linspace(0.5, 0.2, 27)
    assert warmup_length(series) is None
    found = why_unsettled(series)
    assert found is not None
    assert found.kind in ("long-warm-up", "level-shift")


@pytest.mark.parametrize("length", [0, 5, 19])
def test_of_a_short_series_nothing_is_said(length: int) -> None:
    assert why_unsettled(stationary(0, length)) is None
    assert change_of(stationary(0, length)) is None
