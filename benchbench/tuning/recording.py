"""What a study measured, as a recorded surface that the replay executor answers from (see `executors.records`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchbench.executors.records import Row, comparable, to_csv
from benchbench.record.store import write_atomic
from benchbench.record.types import Figures, Outcome, Repeat, Run
from benchbench.scenario.engines import value_at
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.space import Scalar, plain

_SAYS_NOTHING = (Outcome.REFUSED, Outcome.INTERRUPTED)
_DIGITS = 9  # behind the point: nanoseconds


def write_records(scenario: Scenario, runs: Iterable[Run], file: Path) -> int:
    """Writes the measurements of a study.

    Args:
        scenario: that was searched.
        runs: everything that was measured, in the order of time.
        file: where the table goes; one that stands there is replaced.

    Returns:
        The number of rows.

    Raises:
        StoreError: the table cannot be written.
    """
    keys = keys_of(scenario)
    rows = rows_of(runs, keys)
    write_atomic(file, to_csv(keys, rows))
    return len(rows)


def keys_of(scenario: Scenario) -> tuple[str, ...]:
    """The keys that tell the setups of a search apart: the space's, and the baseline's beyond it."""
    return tuple(dict.fromkeys((*scenario.search.space, *scenario.search.baseline)))


def rows_of(runs: Iterable[Run], keys: Sequence[str]) -> list[tuple[tuple[Scalar, ...], Row]]:
    """One row a setup and seed, of its training and of its probe; what was refused or interrupted says nothing.

    Args:
        runs: in the order of time; of several trainings of one setup with one seed the first counts.
        keys: those that tell setups apart.
    """
    found: dict[tuple[object, ...], tuple[tuple[Scalar, ...], Row]] = {}
    for run in runs:
        values = tuple(plain(value_at(run.scenario, key)) for key in keys)
        for row in _rows(run):
            place = (*map(comparable, values), row.seed)
            before = found.get(place)
            found[place] = (values, row if before is None else _joined(before[1], row))
    return list(found.values())


def _joined(one: Row, other: Row) -> Row:
    """What two measurements say together: the first training, and the cost of the first probe."""
    training, rest = (one, other) if one.train_cost_s is not None else (other, one)
    costs = (row.probe_cost_s for row in (one, other) if row.probe_cost_s is not None)
    if training.train_cost_s is None:
        return one
    memory = training.peak_memory_bytes if training.peak_memory_bytes is not None else rest.peak_memory_bytes
    return replace(training, probe_cost_s=next(costs, None), peak_memory_bytes=memory)


def _rows(run: Run) -> Iterator[Row]:
    trains = run.scenario.measure.procedure == "time-to-target"
    for repeat in run.repeats:
        no_step = repeat.outcome is Outcome.OK and repeat.figures is None
        if repeat.outcome not in _SAYS_NOTHING and not no_step:
            yield _training(repeat) if trains else _probe(repeat)


def _training(repeat: Repeat) -> Row:
    """A training: of one that reached, the warm-up is what the steps to the target took beyond steady ones."""
    figures, reach = repeat.figures, repeat.reach
    reached = repeat.outcome is Outcome.OK and reach is not None and reach.reached
    if not reached or reach is None or not reach.steps_to_target or reach.time_to_target_s is None:
        return _row(repeat, figures, train_cost_s=_rounded(repeat.wall_s))
    time_s, steps = reach.time_to_target_s, reach.steps_to_target
    step_s = time_s / steps if figures is None else min(figures.step_s, time_s / steps)
    return Row(
        seed=repeat.seed,
        outcome=repeat.outcome,
        step_s=step_s,
        startup_s=_rounded(max(0.0, repeat.wall_s - time_s)),
        warmup_s=_rounded(time_s - steps * step_s),
        steps_to_target=steps,
        time_to_target_s=time_s,
        train_cost_s=_rounded(max(repeat.wall_s, time_s)),
        peak_memory_bytes=None if figures is None else figures.peak_memory_bytes,
    )


def _probe(repeat: Repeat) -> Row:
    return _row(repeat, repeat.figures, probe_cost_s=_rounded(repeat.wall_s))


def _row(
    repeat: Repeat,
    figures: Figures | None,
    *,
    train_cost_s: float | None = None,
    probe_cost_s: float | None = None,
) -> Row:
    warmup_s = None if figures is None else figures.warmup_s or 0.0
    clock_s = 0.0
    if figures is not None:
        clock_s = figures.step_s * (figures.measured_steps + figures.warmup_steps) + (warmup_s or 0.0)
    return Row(
        seed=repeat.seed,
        outcome=repeat.outcome,
        step_s=None if figures is None else figures.step_s,
        startup_s=_rounded(max(0.0, repeat.wall_s - clock_s)),
        warmup_s=None if warmup_s is None else _rounded(warmup_s),
        train_cost_s=train_cost_s,
        probe_cost_s=probe_cost_s,
        peak_memory_bytes=None if figures is None else figures.peak_memory_bytes,
    )


def _rounded(seconds: float) -> float:
    return round(seconds, _DIGITS)
