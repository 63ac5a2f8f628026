"""The runs of one scenario on one machine -> their series, with its steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from benchbench.errors import RecordError
from benchbench.record import differences
from benchbench.record.differences import Leaf
from benchbench.record.history import Point, Series, Step
from benchbench.record.speed import HIGHER_IS_BETTER, Metric, log_mean, refuse_damaged, values_of
from benchbench.record.summary import Summary, measured, summarize, warnings_of
from benchbench.record.types import Outcome, Run
from benchbench.stats import shifts
from benchbench.stats.estimate import Estimate
from benchbench.stats.intervals import LogMean

_CARE = frozenset({"suspect", "noisy", "unstable"})
_COMMITS = frozenset({"git_commit", "git_dirty"})


@dataclass(frozen=True, kw_only=True)
class _Result:
    """A run whose record is sound."""

    run: Run
    summary: Summary
    made_at: datetime

    @property
    def ended_well(self) -> bool:
        return any(r.outcome is Outcome.OK and r.figures is not None for r in self.run.repeats)

    def value(self, metric: Metric) -> Estimate | None:
        value: Estimate | None = getattr(self.summary, metric)
        return value

    def error(self, metric: Metric) -> float | None:
        """The standard error of the value's logarithm."""
        values = values_of(self.run, metric)
        if metric == "time_to_target_s":
            return LogMean.of_repeats([v for v in values if math.isfinite(v)]).error
        return log_mean(self.run, values).error


def series_of(runs: Sequence[Run], metric: Metric | None, threshold: float) -> tuple[Series | None, tuple[str, ...]]:
    """The series of one scenario's runs on one machine.

    Args:
        runs: of one scenario key and one machine's fingerprint.
        metric: what to follow; None takes the time to the target where every run has it, else the step time.
        threshold: how far from 1 the ratio of two levels must be to be a step, such as 0.02.

    Returns:
        The series, None where no run has a value; and which runs were left out, each with the reason.
    """
    sound, problems = _sound(runs)
    well = [result for result in sound if result.ended_well]
    chosen = metric or _metric(well)
    results = [result for result in well if result.value(chosen) is not None]
    problems += [_why_not(result, chosen) for result in sound if result not in results]
    if not results:
        return None, tuple(problems)
    points = _points(results, chosen)
    levels, visible = _levels(results, points, chosen, threshold)
    newest = results[-1].run
    series = Series(
        scenario=newest.scenario,
        scenario_key=newest.scenario.key,
        machine=newest.machine,
        metric=chosen,
        points=tuple(points),
        steps=tuple(_step(points, *pair, chosen) for pair in pairwise(levels)),
        visible=visible,
        target_lost=_target_lost(sound),
        notes=_notes(results, metric, chosen),
    )
    if series.doubtful:
        told = (
            f"every run since {series.steps[-1].at} was disturbed: the step may be theirs alone, and --fail-if does "
            "not count it"
        )
        series = series.model_copy(update={"notes": (*series.notes, told)})
    return series, tuple(problems)


def _sound(runs: Sequence[Run]) -> tuple[list[_Result], list[str]]:
    """The runs whose records are sound, oldest first, and what is wrong with the others."""
    found, problems = [], []
    for run in runs:
        try:
            made_at = _made_at(run)
            refuse_damaged(run)
        except RecordError as error:
            problems.append(error.message)
        else:
            found.append(_Result(run=run, summary=summarize(run), made_at=made_at))
    return sorted(found, key=lambda result: (result.made_at, result.run.id)), problems


def _made_at(run: Run) -> datetime:
    try:
        return datetime.fromisoformat(run.created_at).astimezone()
    except (ValueError, OverflowError, OSError):
        raise RecordError(f"{run.id} is damaged: created_at is {run.created_at!r}, which is no time") from None


def _metric(results: Sequence[_Result]) -> Metric:
    return "time_to_target_s" if all(r.value("time_to_target_s") for r in results) else "step_s"


def _why_not(result: _Result, metric: Metric) -> str:
    run = result.run
    if result.ended_well:
        return f"{run.id} has no {metric}"
    why = f": {run.failure.message}" if run.failure is not None else ""
    return f"{run.id} ended as {run.outcome.value}{why}"


def _notes(results: Sequence[_Result], wanted: Metric | None, chosen: Metric) -> tuple[str, ...]:
    notes = []
    if wanted is None and chosen == "step_s" and any(r.value("time_to_target_s") for r in results):
        notes.append("not every run reached the target, so step times are followed")
    prints = {r.run.id: {x.facts.get("data_fingerprint") for x in r.run.repeats} - {None} for r in results}
    first = results[0].run.id
    other = [name for name, found in prints.items() if found and prints[first] and found.isdisjoint(prints[first])]
    if other:
        notes.append(f"the data changed with {other[0]}: the source is the same, what it gave is not")
    return tuple(notes)


def _target_lost(results: Sequence[_Result]) -> bool:
    reached = [r.summary.reached_target for r in results if r.summary.reached_target is not None]
    return bool(reached) and not reached[-1] and any(reached)


def _points(results: Sequence[_Result], metric: Metric) -> list[Point]:
    points = []
    before: dict[str, Leaf] | None = None
    for result in results:
        run, value = result.run, result.value(metric)
        assert value is not None
        now = {key: v for key, v in differences.environment(run).items() if key not in _COMMITS}
        points.append(
            Point(
                id=run.id,
                created_at=run.created_at,
                commit=run.machine.git_commit,
                dirty=run.machine.git_dirty,
                outcome=run.outcome,
                value=value,
                warnings=tuple(w for w in warnings_of(run, result.summary) if w.code in _CARE),
                changes={} if before is None else differences.different(before, now),
                disturbed=any(repeat.suspect for repeat in measured(run)),
            )
        )
        before = now
    return points


def _levels(
    results: Sequence[_Result], points: Sequence[Point], metric: Metric, threshold: float
) -> tuple[tuple[shifts.Level, ...], float | None]:
    """The levels, and the least slowdown that would be a further one."""
    confidence = points[-1].value.confidence
    values, errors = [p.value.value for p in points], [r.error(metric) for r in results]
    levels = shifts.levels(values, errors, threshold, confidence)
    last = levels[-1].start
    least = shifts.visible(values[last:], errors[last:], confidence)
    return levels, None if least is None else max(least, threshold)


def _step(points: Sequence[Point], before: shifts.Level, after: shifts.Level, metric: Metric) -> Step:
    assert after.ratio is not None
    at, previous = points[after.start], points[after.start - 1]
    return Step(
        index=after.start,
        at=at.id,
        commit=at.commit,
        previous=previous.id,
        previous_commit=previous.commit,
        before=before.value,
        after=after.value,
        ratio=after.ratio,
        verdict="faster" if (after.ratio.value > 1) is (metric in HIGHER_IS_BETTER) else "slower",
    )
