"""Series cut from a run's tables: step times and learning curves, repeat by repeat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchbench.report.content import Array
from benchbench.report.subject import RunSubject

if TYPE_CHECKING:
    import pandas as pd

REPEATS_DRAWN = 8
EVAL_COLUMNS = frozenset({"repeat", "step", "t_s", "training_s", "evaluation_s"})


@dataclass(frozen=True, kw_only=True, eq=False)
class StepTimes:
    """One repeat's steps in their order: number, seconds, training loss, whether a warm-up. Each of shape (n,)."""

    repeat: int
    step: Array
    step_s: Array
    loss: Array
    warmup: npt.NDArray[np.bool_]

    @property
    def measured_s(self) -> Array:
        """The measured steps' times that are finite."""
        times = self.step_s[~self.warmup]
        return times[np.isfinite(times)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """One repeat's values of one held-out metric over its training time. Each of shape (n,)."""

    repeat: int
    metric: str
    training_s: Array
    value: Array


def column(frame: pd.DataFrame, name: str) -> Array:
    """A column as floats; nan where it has no number, throughout where the table has no such column."""
    import pandas as pd

    if name not in frame:
        return np.full(len(frame), np.nan)
    return np.asarray(pd.to_numeric(frame[name], errors="coerce"), dtype=np.float64)


def by_repeat(frame: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    """The rows of each repeat, in the repeats' order."""
    for index, rows in frame.groupby("repeat", sort=True):
        yield int(str(index)), rows


def step_times(subject: RunSubject) -> list[StepTimes]:
    """Every repeat that left a step; nothing without a table."""
    frame = subject.steps.frame
    if frame is None:
        return []
    return [
        StepTimes(
            repeat=index,
            step=column(rows, "step"),
            step_s=column(rows, "step_s"),
            loss=column(rows, "loss"),
            warmup=np.nan_to_num(column(rows, "warmup")) > 0,
        )
        for index, rows in by_repeat(frame)
    ]


def without_a_time(subject: RunSubject) -> int:
    """How many steps of the table hold no time; 0 without a table."""
    frame = subject.steps.frame
    return 0 if frame is None else int((~np.isfinite(column(frame, "step_s"))).sum())


def learning_curves(subject: RunSubject) -> list[Curve]:
    """Every metric of every repeat that was evaluated; nothing without a table."""
    frame = subject.evals.frame
    if frame is None:
        return []
    metrics = [name for name in frame.columns if name not in EVAL_COLUMNS]
    return [
        Curve(repeat=index, metric=metric, training_s=column(rows, "training_s"), value=column(rows, metric))
        for metric in metrics
        for index, rows in by_repeat(frame)
    ]
