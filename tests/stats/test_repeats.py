"""`repeats: auto`: when it goes on, when it stops, and what that does to the intervals."""

import math

import numpy as np
import pytest

from benchbench.stats.intervals import of_repeats
from benchbench.stats.repeats import CAP_S, FEWEST, LOOKS, enough, ratio_halfwidth

WANTED = {"confidence": 0.95, "halfwidth": 0.02}


def spread_out(n: int, spread: float) -> list[float]:
    """Values whose logarithms have exactly a standard deviation."""
    ranks = np.linspace(-1, 1, n)
    return np.exp(spread * ranks / ranks.std(ddof=1)).tolist()


@pytest.mark.parametrize("n", [2, 5, 12])
def test_the_halfwidth_in_numbers(n: int) -> None:
    from scipy import stats

    upper = 0.01 * math.sqrt((n - 1) / stats.chi2.ppf(0.2, n - 1))
    expected = stats.t.ppf(0.975, 2 * n - 2) * upper * math.sqrt(2 / n)
    assert ratio_halfwidth(spread_out(n, 0.01), 0.95) == pytest.approx(expected)


@pytest.mark.parametrize("n", LOOKS[:-1])
def test_a_look_stops_where_the_width_is_reached(n: int) -> None:
    values = spread_out(n, 0.01)
    half = ratio_halfwidth(values, 0.95)
    assert enough(values, n, 0.0, 0.95, half * 1.0001)
    assert not enough(values, n, 0.0, 0.95, half * 0.9999)


@pytest.mark.parametrize("n", [n for n in range(1, 20) if n not in LOOKS])
def test_between_two_looks_nothing_stops(n: int) -> None:
    assert not enough([1.0] * max(2, n), max(2, n) if n < 2 else n, 0.0, **WANTED)


def test_the_last_look_stops_whatever_the_spread() -> None:
    assert enough(spread_out(LOOKS[-1], 1.0), LOOKS[-1], 0.0, **WANTED)
    assert enough(spread_out(9, 1.0), LOOKS[-1], 0.0, **WANTED), "failures count as attempts"


def test_the_time_cap_stops_but_not_before_the_fewest() -> None:
    assert enough(spread_out(FEWEST, 1.0), FEWEST, CAP_S, **WANTED)
    assert not enough(spread_out(FEWEST, 1.0), FEWEST, CAP_S - 1, **WANTED)
    assert not enough(spread_out(FEWEST - 1, 1.0), FEWEST - 1, 10 * CAP_S, **WANTED)


@pytest.mark.parametrize("values", [[], [1.0]])
def test_what_fails_again_and_again_stops(values: list[float]) -> None:
    assert enough(values, FEWEST, 0.0, **WANTED)
    assert not enough(values, FEWEST - 1, 0.0, **WANTED)


def by_auto(draws: np.ndarray) -> list[float]:
    """The repeats that the rule takes of a row of values."""
    taken = next(n for n in range(1, len(draws) + 1) if enough(draws[:n], n, 0.0, **WANTED))
    return draws[:taken].tolist()


@pytest.mark.parametrize("noise", [0.005, 0.015])
def test_stopping_on_the_width_keeps_the_coverage(noise: float) -> None:
    rows = np.exp(np.random.default_rng(1).normal(0.0, noise, size=(1500, LOOKS[-1])))
    found = [of_repeats(by_auto(row), 0.95, "s") for row in rows]
    covered = sum(e.low is not None and e.high is not None and e.low <= 1 <= e.high for e in found) / len(found)
    assert 0.90 <= covered <= 0.98
