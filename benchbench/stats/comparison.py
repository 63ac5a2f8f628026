"""Faster, slower, equivalent or inconclusive: the verdict on a ratio, and what would decide an open one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal

import numpy as np

from benchbench.stats.estimate import Estimate
from benchbench.stats.intervals import student_t

Verdict = Literal["faster", "slower", "equivalent", "inconclusive"]

POWER = 0.9
_MOST_REPEATS = 1000
_PLANNED_REPEATS = 3


def family_confidence(confidence: float, comparisons: int) -> float:
    """The confidence of each comparison that makes `confidence` hold for all of them together (Bonferroni)."""
    return 1 - (1 - confidence) / max(1, comparisons)


def verdict(ratio: Estimate, threshold: float, *, higher_is_better: bool) -> Verdict:
    """What a ratio of B over A says of B.

    `equivalent` is the two one-sided tests of Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15 (1987): both
    reject when the interval lies inside the threshold (here one of twice their usual confidence, so each test has half
    the stated error).

    Args:
        ratio: of what was measured, with its interval.
        threshold: how far from 1 a ratio must be to matter, such as 0.02.
        higher_is_better: whether a ratio above 1 makes B the faster one (a rate), or the slower one (a time).
    """
    low, high = ratio.low, ratio.high
    if low is not None and high is not None and low >= 1 - threshold and high <= 1 + threshold:
        return "equivalent"
    above = low is not None and low > 1 and ratio.value > 1 + threshold
    below = high is not None and high < 1 and ratio.value < 1 - threshold
    if above or below:
        return "faster" if above is higher_is_better else "slower"
    return "inconclusive"


def more_repeats(first: Sequence[float], second: Sequence[float], threshold: float, confidence: float) -> int | None:
    """How many more repeats each side needs, so that its ratio is decided nine times in ten.

    The ratio and the spreads are taken to be those observed.

    Args:
        first: A's values, above zero and finite, one a repeat.
        second: B's.
        threshold: as for `verdict`.
        confidence: of the interval.

    Returns:
        At least 1. Where a side has a single value the spread is unknown: as many as make three on both. None where
        more than a thousand would be needed: the ratio is too near to the threshold.
    """
    fewest = min(len(first), len(second))
    if fewest < 2:
        return _PLANNED_REPEATS - fewest
    a, b = (np.log(np.asarray(side, dtype=np.float64)) for side in (first, second))
    distance, spreads = float(b.mean() - a.mean()), (float(a.std(ddof=1)), float(b.std(ddof=1)))
    for more in range(1, _MOST_REPEATS + 1):
        sizes = len(a) + more, len(b) + more
        if power(distance, spreads, sizes, threshold, confidence) >= POWER:
            return more
    return None


def power(
    distance: float, spreads: tuple[float, float], sizes: tuple[int, int], threshold: float, confidence: float
) -> float:
    """How often a comparison comes to the verdict that is right.

    With `e` for the standard error of the logarithm of the ratio, `d` for its size, `m` for the threshold's logarithm,
    Student's quantile `t` of the confidence and the normal distribution `F`:

        beyond the threshold (faster, slower):  F(|d|/e - max(t, m/e))
        inside of it (equivalent):              F((m - |d|)/e - t) + F((m + |d|)/e - t) - 1

    Source: Chow, Shao and Wang, Sample Size Calculations in Clinical Research, 2nd ed., sections 3.2.1 and 3.2.3; the
    `m/e` is the further condition that the value itself be beyond the threshold.

    Args:
        distance: the true logarithm of the ratio.
        spreads: the two standard deviations between repeats, on the logarithm.
        sizes: the two numbers of repeats, each at least 2.
        threshold: as for `verdict`.
        confidence: of the interval.
    """
    error = math.sqrt(sum(spread**2 / size for spread, size in zip(spreads, sizes, strict=True)))
    beyond, margin, size = abs(math.expm1(distance)) > threshold, math.log1p(threshold), abs(distance)
    if error == 0:
        return 1.0
    t, below = student_t(confidence, sum(sizes) - 2), NormalDist().cdf
    if beyond:
        return below(size / error - max(t, margin / error))
    return max(0.0, below((margin - size) / error - t) + below((margin + size) / error - t) - 1)
