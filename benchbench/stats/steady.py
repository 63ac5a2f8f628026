"""Where a series of step times becomes stationary."""

from __future__ import annotations

import numpy as np

from benchbench.stats.intervals import Array

_GROUP = 5
_FEWEST_GROUPS = 4
_SETTLED_BY = 0.4  # a minimum nearer to the middle than this may belong to a longer warm-up
_STALL_SPREADS = 5.0
_MAD_TO_DEVIATION = 1.4826  # of a normal distribution


def warmup_length(series: Array) -> int | None:
    """The number of leading values that belong to the warm-up: MSER-5 of the series with its stalls cut down.

    A single long stall late in a series would draw MSER's truncation point behind itself. Values far above the
    second half's median (five standard deviations, by the median deviation) therefore count as being just that
    far above: a warm-up, which is many such values or the very first, is still found, a stall is kept.

    Args:
        series: shape (n,), in time's order.

    Returns:
        As `mser5`.
    """
    if len(series) < _FEWEST_GROUPS * _GROUP:
        return None
    late = series[len(series) // 2 :]
    median = float(np.median(late))
    spread = _MAD_TO_DEVIATION * float(np.median(np.abs(late - median)))
    return mser5(np.minimum(series, median + _STALL_SPREADS * spread) if spread > 0 else series)


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
    means = series[: groups * _GROUP].reshape(groups, _GROUP).mean(axis=1)
    reverse = (means - means.mean())[::-1]
    counts = np.arange(1, groups + 1, dtype=np.float64)
    total, squares = np.cumsum(reverse), np.cumsum(reverse**2)
    error = ((squares - total**2 / counts) / counts**2)[::-1]
    best = int(np.argmin(error[: groups // 2 + 1]))
    return best * _GROUP if best <= _SETTLED_BY * groups else None
