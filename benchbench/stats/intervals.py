"""Intervals for means of few repeats and of autocorrelated series."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchbench.stats.estimate import Estimate

Array = npt.NDArray[np.float64]

_BATCHES = 10
_UNBOUNDED_HALFWIDTH = math.inf
_LARGEST_EXPONENT = 709.0  # of e, in a float


def student_t(confidence: float, degrees: float) -> float:
    """The two-sided quantile of Student's t: P(|T| < t) = confidence."""
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.5 + confidence / 2))


def of_repeats(values: Sequence[float], confidence: float, unit: str) -> Estimate:
    """The mean over repeats with Student's t interval, on the logarithm where every value is above zero.

    Args:
        values: one value a repeat, at least two.
        confidence: coverage, such as 0.95.
        unit: the values' unit.

    Returns:
        The geometric mean and its interval for positive values, the arithmetic mean and its interval otherwise.
    """
    assert len(values) >= 2
    data = np.asarray(values, dtype=np.float64)
    positive = bool((data > 0).all())
    work = np.log(data) if positive else data
    centre = float(work.mean())
    half = student_t(confidence, len(data) - 1) * float(work.std(ddof=1)) / math.sqrt(len(data))
    if positive:
        return _from_logarithm(centre, half, confidence, len(data), unit)
    return Estimate(value=centre, low=centre - half, high=centre + half, confidence=confidence, n=len(data), unit=unit)


def _from_logarithm(centre: float, half: float, confidence: float, n: int, unit: str) -> Estimate:
    """An interval on the logarithm as one of the quantity; a bound that no float can hold is none."""
    high = math.exp(centre + half) if centre + half < _LARGEST_EXPONENT else None
    return Estimate(
        value=math.exp(centre), low=math.exp(centre - half), high=high, confidence=confidence, n=n, unit=unit
    )


def series_halfwidth(series: Array, confidence: float) -> float:
    """Half the width of the interval for the mean of one autocorrelated series, by non-overlapping batch means.

    Source: Law, Simulation Modeling and Analysis, 5th ed., section 9.5.3 (ten to thirty batches).

    Args:
        series: shape (n,), in time's order, its warm-up removed.
        confidence: coverage.

    Returns:
        The half-width in the series' unit; infinite with fewer than four values.
    """
    n = len(series)
    if n < 4:
        return _UNBOUNDED_HALFWIDTH
    batches = min(_BATCHES, n // 2)
    size = n // batches
    means = series[n - batches * size :].reshape(batches, size).mean(axis=1)
    return student_t(confidence, batches - 1) * float(means.std(ddof=1)) / math.sqrt(batches)


def of_series(mean: float, halfwidth: float, confidence: float, unit: str) -> Estimate:
    """The within-run estimate of a single repeat (n = 1); a lower end at or below zero bounds no positive quantity."""
    if not math.isfinite(halfwidth):
        return Estimate(value=mean, low=None, high=None, confidence=confidence, n=1, unit=unit)
    low = None if mean > 0 and mean - halfwidth <= 0 else mean - halfwidth
    return Estimate(value=mean, low=low, high=mean + halfwidth, confidence=confidence, n=1, unit=unit)


def median_with_misses(values: Sequence[float], confidence: float, unit: str) -> Estimate | None:
    """The median over repeats where a miss counts as infinite (the convention of MLPerf and AlgoPerf).

    The interval is Student's on the logarithm where every repeat reached; with a miss among them it runs from
    the smallest value upward without bound.

    Args:
        values: one value a repeat; `inf` is a miss.
        confidence: coverage.
        unit: the values' unit.

    Returns:
        None when the median itself is infinite.
    """
    median = float(np.median(np.asarray(values, dtype=np.float64)))
    if not math.isfinite(median):
        return None
    if len(values) > 1 and all(math.isfinite(v) for v in values):
        interval = of_repeats(values, confidence, unit)
        assert interval.low is not None
        high = None if interval.high is None else max(interval.high, median)
        return interval.model_copy(update={"value": median, "low": min(interval.low, median), "high": high})
    return Estimate(value=median, low=min(values), high=None, confidence=confidence, n=len(values), unit=unit)


def ratio(numerator: Sequence[float], denominator: Sequence[float], confidence: float) -> Estimate | None:
    """The ratio of two means over repeats, by Welch's t on the logarithm.

    Source: Welch, Biometrika 34 (1947), the degrees of freedom by Satterthwaite.

    Args:
        numerator: positive, finite values, one a repeat.
        denominator: likewise.
        confidence: coverage.

    Returns:
        None when either side is empty; without bounds when either side has a single value.
    """
    if not numerator or not denominator:
        return None
    a, b = (np.log(np.asarray(v, dtype=np.float64)) for v in (numerator, denominator))
    difference = float(a.mean() - b.mean())
    n = min(len(a), len(b))
    if n < 2:
        return Estimate(value=math.exp(difference), low=None, high=None, confidence=confidence, n=n, unit="x")
    va, vb = float(a.var(ddof=1)) / len(a), float(b.var(ddof=1)) / len(b)
    spread = va + vb
    degrees = float(len(a) + len(b) - 2)
    if spread > 0:
        degrees = spread**2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
    return _from_logarithm(difference, student_t(confidence, degrees) * math.sqrt(spread), confidence, n, "x")
