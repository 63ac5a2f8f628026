"""Where a series of step times becomes stationary."""

from __future__ import annotations

import numpy as np

from benchbench.stats.intervals import Array

_GROUP = 5


def mser5(series: Array) -> int | None:
    """The number of leading values to leave out, by MSER-5.

    The truncation point minimises the squared standard error of the mean of what is left, over means of five
    values; a minimum in the second half means that the series has not settled yet.
    Source: White, Cobb and Spratt, "A comparison of five steady-state truncation heuristics for simulation",
    Winter Simulation Conference 2000.

    Args:
        series: shape (n,), in time's order.

    Returns:
        A multiple of five, or None while the series is too short (under 20 values) or has not settled.
    """
    groups = len(series) // _GROUP
    if groups < 4:
        return None
    means = series[: groups * _GROUP].reshape(groups, _GROUP).mean(axis=1)
    reverse = (means - means.mean())[::-1]
    counts = np.arange(1, groups + 1, dtype=np.float64)
    total, squares = np.cumsum(reverse), np.cumsum(reverse**2)
    error = ((squares - total**2 / counts) / counts**2)[::-1]
    best = int(np.argmin(error[: groups - 1]))
    return best * _GROUP if best <= groups // 2 else None
