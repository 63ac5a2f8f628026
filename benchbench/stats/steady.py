"""Where a series of step times becomes stationary, and what keeps one from it."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from benchbench.stats.intervals import Array
from benchbench.values import Observed

_GROUP = 5
_FEWEST_GROUPS = 4
_SETTLED_BY = 0.4  # a minimum nearer to the middle than this may belong to a longer warm-up
_CUT_SPREADS = 2.0  # at five the cut prefers to lie behind a stall, and the mean is 0.16 % too low (simulated)
_CHANGE_SPREADS = 5.0  # at two a late change of level is overlooked, and told too small
_EARLY_STEPS = 25
_LONE_SPIKE = 2.0
_ROUNDING = 1e-9
_MAD_TO_DEVIATION = 1.4826  # of a normal distribution
_LARGEST_EXCURSION = 2.0  # independent values exceed it once in 1,500 times
_LARGEST_SPREAD_EXCURSION = 3.0  # of squares, whose noise has longer tails
_LEAST_CHANGE = 0.005  # of the mean: a quarter of the half-width that is wanted by default; less hurts nobody
_BLOCKS = 20
_LEAST_EXPLAINED = 0.5

Kind = Literal["trend", "level-shift", "growing-oscillation", "wandering", "long-warm-up"]


class Unsettled(Observed):
    """Why a series has no steady state.

    `trend`: it goes steadily up or down; `level-shift`: it jumps from one level to another; `growing-oscillation`: its
    swings change; `wandering`: its level changes in no such way; `long-warm-up`: it may have settled, but too late to
    be sure.

    `change` is the level at the end over the one at the beginning, less 1; of `growing-oscillation` the same of the
    swings' size. `step` is the step, from 1, at which a level shifts.
    """

    kind: Kind
    change: float
    step: int | None = None


def warmup_length(series: Array) -> int | None:
    """The number of leading step times that belong to the warm-up.

    MSER-5 finds it, with three cares that training steps need. A single long stall late in a series would draw
    the truncation point behind itself: values far above the second half's median (two standard deviations, by the
    median deviation) count as being just that far above, so that many such values are a warm-up and a single one
    is a stall, which is kept. A plateau looks settled while the series moves on to the next one: what is left is
    tested for a change of its level and of its spread. And a single early step that is twice as far above the median
    as any later one is no stall but a late compilation, and warm-up.

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
    cut = mser5(_calm(series, _CUT_SPREADS))
    if cut is None:
        return None
    warmup = max(cut, _GROUP)
    changes = _change(_calm(series, _CHANGE_SPREADS)[warmup:])
    return None if changes else _past_early_spikes(series, warmup)


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
    means = _means(series, _GROUP)
    reverse = (means - means.mean())[::-1]
    counts = np.arange(1, groups + 1, dtype=np.float64)
    total, squares = np.cumsum(reverse), np.cumsum(reverse**2)
    error = ((squares - total**2 / counts) / counts**2)[::-1]
    best = int(np.argmin(error[: groups // 2 + 1]))
    return best * _GROUP if best <= _SETTLED_BY * groups else None


def change_of(series: Array) -> Unsettled | None:
    """What changes in a series that should be steady: its level or its spread.

    Args:
        series: shape (n,), in time's order, its warm-up removed.

    Returns:
        None where nothing does, or too few values (under 20) are there to tell.
    """
    return _change(_calm(series, _CHANGE_SPREADS)) if len(series) >= _FEWEST_GROUPS * _GROUP else None


def why_unsettled(series: Array) -> Unsettled | None:
    """Why `warmup_length` found no steady state.

    Args:
        series: shape (n,), all of a run, in time's order.

    Returns:
        None where the series is too short to say anything of it (under 25 values).
    """
    rest = series[_GROUP:]
    if len(rest) < _FEWEST_GROUPS * _GROUP:
        return None
    found = change_of(rest)
    if found is not None:
        return found if found.step is None else found.model_copy(update={"step": found.step + _GROUP})
    return Unsettled(kind="long-warm-up", change=_relative_change(_means(_calm(rest, _CHANGE_SPREADS), _GROUP)))


def _past_early_spikes(series: Array, warmup: int) -> int:
    """The warm-up, made longer by the early steps that have no like later on."""
    early = min(max(_EARLY_STEPS, len(series) // 10), len(series) // 2)
    above = series - float(np.median(series))
    largest_later = np.maximum.accumulate(above[::-1])[::-1][1 : early + 1]
    lone = np.flatnonzero(above[:early] > _LONE_SPIKE * largest_later)
    last = int(lone[-1]) + 1 if len(lone) else 0
    return max(warmup, -(-last // _GROUP) * _GROUP)


def _calm(series: Array, spreads: float) -> Array:
    """The series with its stalls cut to some standard deviations, a height at which a single one moves no mean."""
    late = series[len(series) // 2 :]
    median = float(np.median(late))
    spread = _MAD_TO_DEVIATION * float(np.median(np.abs(late - median)))
    return np.minimum(series, median + spreads * spread) if spread > 0 else series


def _means(series: Array, size: int) -> Array:
    """Means of the groups of `size` values; what is left over at the end is left out."""
    groups = len(series) // size
    means: Array = series[: groups * size].reshape(groups, size).mean(axis=1)
    return means


def _change(calm: Array) -> Unsettled | None:
    means = _means(calm, _GROUP)
    if len(means) < 2:
        return None
    mean = float(means.mean())
    if 4 * _excursion(means) / len(means) > _LEAST_CHANGE * abs(mean) and _wanders(means, _LARGEST_EXCURSION):
        return _kind_of(means)
    squares = _means((calm - mean) ** 2, _GROUP)
    first, last = (math.sqrt(part) for part in _ends(squares))
    if abs(last - first) <= _LEAST_CHANGE * abs(mean) or not _wanders(squares, _LARGEST_SPREAD_EXCURSION):
        return None
    return Unsettled(kind="growing-oscillation", change=last / first - 1 if first else 0.0)


def _excursion(means: Array) -> float:
    return float(np.abs(np.cumsum(means - means.mean())).max())


def _wanders(means: Array, largest: float) -> bool:
    """Whether the cumulated sum of deviations wanders further than stationary noise takes it.

    The noise is told by successive differences, which a change of level hardly enters; of blocks of groups, so that
    noise with a memory shorter than a block counts in full.
    Sources: Brown, Durbin and Evans, JRSS B 37 (1975), for the sum; von Neumann et al. 1941 for the differences.
    """
    size = max(1, len(means) // _BLOCKS)
    blocks = _means(means, size)
    deviation = math.sqrt(size * float(np.mean(np.diff(blocks) ** 2)) / 2)
    return _excursion(means) > largest * max(deviation, _ROUNDING * abs(float(means.mean()))) * math.sqrt(len(means))


def _kind_of(means: Array) -> Unsettled:
    """Which shape explains a change of level best: a straight line, one jump, or neither."""
    size = max(1, len(means) // _BLOCKS)
    blocks = _means(means, size)
    total = float(((blocks - blocks.mean()) ** 2).sum())
    split = min(range(1, len(blocks)), key=lambda at: _jump_residual(blocks, at))
    residual = {"trend": _line_residual(blocks), "level-shift": _jump_residual(blocks, split)}
    kind: Literal["trend", "level-shift"] = "trend" if residual["trend"] <= residual["level-shift"] else "level-shift"
    if residual[kind] > (1 - _LEAST_EXPLAINED) * total:
        return Unsettled(kind="wandering", change=_relative_change(blocks))
    if kind == "trend":
        return Unsettled(kind="trend", change=_relative_change(blocks))
    change = float(blocks[split:].mean() / blocks[:split].mean()) - 1
    return Unsettled(kind="level-shift", change=change, step=split * size * _GROUP + 1)


def _line_residual(blocks: Array) -> float:
    at = np.arange(len(blocks), dtype=np.float64)
    line = np.polynomial.Polynomial.fit(at, blocks, 1)
    return float(((blocks - line(at)) ** 2).sum())


def _jump_residual(blocks: Array, at: int) -> float:
    return float(sum(((part - part.mean()) ** 2).sum() for part in (blocks[:at], blocks[at:])))


def _relative_change(means: Array) -> float:
    """The last quarter's mean over the first quarter's, less 1."""
    first, last = _ends(means)
    return last / first - 1 if first else 0.0


def _ends(means: Array) -> tuple[float, float]:
    """The means of the first and of the last quarter."""
    quarter = max(1, len(means) // 4)
    return float(means[:quarter].mean()), float(means[-quarter:].mean())
