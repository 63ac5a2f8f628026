"""One scenario over commits: its runs in time's order, a series a machine, and the steps in it."""

from __future__ import annotations

from typing import Any, Literal

from benchbench.record.differences import Leaf
from benchbench.record.machine import Machine
from benchbench.record.speed import Metric
from benchbench.record.types import Outcome, RunWarning
from benchbench.scenario.scenario import Scenario
from benchbench.stats.estimate import Estimate
from benchbench.values import Observed


class Point(Observed):
    """One run of a series.

    Attributes:
        id: the run's.
        created_at: ISO 8601.
        commit: what was checked out where it was started; None where that was no repository.
        dirty: whether that had changes of its own.
        outcome: the run's; repeats that failed are left out of the value.
        value: of the series' metric.
        warnings: those that make its value less sure: suspect, noisy, unstable.
        changes: in the environment since the point before, as (before, now).
        disturbed: whether repeats of it are not to be trusted.
    """

    id: str
    created_at: str
    commit: str | None
    dirty: bool | None
    outcome: Outcome
    value: Estimate
    warnings: tuple[RunWarning, ...]
    changes: dict[str, tuple[Leaf, Leaf]]
    disturbed: bool = False


class Step(Observed):
    """A change of level between two runs.

    Attributes:
        index: of the first point at the new level.
        at: its run.
        commit: that run's; the change came after `previous_commit`, and no later than with it.
        previous: the last run at the old level.
        before: the old level, in the metric's unit.
        after: the new one.
        ratio: of the new level over the old one; `n` counts the runs of the shorter one.
        verdict: what that is in speed.
    """

    index: int
    at: str
    commit: str | None
    previous: str
    previous_commit: str | None
    before: float
    after: float
    ratio: Estimate
    verdict: Literal["slower", "faster"]


class Series(Observed):
    """The runs of one scenario on one machine, oldest first.

    Attributes:
        scenario: as the newest run has it.
        scenario_key: what all have in common.
        machine: as the newest run saw it.
        metric: what is followed.
        points: at least one.
        steps: in their order.
        visible: the least slowdown of one more run that would be a step, such as 0.03; None where nothing is known of
            the spread.
        target_lost: whether the newest run that trained for the target missed it, and an earlier one did not.
        notes: what else is to be said, such as runs that were left out.
    """

    scenario: Scenario
    scenario_key: str
    machine: Machine
    metric: Metric
    points: tuple[Point, ...]
    steps: tuple[Step, ...]
    visible: float | None
    target_lost: bool
    notes: tuple[str, ...]

    @property
    def slower(self) -> bool:
        """Whether the newest step is a slowdown that undisturbed runs show too, or the target was lost."""
        return self.target_lost or (bool(self.steps) and self.steps[-1].verdict == "slower" and not self.doubtful)

    @property
    def doubtful(self) -> bool:
        """Whether every run since the newest step was disturbed."""
        return bool(self.steps) and all(point.disturbed for point in self.points[self.steps[-1].index :])

    def answer(self) -> dict[str, Any]:
        """Its entry in `history --json`."""
        return {
            "name": self.scenario.name,
            "scenario_key": self.scenario_key,
            "machine": {**self.machine.document(), "fingerprint": self.machine.fingerprint},
            **{key: value for key, value in self.document().items() if key not in ("scenario", "machine")},
        }


class History(Observed):
    """What is stored of one scenario, or of every one that has two runs or more.

    Attributes:
        series: at least one; they are never joined.
        threshold: how far from 1 the ratio of two levels must be to be a step.
        problems: what was left out, and why.
    """

    series: tuple[Series, ...]
    threshold: float
    problems: tuple[str, ...]

    @property
    def slower(self) -> bool:
        """Whether the newest step of a series is a slowdown, or a target was lost."""
        return any(series.slower for series in self.series)

    def answer(self, report: str | None) -> dict[str, Any]:
        """The document of `history --json`."""
        return {
            "schema": 1,
            "report": report,
            "threshold": self.threshold,
            "series": [series.answer() for series in self.series],
            "problems": list(self.problems),
        }
