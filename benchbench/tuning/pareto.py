"""Two objectives at once: the measured setups that no other one beats in both, its ends and its knee."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from benchbench.record.study import ParetoPoint
from benchbench.record.types import Run
from benchbench.stats.intervals import median_with_misses
from benchbench.tuning.findings import Findings
from benchbench.tuning.objective import Objective
from benchbench.tuning.setups import Setup
from benchbench.tuning.verdict import Evidence

Pair = tuple[float, float]


def undominated(points: Sequence[Pair]) -> list[int]:
    """The indexes of the points that no other one beats, by the first value: as good in both, and better in one.

    Args:
        points: two values each, the less the better.
    """
    found: list[int] = []
    least = math.inf
    for index in sorted(range(len(points)), key=lambda index: points[index]):
        first, second = points[index]
        if second < least or (found and points[found[-1]] == (first, second)):
            found.append(index)
            least = second
    return found


def knee(front: Sequence[Pair]) -> int | None:
    """The index of the best trade: the point that lies farthest below the line between the ends, on logarithms.

    Source: Das, "On characterizing the knee of the Pareto curve", Structural Optimization 18 (1999).

    Args:
        front: by the first value, none of which another beats, all above 0.

    Returns:
        None where there is no point below that line between the ends.
    """
    logs = np.log(np.asarray(front, dtype=np.float64)).reshape(len(front), 2)
    span = np.abs(logs[-1] - logs[0]) if len(front) else np.zeros(2)
    if len(front) < 3 or not (span > 0).all():
        return None
    place = (logs - logs[[0, -1]].min(axis=0)) / span
    below = 1 - place.sum(axis=1)
    index = int(np.argmax(below[1:-1])) + 1
    return index if below[index] > 0 else None


def front_of(findings: Findings, confidence: float) -> tuple[ParetoPoint, ...]:
    """The front of a study with two objectives, by the first; none with one.

    A setup's values are the medians of its repeats in the confirmation, else of all its trainings in the search. One
    that breaks a constraint is not on it.

    Args:
        findings: what was measured.
        confidence: of the intervals.
    """
    second = findings.question.second
    if second is None:
        return ()
    valued = [s for s in findings.setups if s.trial.objective is not None and not findings.breaches(s)]
    setups = list({setup.scenario: setup for setup in reversed(valued)}.values())
    points = [point for setup in setups if (point := _point(setup, findings, second, confidence)) is not None]
    values = [_pair(point, findings.question.objective, second) for point in points]
    front = [points[index] for index in undominated(values)]
    middle = knee([_pair(point, findings.question.objective, second) for point in front])
    return tuple(
        point.model_copy(update={"place": _place(index, len(front), middle)}) for index, point in enumerate(front)
    )


def _pair(point: ParetoPoint, first: Objective, second: Objective) -> Pair:
    return point.values[first.name].value, point.values[second.name].value


def _place(index: int, count: int, middle: int | None) -> Literal["first", "second", "knee"] | None:
    if index == 0:
        return "first"
    if index == count - 1:
        return "second"
    return "knee" if index == middle else None


def _point(setup: Setup, findings: Findings, second: Objective, confidence: float) -> ParetoPoint | None:
    """A setup with its values; None where it missed its target in half of its repeats or more."""
    same = [s for s in findings.setups if s.scenario == setup.scenario]
    again = next((run for s in same if (run := findings.again(s)) is not None), None)
    runs = [again] if again is not None else [s.run for s in same if s.run is not None]
    values = {}
    for objective in (findings.question.objective, second):
        found = _evidence(runs, objective)
        estimate = median_with_misses(found.all_values, confidence, objective.unit) if found.reached else None
        if estimate is None or estimate.value <= 0:
            return None
        values[objective.name] = estimate if estimate.n > 1 else estimate.model_copy(update={"low": None})
    return ParetoPoint(
        number=setup.trial.number,
        overrides=setup.trial.overrides,
        role="baseline" if setup.trial.role == "baseline" else "candidate",
        values=values,
        confirmed=again is not None,
        run_ids=tuple(run.id for run in runs),
    )


def _evidence(runs: Sequence[Run], objective: Objective) -> Evidence:
    each = [Evidence.of(run, objective) for run in runs]
    return Evidence(values=tuple(v for one in each for v in one.values), misses=sum(one.misses for one in each))
