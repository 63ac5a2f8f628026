"""How many fresh processes are enough: the rule of `repeats: auto`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchbench.stats.intervals import student_t

LOOKS = (5, 8, 12, 20)
"""Repeats after which it is asked whether they are enough; the last number is the most there will be."""

CAP_S = 3600.0
"""A scenario whose repeats took this long, in seconds, ends with `FEWEST` of them."""

FEWEST = 3
_ASSURANCE = 0.8


def enough(values: Sequence[float], attempts: int, spent_s: float, confidence: float, halfwidth: float) -> bool:
    """Whether `repeats: auto` may stop.

    It may where the interval of the ratio of two such results would be within `halfwidth` of the ratio, so that a
    difference half as large again is found nine times in ten. The spread that counts is the one that it is below with
    80 % assurance: of few repeats the observed one is often too small by luck.

    Each look at the values is a chance to stop on such luck, and so to claim too narrow an interval. Four looks, the
    first at five values, keep the coverage of a 95 % interval at 92 % or more; a look after every repeat from the third
    on does not (`benchmarks/simulations/coverage.py`). Sources: Anscombe, Proc. Cambridge Phil. Soc. 48 (1952), for
    stopping at a wanted width; Harris, Horvitz and Mood, JASA 43 (1948), for the assurance.

    Args:
        values: what the repeats that ended well were measured to take, above zero.
        attempts: all repeats so far, those that failed or missed a target too.
        spent_s: seconds that they took.
        confidence: of the interval.
        halfwidth: half of its wanted width, over the value.

    Returns:
        True also where no more is to be had: at the last look, after `CAP_S`, or where `FEWEST` repeats left fewer than
        two values.
    """
    if attempts < FEWEST:
        return False
    if attempts >= LOOKS[-1] or spent_s >= CAP_S or len(values) < 2:
        return True
    return len(values) in LOOKS and ratio_halfwidth(values, confidence) <= halfwidth


def ratio_halfwidth(values: Sequence[float], confidence: float) -> float:
    """Half the width that the interval of the ratio of two such results would have, on the logarithm.

    Args:
        values: at least two, above zero.
        confidence: of that interval.
    """
    from scipy.special import chdtri

    n = len(values)
    spread = float(np.std(np.log(np.asarray(values, dtype=np.float64)), ddof=1))
    at_most = spread * math.sqrt((n - 1) / float(chdtri(n - 1, _ASSURANCE)))
    return student_t(confidence, 2 * (n - 1)) * at_most * math.sqrt(2 / n)
