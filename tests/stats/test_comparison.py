"""The verdict on a ratio, its error rates, and the number of repeats that would decide an open one."""

import itertools
import math

import numpy as np
import pytest

from benchbench.stats.comparison import POWER, Verdict, family_confidence, more_repeats, power, verdict
from benchbench.stats.estimate import Estimate
from benchbench.stats.intervals import ratio


def interval(low: float | None, value: float, high: float | None) -> Estimate:
    return Estimate(value=value, low=low, high=high, confidence=0.95, n=3, unit="x")


@pytest.mark.parametrize(
    ("low", "value", "high", "expected"),
    [
        (1.03, 1.05, 1.07, "slower"),
        (1.001, 1.021, 1.04, "slower"),
        (0.90, 0.95, 0.99, "faster"),
        (0.99, 1.0, 1.01, "equivalent"),
        (1.005, 1.01, 1.015, "equivalent"),
        (0.98, 1.0, 1.02, "equivalent"),
        (0.97, 1.0, 1.01, "inconclusive"),
        (1.001, 1.019, 1.04, "inconclusive"),
        (0.99, 1.05, 1.11, "inconclusive"),
        (1.0, 1.05, 1.1, "inconclusive"),
        (None, 1.5, None, "inconclusive"),
        (1.2, 1.5, None, "slower"),
        (None, 0.5, 0.9, "faster"),
        (None, 1.5, 2.0, "inconclusive"),
    ],
)
def test_the_contracts_verdicts_for_a_time(
    low: float | None, value: float, high: float | None, expected: Verdict
) -> None:
    found = interval(low, value, high)
    assert verdict(found, 0.02, higher_is_better=False) == expected
    turned = {"slower": "faster", "faster": "slower"}.get(expected, expected)
    assert verdict(found, 0.02, higher_is_better=True) == turned


def test_the_threshold_decides() -> None:
    found = interval(1.02, 1.03, 1.04)
    assert [verdict(found, t, higher_is_better=False) for t in (0.02, 0.035, 0.05)] == [
        "slower", "inconclusive", "equivalent",
    ]  # fmt: skip


@pytest.mark.parametrize(("comparisons", "expected"), [(0, 0.95), (1, 0.95), (2, 0.975), (5, 0.99)])
def test_the_familys_error_is_shared_out(comparisons: int, expected: float) -> None:
    assert family_confidence(0.95, comparisons) == pytest.approx(expected)


def draws(generator: np.random.Generator, distance: float, noise: float, n: int) -> list[float]:
    return np.exp(generator.normal(distance, noise, n)).tolist()


def decided(distance: float, noise: float, n: int, trials: int = 1500, seed: int = 0) -> dict[Verdict, float]:
    """The share of each verdict among pairs of `n` repeats each."""
    generator = np.random.default_rng(seed)
    counts: dict[Verdict, float] = dict.fromkeys(("faster", "slower", "equivalent", "inconclusive"), 0)
    for _ in range(trials):
        found = ratio(draws(generator, distance, noise, n), draws(generator, 0.0, noise, n), 0.95)
        assert found is not None
        counts[verdict(found, 0.02, higher_is_better=False)] += 1 / trials
    return counts


@pytest.mark.parametrize(("noise", "n"), list(itertools.product([0.005, 0.02, 0.1], [2, 3, 8])))
def test_the_same_against_itself_alarms_at_most_once_in_twenty(noise: float, n: int) -> None:
    found = decided(0.0, noise, n)
    assert found["slower"] + found["faster"] <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 1500)


def test_a_difference_as_large_as_the_threshold_is_called_equivalent_at_most_once_in_forty() -> None:
    assert decided(math.log(1.02), 0.004, 5)["equivalent"] <= 0.025 + 2 * math.sqrt(0.025 / 1500)


@pytest.mark.parametrize(
    ("distance", "noise", "n"),
    [(0.05, 0.02, 5), (0.03, 0.01, 8), (0.1, 0.05, 10), (0.0, 0.01, 8), (0.005, 0.008, 10), (0.025, 0.01, 20)],
)
def test_the_power_is_the_share_of_right_verdicts(distance: float, noise: float, n: int) -> None:
    found = decided(distance, noise, n)
    right = found["slower"] if math.expm1(distance) > 0.02 else found["equivalent"]
    assert power(distance, (noise, noise), (n, n), 0.02, 0.95) == pytest.approx(right, abs=0.06)


@pytest.mark.parametrize(("distance", "noise"), [(0.05, 0.03), (0.0, 0.02), (0.03, 0.01)])
def test_as_many_more_repeats_as_it_says_decide(distance: float, noise: float) -> None:
    shape = np.linspace(-1, 1, 4)
    shape = shape / shape.std(ddof=1) * noise
    more = more_repeats(np.exp(shape).tolist(), np.exp(distance + shape).tolist(), 0.02, 0.95)
    assert more is not None
    found = decided(distance, noise, 4 + more)
    assert found["slower"] + found["equivalent"] >= POWER - 0.04
    if more > 1:
        fewer = decided(distance, noise, 4 + more // 2)
        assert fewer["slower"] + fewer["equivalent"] < POWER


def test_more_repeats_of_single_ones_make_three() -> None:
    assert more_repeats([1.0], [1.1], 0.02, 0.95) == 2
    assert more_repeats([1.0], [1.1, 1.2, 1.0], 0.02, 0.95) == 2


def test_a_ratio_at_the_threshold_is_never_decided() -> None:
    first = np.exp([-0.01, 0.0, 0.01])
    assert more_repeats(first.tolist(), (1.02 * first).tolist(), 0.02, 0.95) is None


def test_values_without_spread_are_decided_by_one_more() -> None:
    assert more_repeats([1.0, 1.0], [1.1, 1.1], 0.02, 0.95) == 1
