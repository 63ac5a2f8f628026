"""Intervals for means of few repeats and of autocorrelated series."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchbench.stats.estimate import Estimate

Array = npt.NDArray[np.float64]

_BATCHES = 10
_LARGEST_CORRELATION = 0.8  # of batch means: beyond it the batches say nothing of the mean
_UNBOUNDED_HALFWIDTH = math.inf
_REFUTED = (0.01, 0.95)  # quantiles of luck beyond which repeats refute a belief of the noise: agreeing is luck often
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
        return from_logarithm(centre, half, confidence, len(data), unit)
    return Estimate(value=centre, low=centre - half, high=centre + half, confidence=confidence, n=len(data), unit=unit)


def of_scores(values: Sequence[float], confidence: float, highest: float = math.inf) -> Estimate:
    """The arithmetic mean over repeats of what lies between 0 and an end, with Student's t interval cut to it.

    Args:
        values: one value a repeat, at least one; of a single one no interval follows.
        confidence: coverage, such as 0.95.
        highest: that there is, such as 1 for an accuracy.
    """
    data = np.asarray(values, dtype=np.float64)
    mean, n = float(data.mean()), len(data)
    if n < 2:
        return Estimate(value=mean, low=None, high=None, confidence=confidence, n=n, unit="")
    half = student_t(confidence, n - 1) * float(data.std(ddof=1)) / math.sqrt(n)
    low, high = max(0.0, mean - half), min(highest, mean + half)
    return Estimate(value=mean, low=low, high=high, confidence=confidence, n=n, unit="")


def from_logarithm(centre: float, half: float, confidence: float, n: int, unit: str) -> Estimate:
    """An interval on the logarithm as one of the quantity; a bound that no float can hold is none."""
    high = math.exp(centre + half) if centre + half < _LARGEST_EXPONENT else None
    return Estimate(
        value=math.exp(centre), low=math.exp(centre - half), high=high, confidence=confidence, n=n, unit=unit
    )


def series_halfwidth(series: Array, confidence: float) -> float:
    """Half the width of the interval for the mean of one autocorrelated series, by non-overlapping batch means.

    Batches of a short series are still correlated with each other: their variance is raised for it, by
    `(1 + r) / (1 - r)` with their lag-1 autocorrelation `r`, where that is above zero.
    Sources: Law, Simulation Modeling and Analysis, 5th ed., section 9.5.3 (ten to thirty batches); Tafazzoli, Steiger,
    Lada and Wilson, IEEE Transactions on Automatic Control 56 (2011), "Performance of Skart", for the correction.

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
    r = _lag_one(means)
    error = float(means.std(ddof=1)) / math.sqrt(batches) * math.sqrt((1 + r) / (1 - r))
    return student_t(confidence, batches - 1) * error


def _lag_one(values: Array) -> float:
    """The lag-1 autocorrelation, within 0 and `_LARGEST_CORRELATION`.

    The estimate of independent values lies 1/n too low (Marriott and Pope, Biometrika 41, 1954), which is put right.
    """
    deviations = values - values.mean()
    total = float((deviations**2).sum())
    if total == 0:
        return 0.0
    found = float((deviations[1:] * deviations[:-1]).sum()) / total + 1 / len(values)
    return min(max(found, 0.0), _LARGEST_CORRELATION)


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


def wilson(successes: int, tries: int, confidence: float) -> Estimate:
    """The share of tries that succeed, with Wilson's score interval (Wilson 1927, JASA 22, 209-212).

    It covers as promised on average also for few tries and shares near 0 or 1, where Clopper and Pearson's is wider
    than it need be (Brown, Cai and DasGupta 2001, Statistical Science 16, 101-133).

    Args:
        successes: of the tries.
        tries: at least one.
        confidence: coverage.
    """
    from scipy.special import ndtri

    assert 0 <= successes <= tries > 0
    z2 = float(ndtri(0.5 + confidence / 2)) ** 2
    share = successes / tries
    centre = (share + z2 / (2 * tries)) / (1 + z2 / tries)
    half = math.sqrt(z2 * (share * (1 - share) + z2 / (4 * tries)) / tries) / (1 + z2 / tries)
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == tries else min(1.0, centre + half)
    return Estimate(value=share, low=low, high=high, confidence=confidence, n=tries, unit="fraction")


@dataclass(frozen=True, kw_only=True)
class LogMean:
    """The mean of a logarithm and how well it is known.

    Attributes:
        value: the mean.
        error: its standard error; None where nothing is known of it.
        degrees: degrees of freedom of the error.
        n: repeats behind it.
    """

    value: float
    error: float | None
    degrees: float
    n: int

    @classmethod
    def of_repeats(cls, values: Sequence[float]) -> LogMean:
        """Of values above zero, one a repeat, at least one."""
        logs = np.log(np.asarray(values, dtype=np.float64))
        n = len(logs)
        error = float(logs.std(ddof=1)) / math.sqrt(n) if n > 1 else None
        return cls(value=float(logs.mean()), error=error, degrees=n - 1.0, n=n)

    @classmethod
    def of_series(cls, mean: float, halfwidth: float, confidence: float, steps: int) -> LogMean:
        """Of a single repeat: its mean, and the `series_halfwidth` of its steps at a confidence."""
        degrees = max(1.0, min(_BATCHES, steps // 2) - 1.0)
        error = halfwidth / student_t(confidence, degrees) / mean if math.isfinite(halfwidth) else None
        return cls(value=math.log(mean), error=error, degrees=degrees, n=1)


def ratio(numerator: Sequence[float], denominator: Sequence[float], confidence: float) -> Estimate | None:
    """The ratio of two means over repeats, by Welch's t on the logarithm.

    Args:
        numerator: positive, finite values, one a repeat.
        denominator: likewise.
        confidence: coverage.

    Returns:
        None when either side is empty; without bounds when either side has a single value.
    """
    if not numerator or not denominator:
        return None
    return ratio_of(LogMean.of_repeats(numerator), LogMean.of_repeats(denominator), confidence)


def ratio_of(numerator: LogMean, denominator: LogMean, confidence: float) -> Estimate:
    """The ratio of two means, without bounds where the error of either is unknown.

    Source: Welch, Biometrika 34 (1947), the degrees of freedom by Satterthwaite.
    """
    a, b = numerator, denominator
    difference, n = a.value - b.value, min(a.n, b.n)
    if a.error is None or b.error is None:
        return Estimate(value=math.exp(difference), low=None, high=None, confidence=confidence, n=n, unit="x")
    spread = a.error**2 + b.error**2
    degrees = a.degrees + b.degrees
    if spread > 0:
        degrees = spread**2 / (a.error**4 / a.degrees + b.error**4 / b.degrees)
    return from_logarithm(difference, student_t(confidence, degrees) * math.sqrt(spread), confidence, n, "x")


@dataclass(frozen=True, kw_only=True)
class Noise:
    """What is believed of the spread of a logarithm from repeat to repeat, before the repeats are seen.

    Attributes:
        deviation: the standard deviation, above zero.
        degrees: how strongly: as if it had been found with so many degrees of freedom.
    """

    deviation: float
    degrees: float


def ratio_given_noise(
    numerator: Sequence[float], denominator: Sequence[float], confidence: float, noise: Noise
) -> Estimate | None:
    """The ratio of two means over repeats, where both have the same noise, and something is known of it beforehand.

    The variance is the belief's and that of both sides, each with the weight of its degrees of freedom: the moderated t
    of Smyth (Statistical Applications in Genetics and Molecular Biology 3, 2004). Where the repeats refute the belief
    (by luck they would agree so once in a hundred, or differ so once in twenty), they alone count. Of three repeats a
    side a 95 % interval is a fifth narrower than Welch's where the belief is right, and covers in 91 % or more where
    it is wrong by up to a factor of four, or where one side has half the other's noise; of two, in 87 % or more
    (`tests/stats/test_intervals.py` simulates it).

    Args:
        numerator: positive, finite values, one a repeat.
        denominator: likewise.
        confidence: coverage.
        noise: the belief.

    Returns:
        None when either side is empty; without bounds when either side has a single value.
    """
    from scipy.special import chdtr

    found = ratio(numerator, denominator, confidence)
    if found is None or found.n < 2:
        return found
    a, b = (np.log(np.asarray(side, dtype=np.float64)) for side in (numerator, denominator))
    squares = float(((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum())
    own = len(a) + len(b) - 2.0
    luck = float(chdtr(own, squares / noise.deviation**2))
    believed = noise.degrees if _REFUTED[0] <= luck <= _REFUTED[1] else 0.0
    degrees = own + believed
    variance = (squares + believed * noise.deviation**2) / degrees
    half = student_t(confidence, degrees) * math.sqrt(variance * (1 / len(a) + 1 / len(b)))
    return from_logarithm(float(a.mean() - b.mean()), half, confidence, found.n, found.unit)


def ratio_with_misses(
    numerator: Sequence[float], denominator: Sequence[float], confidence: float, noise: Noise | None = None
) -> Estimate | None:
    """The ratio of two times over repeats where a miss counts as infinite.

    Without a miss it is `ratio`; with one the ratio of the medians, without a bound on the side of the miss.

    Args:
        numerator: positive values, one a repeat; `inf` is a miss.
        denominator: likewise.
        confidence: coverage.
        noise: what is believed of it beforehand (see `ratio_given_noise`); None for what the values say alone.

    Returns:
        None when either median is infinite, or either side is empty.
    """
    if not numerator or not denominator:
        return None
    above, below = float(np.median(numerator)), float(np.median(denominator))
    if not math.isfinite(above) or not math.isfinite(below):
        return None
    tops, bottoms = ([v for v in side if math.isfinite(v)] for side in (numerator, denominator))
    found = ratio(tops, bottoms, confidence) if noise is None else ratio_given_noise(tops, bottoms, confidence, noise)
    assert found is not None
    missed_above, missed_below = len(tops) < len(numerator), len(bottoms) < len(denominator)
    if not missed_above and not missed_below:
        return found
    value = above / below
    low = None if missed_below or found.low is None else min(found.low, value)
    high = None if missed_above or found.high is None else max(found.high, value)
    return found.model_copy(update={"value": value, "low": low, "high": high})
