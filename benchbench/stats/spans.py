"""Stretches of time as arrays of begin and end, and what one leaves of another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Spans = npt.NDArray[np.float64]
"""Stretches of time. Shape (n, 2): begin and end."""

NONE: Spans = np.empty((0, 2))


def union(stretches: Iterable[tuple[float, float]] | Spans) -> Spans:
    """The time that at least one of some stretches covers, as stretches apart from each other, in order."""
    found = np.asarray(list(stretches), dtype=np.float64).reshape(-1, 2)
    found = found[found[:, 1] > found[:, 0]]
    if not len(found):
        return NONE
    found = found[np.argsort(found[:, 0], kind="stable")]
    reached = np.maximum.accumulate(found[:, 1])
    first = np.concatenate(([True], found[1:, 0] > reached[:-1]))
    last = np.concatenate((first[1:], [True]))
    return np.stack((found[first, 0], reached[last]), axis=1)


def without(these: Spans, others: Spans) -> Spans:
    """What of a union no other covers.

    Args:
        these: a union.
        others: a union.
    """
    if not len(others):
        return these
    gaps = np.stack((np.append(-np.inf, others[:, 1]), np.append(others[:, 0], np.inf)), axis=1)
    firsts = np.searchsorted(gaps[:, 1], these[:, 0], side="right")
    lasts = np.searchsorted(gaps[:, 0], these[:, 1], side="left")
    return union(
        (max(begin, gap_begin), min(end, gap_end))
        for (begin, end), first, last in zip(these, firsts, lasts, strict=True)
        for gap_begin, gap_end in gaps[first:last]
    )


def length_s(these: Spans) -> float:
    """How long a union lasts."""
    return float((these[:, 1] - these[:, 0]).sum())


def exclusive(layers: Sequence[Spans]) -> list[Spans]:
    """What each of some unions covers that none before it does."""
    taken, found = NONE, []
    for layer in layers:
        found.append(without(layer, taken))
        taken = union(np.concatenate((taken, layer)))
    return found
