"""MSER-5 against a plain loop, and warm-ups that were planted."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbench.stats.steady import mser5, warmup_length

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
