"""Intervals against scipy and against the coverage that they promise."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchbench.stats.estimate import Estimate
from benchbench.stats.intervals import (
    LogMean,
    Noise,
    median_with_misses,
    of_repeats,
    of_series,
    ratio,
    ratio_given_noise,
    ratio_of,
    ratio_with_misses,
    series_halfwidth,
    student_t,
    wilson,
)

Array = npt.NDArray[np.float64]
INF = math.inf


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
@pytest.mark.parametrize("degrees", [1, 2, 2.7, 9, 120])
def test_students_quantile_is_scipys(confidence: float, degrees: float) -> None:
    assert student_t(confidence, degrees) == pytest.approx(stats.t.ppf(0.5 + confidence / 2, degrees), rel=1e-9)


def coverage(interval: Callable[[Array], Estimate | None], draws: Array, truth: float) -> float:
    """The share of intervals, in percent, that hold the truth."""
    found = [interval(row) for row in draws]
    inside = [e is not None and e.low is not None and e.high is not None and e.low <= truth <= e.high for e in found]
    return 100 * sum(inside) / len(inside)


@pytest.mark.parametrize("n", [2, 3, 5, 10])
@pytest.mark.parametrize("shape", ["normal", "lognormal"])
def test_the_interval_of_repeats_covers_what_it_says(n: int, shape: str) -> None:
    generator = np.random.default_rng(n)
    if shape == "normal":
        draws, truth = generator.normal(0.1, 0.003, size=(2000, n)), 0.1
    else:
        draws, truth = np.exp(generator.normal(math.log(0.1), 0.3, size=(2000, n))), 0.1  # the median, as a ratio's
    assert 92 <= coverage(lambda row: of_repeats(row, 0.95, "s"), draws, truth) <= 98


@pytest.mark.parametrize("confidence", [0.8, 0.99])
def test_the_confidence_is_the_one_that_was_asked_for(confidence: float) -> None:
    draws = np.random.default_rng(1).normal(1.0, 0.05, size=(3000, 4))
    found = coverage(lambda row: of_repeats(row, confidence, "s"), draws, 1.0)
    assert found == pytest.approx(100 * confidence, abs=2.5)
    assert of_repeats([1.0, 2.0], confidence, "s").confidence == confidence


def test_the_interval_of_repeats_in_numbers() -> None:
    found = of_repeats([1.0, 2.0, 4.0], 0.95, "s")
    assert (found.n, found.unit) == (3, "s")
    assert found.value == pytest.approx(2.0)
    half = stats.t.ppf(0.975, 2) * math.log(2) / math.sqrt(3)
    assert found.low == pytest.approx(2.0 * math.exp(-half))
    assert found.high == pytest.approx(2.0 * math.exp(half))


def test_values_that_are_not_all_positive_have_an_ordinary_mean() -> None:
    found = of_repeats([0.0, 0.1, 0.2], 0.95, "fraction")
    assert found.value == pytest.approx(0.1)
    low, high = stats.t.interval(0.95, 2, loc=0.1, scale=0.1 / math.sqrt(3))
    assert (found.low, found.high) == pytest.approx((low, high))


@settings(deadline=None)
@given(
    st.lists(st.floats(1e-9, 1e9), min_size=2, max_size=6),
    st.sampled_from([0.6, 0.95, 0.999999]),
)
def test_an_interval_is_in_order_and_finite_or_open(values: list[float], confidence: float) -> None:
    for found in (of_repeats(values, confidence, "s"), ratio(values, values[::-1], confidence)):
        assert found is not None
        assert found.low is not None
        assert 0 <= found.low <= found.value * (1 + 1e-9)
        assert math.isfinite(found.value)
        assert found.high is None or found.value <= found.high * (1 + 1e-9) < INF


def test_a_bound_that_no_float_can_hold_is_open() -> None:
    found = of_repeats([1.0, 1000.0], 0.9999, "s")
    assert found.high is None
    assert found.low == 0.0


def ar1(generator: np.random.Generator, rho: float, length: int) -> Array:
    noise = generator.standard_normal(length)
    series = np.zeros(length)
    for i in range(1, length):
        series[i] = rho * series[i - 1] + noise[i]
    return 100 + series


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
def test_the_interval_of_a_series_allows_for_autocorrelation(rho: float) -> None:
    generator = np.random.default_rng(7)
    hits, naive_hits, runs = 0, 0, 400
    for _ in range(runs):
        series = ar1(generator, rho, 500)[100:]
        hits += abs(series.mean() - 100) <= series_halfwidth(series, 0.95)
        naive_hits += abs(series.mean() - 100) <= 1.96 * series.std(ddof=1) / math.sqrt(len(series))
    assert 0.88 <= hits / runs <= 0.99
    if rho == 0.8:
        assert naive_hits / runs < 0.6, "the case is none"


def test_the_halfwidth_of_a_series_is_that_of_its_batch_means() -> None:
    values = np.random.default_rng(3).standard_normal(103)
    means = np.asarray([values[3 + 10 * i : 13 + 10 * i].mean() for i in range(10)])
    deviations = means - means.mean()
    r = (deviations[1:] * deviations[:-1]).sum() / (deviations**2).sum() + 0.1
    assert r < 0, "the case is one of independent batches"
    low, high = stats.t.interval(0.9, 9, scale=stats.sem(means))
    assert series_halfwidth(values, 0.9) == pytest.approx((high - low) / 2)


def test_batches_that_hang_together_widen_the_interval() -> None:
    means = np.asarray([1.0, 2.0, 3.0, 4.0, 5.0, 5.0, 4.0, 3.0, 2.0, 1.0])
    low, high = stats.t.interval(0.95, 9, scale=stats.sem(means))
    deviations = means - 3.0
    r = (deviations[1:] * deviations[:-1]).sum() / (deviations**2).sum() + 0.1
    expected = (high - low) / 2 * math.sqrt((1 + r) / (1 - r))
    assert series_halfwidth(np.repeat(means, 5), 0.95) == pytest.approx(expected)
    assert series_halfwidth(np.linspace(0, 1, 100), 0.95) < 5, "never without bound"


@pytest.mark.parametrize(("rho", "least"), [(0.0, 0.93), (0.5, 0.9), (0.8, 0.86)])
def test_a_short_correlated_series_is_covered_better_than_by_plain_batches(rho: float, least: float) -> None:
    generator = np.random.default_rng(5)
    hits = [
        abs(s.mean() - 100) <= series_halfwidth(s, 0.95) for s in (ar1(generator, rho, 160)[100:] for _ in range(500))
    ]
    assert np.mean(hits) >= least


def test_a_series_too_short_for_batches_is_unbounded() -> None:
    assert series_halfwidth(np.ones(3), 0.95) == INF
    assert math.isfinite(series_halfwidth(np.asarray([1.0, 2.0, 1.0, 2.0]), 0.95))
    assert series_halfwidth(np.ones(4), 0.95) == 0.0


def test_a_single_repeats_interval() -> None:
    assert of_series(2.0, 0.5, 0.95, "s") == Estimate(value=2.0, low=1.5, high=2.5, confidence=0.95, n=1, unit="s")
    assert of_series(2.0, 3.0, 0.95, "s").low is None, "unknown, not zero"
    assert of_series(2.0, INF, 0.95, "s") == Estimate(value=2.0, low=None, high=None, confidence=0.95, n=1, unit="s")


@pytest.mark.parametrize("sizes", [(2, 2), (3, 5), (10, 4)])
def test_a_ratio_is_welchs_on_the_logarithm(sizes: tuple[int, int]) -> None:
    generator = np.random.default_rng(sum(sizes))
    a, b = np.exp(generator.normal(0.2, 0.3, sizes[0])), np.exp(generator.normal(0.0, 0.05, sizes[1]))
    reference = stats.ttest_ind(np.log(a), np.log(b), equal_var=False).confidence_interval(0.95)
    found = ratio(a.tolist(), b.tolist(), 0.95)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((math.exp(reference.low), math.exp(reference.high)))
    assert found.value == pytest.approx(stats.gmean(a) / stats.gmean(b))
    assert (found.n, found.unit) == (min(sizes), "x")


def test_a_ratio_covers_what_it_says() -> None:
    generator = np.random.default_rng(11)
    draws = np.exp(generator.normal(0.0, [0.02] * 3 + [0.1] * 5, size=(2000, 8)))
    assert 92 <= coverage(lambda row: ratio(row[:3].tolist(), row[3:].tolist(), 0.95), draws, 1.0) <= 98


def test_a_ratio_of_too_little() -> None:
    assert ratio([], [1.0], 0.95) is None
    assert ratio([1.0], [], 0.95) is None
    alone = ratio([2.0], [1.0, 1.1], 0.95)
    assert alone is not None
    assert (alone.low, alone.high, alone.n) == (None, None, 1)
    same = ratio([2.0, 2.0], [1.0, 1.0], 0.95)
    assert same is not None
    assert (same.low, same.value, same.high) == pytest.approx((2.0, 2.0, 2.0))


def test_the_median_over_repeats_that_all_reached() -> None:
    found = median_with_misses([3.0, 1.0, 2.0], 0.95, "s")
    assert found is not None
    assert (found.value, found.n) == (2.0, 3)
    plain = of_repeats([1.0, 2.0, 3.0], 0.95, "s")
    assert (found.low, found.high) == (plain.low, plain.high)


def test_a_median_outside_of_the_interval_of_the_mean_is_taken_in() -> None:
    found = median_with_misses([1.0] * 20 + [100.0] * 14, 0.6, "s")
    assert found is not None
    assert found.low is not None
    assert found.low <= found.value == 1.0


@pytest.mark.parametrize(
    ("values", "median", "low"),
    [
        ([1.0, 2.0, INF], 2.0, 1.0),
        ([1.0, 2.0, 3.0, INF], 2.5, 1.0),
        ([INF, 5.0, 4.0, 6.0, INF], 6.0, 4.0),
    ],
)
def test_a_miss_counts_as_infinite(values: list[float], median: float, low: float) -> None:
    found = median_with_misses(values, 0.95, "s")
    assert found is not None
    assert (found.value, found.low, found.high, found.n) == (median, low, None, len(values))


@pytest.mark.parametrize("values", [[INF], [1.0, INF], [INF, INF, 1.0], [1.0, 2.0, INF, INF]])
def test_an_infinite_median_is_none(values: list[float]) -> None:
    assert median_with_misses(values, 0.95, "s") is None


def test_a_ratio_of_a_series_and_of_repeats_joins_their_errors() -> None:
    alone = LogMean.of_series(2.0, 0.02 * stats.t.ppf(0.975, 9), 0.95, 100)
    assert (alone.error, alone.degrees, alone.n) == (pytest.approx(0.01), 9.0, 1)
    several = LogMean.of_repeats([1.0, 1.02, 0.98])
    found = ratio_of(alone, several, 0.95)
    assert several.error is not None
    error = math.hypot(0.01, several.error)
    degrees = error**4 / (0.01**4 / 9 + several.error**4 / 2)
    half = stats.t.ppf(0.975, degrees) * error
    assert found.low is not None
    assert found.high is not None
    assert math.log(found.high / found.low) == pytest.approx(2 * half)
    assert found.n == 1


def test_an_error_that_is_unknown_leaves_no_bounds() -> None:
    short = LogMean.of_series(2.0, INF, 0.95, 3)
    found = ratio_of(short, LogMean.of_repeats([1.0, 1.1]), 0.95)
    assert (found.value, found.low, found.high) == (pytest.approx(2 / math.sqrt(1.1)), None, None)


def test_a_ratio_without_misses_is_the_ratio() -> None:
    assert ratio_with_misses([2.0, 2.1], [1.0, 1.1], 0.95) == ratio([2.0, 2.1], [1.0, 1.1], 0.95)


def test_a_miss_takes_the_bound_on_its_side() -> None:
    plain = ratio([2.0, 2.1], [1.0, 1.1, 1.05], 0.95)
    above = ratio_with_misses([2.0, 2.1, INF], [1.0, 1.1, 1.05], 0.95)
    below = ratio_with_misses([1.0, 1.1, 1.05], [2.0, 2.1, INF], 0.95)
    assert plain is not None
    assert above is not None
    assert below is not None
    assert (above.value, above.low, above.high) == (pytest.approx(2.0), pytest.approx(plain.low), None)
    assert (below.value, below.low) == (pytest.approx(0.5), None)
    assert below.high == pytest.approx(1 / plain.low)  # type: ignore[operator]


@pytest.mark.parametrize("sides", [([], [1.0]), ([1.0], []), ([INF, INF, 1.0], [1.0]), ([1.0], [INF])])
def test_a_median_that_is_infinite_has_no_ratio(sides: tuple[list[float], list[float]]) -> None:
    assert ratio_with_misses(*sides, 0.95) is None


@pytest.mark.parametrize(("successes", "tries"), [(0, 3), (3, 3), (1, 4), (7, 9), (50, 100)])
def test_wilsons_interval_is_scipys(successes: int, tries: int) -> None:
    found = wilson(successes, tries, 0.9)
    other = stats.binomtest(successes, tries).proportion_ci(0.9, method="wilson")
    assert found.value == successes / tries
    assert (found.low, found.high) == (pytest.approx(other.low), pytest.approx(other.high))
    assert (found.n, found.confidence) == (tries, 0.9)


def test_wilsons_interval_covers_about_as_often_as_it_promises() -> None:
    for share in (0.5, 0.8, 0.95):
        held = [w.low <= share <= w.high for w in (wilson(k, 12, 0.95) for k in range(13))]  # type: ignore[operator]
        coverage = float(np.dot(stats.binom.pmf(np.arange(13), 12, share), held))
        assert 0.88 < coverage <= 1.0


def drawn(repeats: int, spread: float, share: float, seed: int) -> tuple[list[float], list[float]]:
    """Two sides of the same mean, the second with so many times the first's noise."""
    random = np.random.default_rng(seed)
    first, second = random.standard_normal(repeats), share * random.standard_normal(repeats)
    return list(np.exp(spread * first)), list(np.exp(spread * second))


@pytest.mark.parametrize("share", [1.0, 0.5])
@pytest.mark.parametrize("spread", [0.05, 0.1, 0.2, 0.4, 0.8])
@pytest.mark.parametrize(("repeats", "least"), [(2, 0.85), (3, 0.895), (6, 0.915)])
def test_a_belief_of_the_noise_costs_little_coverage_where_it_is_wrong(
    repeats: int, least: float, spread: float, share: float
) -> None:
    """It is 0.2 here: wrong by a factor of four each way, and of 0.95 promised, less two deviations of the count."""
    belief, held = Noise(deviation=0.2, degrees=4.0), 0
    for seed in range(1000):
        found = ratio_given_noise(*drawn(repeats, spread, share, seed), 0.95, belief)
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 1.0 <= found.high
    assert held / 1000 >= least


def test_a_right_belief_narrows_the_interval_of_few_repeats_by_a_fifth_or_more() -> None:
    belief = Noise(deviation=0.2, degrees=4.0)
    widths = []
    for seed in range(300):
        sides = drawn(3, 0.2, 1.0, seed)
        pair = ratio_given_noise(*sides, 0.95, belief), ratio(*sides, 0.95)
        assert all(e is not None and e.low is not None and e.high is not None for e in pair)
        widths.append([np.log(e.high / e.low) for e in pair])  # type: ignore[union-attr, operator]
    with_belief, without = np.mean(widths, axis=0)
    assert with_belief < 0.8 * without


def test_a_belief_that_the_repeats_refute_is_dropped() -> None:
    sides = [1.0, 1.001, 0.999], [1.0, 1.002, 0.998]
    assert ratio_given_noise(*sides, 0.95, Noise(deviation=0.2, degrees=4.0)) == ratio_given_noise(
        *sides, 0.95, Noise(deviation=5.0, degrees=4.0)
    )
    found = ratio_given_noise(*sides, 0.95, Noise(deviation=0.2, degrees=4.0))
    assert found is not None
    assert found.high is not None
    assert found.high < 1.01
    assert ratio_given_noise([1.0], [2.0, 2.1], 0.95, Noise(deviation=0.2, degrees=4.0)) == ratio(
        [1.0], [2.0, 2.1], 0.95
    )
