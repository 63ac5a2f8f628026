"""Long series made short without losing a peak, a dip or a gap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchbench.report.content import Array


def kept(y: Array, limit: int) -> npt.NDArray[np.intp]:
    """The indices to draw of a series: the ends, and of each bucket its lowest and highest value and one gap.

    Args:
        y: shape (n,), in the order of x; nan is a gap.
        limit: the most indices to keep, at least 8.

    Returns:
        Ascending indices, all of them when there are no more than `limit`.
    """
    n = len(y)
    if n <= limit:
        return np.arange(n)
    gaps = ~np.isfinite(y)
    buckets = (limit - 2) // (3 if gaps.any() else 2)
    starts = np.unique(np.linspace(0, n, buckets, endpoint=False).astype(np.intp))
    chosen = [_extreme(np.where(gaps, np.inf, y), starts), _extreme(np.where(gaps, np.inf, -y), starts)]
    if gaps.any():
        chosen.append(_extreme(np.where(gaps, 0.0, 1.0), starts))
    return np.unique(np.concatenate([[0, n - 1], *chosen]))


def _extreme(values: Array, starts: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """The index of the least value of each bucket."""
    least = np.minimum.reduceat(values, starts)
    sizes = np.diff(np.append(starts, len(values)))
    hits = np.flatnonzero(values == np.repeat(least, sizes))
    owners = np.searchsorted(starts, hits, side="right") - 1
    first = np.unique(owners, return_index=True)[1]
    return hits[first]
