"""Where a series of results steps to another level, and how sure that is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from benchbench.stats.estimate import Estimate
from benchbench.stats.intervals import from_logarithm, student_t

Array = npt.NDArray[np.float64]

_SHARE_OF_ONE = 0.8  # of the error rate, for a single change; the rest is for two at once, of which there are many more
_LEAST_NOISE = 1e-9  # of a logarithm: nothing is timed better, and equal values have no spread to be judged by
_CANDIDATES = 1_000_000  # looked at together


@dataclass(frozen=True, kw_only=True)
class Level:
    """Results between two steps.

    Attributes:
        start: the index of the first.
        stop: one behind the last.
        value: their geometric mean.
        ratio: over the level before; None for the first. Its interval takes the place of the step as known.
    """

    start: int
    stop: int
    value: float
    ratio: Estimate | None


def levels(
    values: Sequence[float], errors: Sequence[float | None], threshold: float, confidence: float
) -> tuple[Level, ...]:
    """Divides a series into levels.

    Binary segmentation: the strongest change splits the series, and each part is looked at in the same way. A change
    is judged by Student's t on the logarithms, its variance pooled over the part, as Hunter does (Fleming, Kołaczkowski
    et al., ICPE 2023); the errors of the single results are a floor for it. A level that lasts a while and goes back is
    hidden from a search for one change, so two changes at once are candidates too, as in circular binary segmentation
    (Olshen, Venkatraman, Lucito and Wigler, Biostatistics 5, 2004). Bonferroni's correction for all candidates keeps
    steps found in a constant series with independent, normal noise to `1 - confidence` of such series. Noise that
    lasts from one result to the next is taken for steps more often: nothing in the numbers tells the two apart.

    A lone result that differs from those on both sides is an outlier and no level: it is counted with its longer
    neighbour. The newest one may be the first of a level. Steps within the threshold are taken back, the least first,
    until every one is beyond it.

    Args:
        values: the results, oldest first, above zero.
        errors: the standard error of each one's logarithm; None where it is unknown.
        threshold: how far from 1 the ratio of two levels must be to matter, such as 0.02.
        confidence: of the whole series, and of each ratio's interval.

    Returns:
        At least one level; they follow each other without a gap.
    """
    logs, variances = np.log(np.asarray(values, dtype=np.float64)), _variances(errors)
    cuts = _beyond(logs, _confirmed(_cuts(logs, variances, 1 - confidence), len(logs)), threshold)
    edges = [0, *cuts, len(logs)]
    pooled = _pooled(logs, edges)
    meetings = zip(edges[:-2], edges[1:-1], edges[2:], strict=True)
    ratios = [_ratio(logs, variances, meeting, pooled, confidence) for meeting in meetings]
    return tuple(
        Level(start=a, stop=b, value=math.exp(float(logs[a:b].mean())), ratio=ratio)
        for (a, b), ratio in zip(pairwise(edges), [None, *ratios], strict=True)
    )


def visible(values: Sequence[float], errors: Sequence[float | None], confidence: float) -> float | None:
    """The least slowdown of one further result that `levels` would see behind a constant series.

    Args:
        values: as for `levels`, of the last level.
        errors: likewise; the further result is taken to have their mean variance.
        confidence: likewise.

    Returns:
        A share, such as 0.03; None with fewer than two values.
    """
    from scipy.special import stdtrit

    n = len(values)
    if n < 2:
        return None
    logs, variances = np.log(np.asarray(values, dtype=np.float64)), _variances(errors)
    floor = float(variances.mean()) * (1 + 1 / n)
    error = math.sqrt(max(float(logs.var(ddof=1)) * (1 + 1 / n), floor))
    tail = (1 - confidence) * _SHARE_OF_ONE / n / 2
    return math.expm1(min(float(-stdtrit(n - 1, tail)) * error, 700.0))


def _variances(errors: Sequence[float | None]) -> Array:
    return np.asarray([max(error or 0.0, _LEAST_NOISE) ** 2 for error in errors])


def _cuts(logs: Array, variances: Array, error_rate: float) -> list[int]:
    found: list[int] = []
    parts = [(0, len(logs))]
    while parts:
        start, stop = parts.pop()
        inner = [start + cut for cut in _strongest(logs[start:stop], variances[start:stop], error_rate)]
        found += inner
        if inner:
            parts += pairwise([start, *inner, stop])
    return sorted(found)


def _strongest(logs: Array, variances: Array, error_rate: float) -> tuple[int, ...]:
    """Where one change, or two at once, is the least likely to be noise; nothing where it may be."""
    from scipy.special import stdtr

    n = len(logs)
    if n < 3:
        return ()
    best: tuple[float, tuple[int, ...]] = (math.inf, ())
    sums, noise = _running(logs - logs.mean()), _running(variances)
    total = float(((logs - logs.mean()) ** 2).sum())
    for share, count, candidates in (
        (_SHARE_OF_ONE, n - 1, [(np.zeros(n - 1, dtype=np.intp), np.arange(1, n))]),
        (1 - _SHARE_OF_ONE, (n - 1) * (n - 2) // 2, _inner(n)),
    ):
        for begins, ends in candidates:
            t = _student(begins, ends, sums, noise, total)
            at = int(t.argmax())
            p = 2 * float(stdtr(n - 2, -t[at])) * count / share
            cut = (int(begins[at]), int(ends[at])) if begins[at] else (int(ends[at]),)
            best = min(best, (p, cut))
    return best[1] if best[0] <= error_rate else ()


def _inner(n: int) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Begins and ends of every stretch that leaves something on both sides, in handy numbers."""
    rows = max(1, _CANDIDATES // n)
    for first in range(1, n - 1, rows):
        begins, ends = np.mgrid[first : min(first + rows, n - 1), 1:n]
        kept = begins < ends
        yield begins[kept], ends[kept]


def _student(
    begins: npt.NDArray[np.intp], ends: npt.NDArray[np.intp], sums: Array, noise: Array, total: float
) -> Array:
    """The size of Student's t of each stretch against all else.

    Args:
        begins: the first index of each, shape (k,).
        ends: one behind its last, shape (k,).
        sums: running sums of the centred values, shape (n + 1,).
        noise: running sums of the results' own variances, shape (n + 1,).
        total: sum of the centred values' squares.
    """
    n = len(sums) - 1
    inside = (ends - begins).astype(np.float64)
    outside = n - inside
    distance = (sums[ends] - sums[begins]) * n / (inside * outside)
    between = distance**2 * inside * outside / n
    pooled = np.maximum(total - between, 0.0) / (n - 2) * n / (inside * outside)
    own = noise[ends] - noise[begins]
    floor = own / inside**2 + (noise[n] - own) / outside**2
    return np.asarray(np.abs(distance) / np.sqrt(np.maximum(pooled, floor)))


def _running(values: Array) -> Array:
    return np.concatenate([[0.0], np.cumsum(values)])


def _confirmed(cuts: Sequence[int], n: int) -> list[int]:
    """The cuts without those around a lone result, the first and the last one aside."""
    kept = list(cuts)
    while True:
        edges = [0, *kept, n]
        sizes = [b - a for a, b in pairwise(edges)]
        lone = next((i for i in range(1, len(sizes) - 1) if sizes[i] == 1), None)
        if lone is None:
            return kept
        del kept[lone - 1 if sizes[lone - 1] >= sizes[lone + 1] else lone]


def _beyond(logs: Array, cuts: Sequence[int], threshold: float) -> list[int]:
    """The cuts whose levels differ by more than a threshold."""
    kept = list(cuts)
    while kept:
        means = [float(logs[a:b].mean()) for a, b in pairwise([0, *kept, len(logs)])]
        changes = [abs(math.expm1(b - a)) for a, b in pairwise(means)]
        least = int(np.argmin(changes))
        if changes[least] > threshold:
            break
        del kept[least]
    return kept


def _pooled(logs: Array, edges: Sequence[int]) -> tuple[float, int]:
    """The variance within all levels, and its degrees of freedom."""
    squares = sum(float(((logs[a:b] - logs[a:b].mean()) ** 2).sum()) for a, b in pairwise(edges))
    degrees = len(logs) - len(edges) + 1
    return squares / max(1, degrees), degrees


def _ratio(
    logs: Array, variances: Array, meeting: tuple[int, int, int], pooled: tuple[float, int], confidence: float
) -> Estimate:
    """The ratio of two neighbouring levels, `meeting` being where they begin, meet and end."""
    start, at, stop = meeting
    before, after, (variance, degrees) = at - start, stop - at, pooled
    distance = float(logs[at:stop].mean() - logs[start:at].mean())
    n = min(before, after)
    if degrees < 1:
        return Estimate(value=math.exp(distance), low=None, high=None, confidence=confidence, n=n, unit="x")
    floor = float(variances[start:at].sum()) / before**2 + float(variances[at:stop].sum()) / after**2
    error = math.sqrt(max(variance * (1 / before + 1 / after), floor))
    return from_logarithm(distance, student_t(confidence, degrees) * error, confidence, n, "x")
