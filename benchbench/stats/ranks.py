"""Whether two series put the same things in the same order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def kendall_tau(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Kendall's tau-b: pairs in the same order less those in the opposite one, over the pairs that are not tied.

    Args:
        one: a value of each thing.
        other: another value of each, in the same order.

    Returns:
        1 for the same order, -1 for the opposite; None of fewer than two things, or where all are tied.
    """
    upper = np.triu_indices(len(one), 1)
    first, second = (np.sign(np.subtract.outer(np.asarray(v), np.asarray(v)))[upper] for v in (one, other))
    untied = float(np.sqrt((first != 0).sum() * (second != 0).sum()))
    return float((first * second).sum()) / untied if untied else None
