"""Where a series of step times becomes stationary."""

from __future__ import annotations

import math

import numpy as np

from benchbench.stats.intervals import Array

_GROUP = 5
_FEWEST_GROUPS = 4
_SETTLED_BY = 0.4  # a minimum nearer to the middle than this may belong to a longer warm-up
_STALL_SPREADS = 5.0
_ROUNDING = 1e-9
_MAD_TO_DEVIATION = 1.4826  # of a normal distribution
_LARGEST_EXCURSION = 2.0  # independent values exceed it once in 1,500 times, mildly correlated ones once in ten


def warmup_length(series: Array) -> int | None:
    """The number of leading step times that belong to the warm-up.

    MSER-5 finds it, with two cares that training steps need. A single long stall late in a series would draw
    the truncation point behind itself: values far above the second half's median (five standard deviations, by the
    median deviation) count as being just that far above, so that many such values are a warm-up and a single one
    is a stall, which is kept. And a step that is long over makes its plateau look settled while the series moves
    on to the next one: what is left is tested for a change of level.

    Args:
        series: shape (n,), in time's order.

    Returns:
        A multiple of five, at least five (the first step of a process is never like the others), or None while
        the series is too short (under 20 values) or has not settled.
    """
    if len(series) < _FEWEST_GROUPS * _GROUP:
        return None
    if float(np.ptp(series)) <= _ROUNDING * abs(float(series[0])):
        return _GROUP
    late = series[len(series) // 2 :]
    median = float(np.median(late))
    spread = _MAD_TO_DEVIATION * float(np.median(np.abs(late - median)))
    calm = np.minimum(series, median + _STALL_SPREADS * spread) if spread > 0 else series
    cut = mser5(calm)
    return None if cut is None or _shifts(_means(calm)[max(cut // _GROUP, 1) :]) else max(cut, _GROUP)


def mser5(series: Array) -> int | None:
    """The number of leading values to leave out, by MSER-5.

    The truncation point, sought in the first half, minimises the squared standard error of the mean of what is
    left, over means of five values; a minimum near the middle means that the series has not settled yet.
    Source: White, Cobb and Spratt, "A comparison of five steady-state truncation heuristics for simulation",
    Winter Simulation Conference 2000.

    Args:
        series: shape (n,), in time's order.

    Returns:
        A multiple of five, or None while the series is too short (under 20 values) or has not settled.
    """
    groups = len(series) // _GROUP
    if groups < _FEWEST_GROUPS:
        return None
    means = _means(series)
    reverse = (means - means.mean())[::-1]
    counts = np.arange(1, groups + 1, dtype=np.float64)
    total, squares = np.cumsum(reverse), np.cumsum(reverse**2)
    error = ((squares - total**2 / counts) / counts**2)[::-1]
    best = int(np.argmin(error[: groups // 2 + 1]))
    return best * _GROUP if best <= _SETTLED_BY * groups else None


def _means(series: Array) -> Array:
    groups = len(series) // _GROUP
    means: Array = series[: groups * _GROUP].reshape(groups, _GROUP).mean(axis=1)
    return means


def _shifts(means: Array) -> bool:
    """Whether the level changes: the cumulated sum of deviations wanders further than independent noise takes it.

    The noise is told by successive differences, which a change of level hardly enters.
    Sources: Brown, Durbin and Evans, JRSS B 37 (1975), for the sum; von Neumann et al. 1941 for the differences.
    """
    if len(means) < 2:
        return False
    mean = float(means.mean())
    deviation = math.sqrt(float(np.mean(np.diff(means) ** 2)) / 2)
    excursion = float(np.abs(np.cumsum(means - mean)).max())
    return excursion > _LARGEST_EXCURSION * max(deviation, _ROUNDING * abs(mean)) * math.sqrt(len(means))
