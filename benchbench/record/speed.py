"""How fast one run was in one metric: a value a repeat, and how well their mean is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from benchbench.errors import RecordError
from benchbench.record.summary import measured, reaches
from benchbench.record.types import Repeat, Run
from benchbench.stats.intervals import LogMean

Metric = Literal["time_to_target_s", "samples_per_s", "step_s"]
HIGHER_IS_BETTER = frozenset({"samples_per_s"})
_SMALLEST, _LARGEST = 1e-100, 1e100  # of what was measured in any unit; a ratio of them is still a float


def refuse_damaged(run: Run) -> None:
    """Numbers that are no measurements would make a ratio that is none.

    Raises:
        RecordError: there is one; names it.
    """
    for repeat in measured(run):
        assert repeat.figures is not None
        f = repeat.figures
        found = {"step_s": f.step_s, "samples_per_step": f.samples_per_step, "step_s_halfwidth": f.step_s_halfwidth}
        for name, value in found.items():
            least = 0.0 if name == "step_s_halfwidth" else _SMALLEST
            if value is not None and not least <= value <= _LARGEST:
                raise _damaged(run, repeat, f"figures.{name}", value)
    for repeat in run.repeats:
        time_s = None if repeat.reach is None else repeat.reach.time_to_target_s
        if time_s is not None and not _SMALLEST <= time_s <= _LARGEST:
            raise _damaged(run, repeat, "reach.time_to_target_s", time_s)


def _damaged(run: Run, repeat: Repeat, name: str, value: float) -> RecordError:
    return RecordError(f"{run.id} is damaged: {name} of repeat {repeat.index} is {value}, which is no measurement")


def values_of(run: Run, metric: Metric) -> list[float]:
    """One value a repeat; infinite is a miss.

    Raises:
        RecordError: there is none.
    """
    if metric == "time_to_target_s":
        values = [math.inf if r.time_to_target_s is None else r.time_to_target_s for r in reaches(run.repeats)]
    else:
        values = [_speed(repeat, metric) for repeat in measured(run)]
    if not values:
        said = f": {run.failure.message}" if run.failure is not None else ""
        raise RecordError(f"{run.id} has no measured step to compare; it ended as {run.outcome.value}{said}")
    return values


def _speed(repeat: Repeat, metric: Metric) -> float:
    assert repeat.figures is not None
    f = repeat.figures
    return f.step_s if metric == "step_s" else f.samples_per_step / f.step_s


def log_mean(run: Run, values: Sequence[float]) -> LogMean:
    """Over the repeats; of a single one over its steps, which says nothing of the spread between processes."""
    if len(values) > 1:
        return LogMean.of_repeats(values)
    (repeat,) = measured(run)
    assert repeat.figures is not None
    f = repeat.figures
    half = math.inf if f.step_s_halfwidth is None else f.step_s_halfwidth / f.step_s * values[0]
    return LogMean.of_series(values[0], half, run.scenario.measure.confidence, f.measured_steps)
