"""What one request told of a setup, as the model of the search takes it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from benchbench.record.study import Overrides
from benchbench.record.types import Outcome, Repeat


class Failing(StrEnum):
    """How a setup failed, as far as it tells of other setups."""

    MEMORY = "memory"
    DIVERGED = "diverged"
    OTHER = "other"


_FAILING = {Outcome.OOM: Failing.MEMORY, Outcome.DIVERGED: Failing.DIVERGED}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One setup's answer; what is None was not seen.

    Attributes:
        overrides: the setup.
        trained: whether a training to the target was asked for, and not a probe.
        step_s: seconds a steady step.
        step_s_over: of a probe that was given up, seconds that a step takes at least; then `step_s` is None.
        warmup_s: what compiling and warming up took beyond steady steps.
        steps: to the target.
        more_steps_than: steps that were trained without reaching it: it takes more.
        gave_up: whether those were all that it may train, and not cut short by a deadline.
        failing: how it failed.
        cost_s: wall-clock seconds that it took.
        training_s: of them, on the training clock.
        per_second: what is minimised, a second on that clock; None where it is not known.
        second_per_second: the same of the second of two objectives.
        of_limits: of each constraint that depends on what moves seconds per step alone, the value over its bound.
        breaks: whether it breaks a constraint.
        reused: whether an earlier study or command measured it, perhaps under a shorter deadline.
    """

    overrides: Overrides
    trained: bool
    step_s: float | None = None
    step_s_over: float | None = None
    warmup_s: float | None = None
    steps: float | None = None
    more_steps_than: float | None = None
    gave_up: bool = False
    failing: Failing | None = None
    cost_s: float = 0.0
    training_s: float = 0.0
    per_second: float | None = None
    second_per_second: float | None = None
    of_limits: tuple[float | None, ...] = ()
    breaks: bool = False
    reused: bool = False

    @property
    def cut(self) -> bool:
        """Whether a deadline ended it before the target, so that it tells a bound alone."""
        return self.more_steps_than is not None and not self.gave_up


def reading_of(
    overrides: Overrides,
    repeat: Repeat,
    cost_s: float,
    *,
    trained: bool,
    per_second: float | None = None,
    reused: bool = False,
) -> Reading:
    """What a repeat tells.

    Args:
        overrides: the setup.
        repeat: that was measured.
        cost_s: wall-clock seconds that it took.
        trained: whether a training to the target was asked for.
        per_second: what is minimised, a second on the training clock.
        reused: whether an earlier study or command measured it.
    """
    figures, reach = repeat.figures, repeat.reach
    told: dict[str, Any] = {
        "overrides": overrides, "trained": trained, "cost_s": cost_s, "per_second": per_second,
        "reused": reused,
    }  # fmt: skip
    if figures is not None and repeat.facts.get("stopped_as_too_slow"):
        told |= {"step_s_over": max(figures.step_s - (figures.step_s_halfwidth or 0.0), figures.step_s / 2)}
    elif figures is not None:
        told |= {"step_s": figures.step_s, "warmup_s": figures.warmup_s}
    if repeat.outcome is not Outcome.OK:
        return Reading(**told, failing=_FAILING.get(repeat.outcome, Failing.OTHER))
    if not trained or reach is None:
        return Reading(**told)
    if reach.reached:
        return Reading(**told, steps=reach.steps_to_target, training_s=reach.time_to_target_s or 0.0)
    if figures is None:
        return Reading(**told)
    steps = float(figures.measured_steps + figures.warmup_steps)
    return Reading(
        **told,
        more_steps_than=steps,
        gave_up=not repeat.facts.get("stopped_by_deadline", False),
        training_s=steps * figures.step_s + (figures.warmup_s or 0.0),
    )
