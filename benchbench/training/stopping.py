"""When the warm-up is over, when enough was measured, when a training to a target ends: by what was seen so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchbench.record.reaching import goal
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.types import Measure
from benchbench.stats.crossing import Look, first_crossing
from benchbench.stats.curves import FEWEST_LOOKS, cannot_reach
from benchbench.stats.intervals import Array, series_halfwidth
from benchbench.stats.steady import warmup_length

_LEAST_STEPS = 30
_CAP_S = 60.0
_CAP_SHARE_OF_TIMEOUT = 0.5
_LAST_SHARE_OF_TIMEOUT = 0.75
_LEAST_AT_CAP = 5
_SETTLING_STEPS = 100
_CHECK_GROWTH = 1.1
_LIKELY_WARMUP = 20
_FEWEST_TO_GIVE_UP = 20  # steps: the last half of them is looked at, by when a warm-up is over mostly
_SURE_TO_GIVE_UP = 0.99  # confidence of its interval


@dataclass(frozen=True, kw_only=True)
class Window:
    """The measured steps are those after the first `warmup_steps`; `too_slow` says that they were given up."""

    warmup_steps: int
    settled: bool
    too_slow: bool = False


class ThroughputStop:
    """Decides for a throughput run; `add` a step time at a time until it answers with the window.

    With `warmup: auto` the warm-up ends where the series becomes stationary. With `steps: auto` the run ends when
    the mean is known to within `relative_halfwidth`, or after 60 s of measuring (half of a shorter timeout). A
    series that has not settled by then is measured over its second half and called unsettled.

    A probe of a search ends, too, as soon as it cannot matter any more: where the last half of twenty or more took
    longer than `too_slow_s`, their mean with its interval and the fastest of them alike.

    Attributes:
        compile_s: seconds of the steps so far that went into compilation: no time of measuring, but of the timeout.
    """

    def __init__(self, measure: Measure, timeout_s: float, too_slow_s: float = math.inf) -> None:
        self.compile_s = 0.0
        self._measure = measure
        self._too_slow_s = too_slow_s
        self._cap_s = min(_CAP_S, timeout_s * _CAP_SHARE_OF_TIMEOUT)
        self._last_chance_s = timeout_s * _LAST_SHARE_OF_TIMEOUT
        self._times: list[float] = []
        self._total_s = 0.0
        self._next_check = 1

    def add(self, step_s: float) -> Window | None:
        """Takes the next step's time, in seconds; answers once enough was measured."""
        self._times.append(step_s)
        self._total_s += step_s
        n, measure = len(self._times), self._measure
        if n >= _FEWEST_TO_GIVE_UP and step_s > self._too_slow_s and self._is_too_slow:
            return Window(warmup_steps=n // 2, settled=False, too_slow=True)
        if measure.warmup != "auto" and measure.steps != "auto":
            done = n >= measure.warmup + measure.steps
            return Window(warmup_steps=measure.warmup, settled=True) if done else None
        if n < self._next_check and not self._time_is_up:
            return None
        self._next_check = max(n + 1, int(n * _CHECK_GROWTH))
        times = np.asarray(self._times, dtype=np.float64)
        cut = measure.warmup if measure.warmup != "auto" else warmup_length(times)
        return self._long_enough(times, cut) if measure.steps == "auto" else self._counted(n, cut, measure.steps)

    def _counted(self, n: int, cut: int | None, wanted: int) -> Window | None:
        """The last `wanted` steps, once the warm-up lies before them or has gone on for too long."""
        if cut is not None:
            return Window(warmup_steps=n - wanted, settled=True) if n - cut >= wanted else None
        late = n >= wanted + max(_SETTLING_STEPS, wanted) or (self._time_is_up and n > wanted)
        return Window(warmup_steps=n - wanted, settled=False) if late else None

    def _long_enough(self, times: Array, cut: int | None) -> Window | None:
        """Every step after the warm-up, once their mean is known well enough or the time is up."""
        n, last_chance = len(times), self._total_s >= self._last_chance_s
        settled = cut is not None and not (last_chance and cut >= n)
        start = cut if cut is not None and settled else n // 2
        measured = times[start:]
        if self._time_is_up and len(measured) >= (1 if last_chance else _LEAST_AT_CAP):
            return Window(warmup_steps=start, settled=settled)
        if not settled or len(measured) < _LEAST_STEPS:
            return None
        half = series_halfwidth(measured, self._measure.confidence)
        narrow = half <= self._measure.relative_halfwidth * float(measured.mean())
        return Window(warmup_steps=start, settled=True) if narrow else None

    @property
    def _is_too_slow(self) -> bool:
        last = np.asarray(self._times[len(self._times) // 2 :], dtype=np.float64)
        least = float(last.mean()) - series_halfwidth(last, _SURE_TO_GIVE_UP)
        return min(least, float(last.min())) > self._too_slow_s

    @property
    def _time_is_up(self) -> bool:
        return self._total_s - self.compile_s >= self._cap_s or self._total_s >= self._last_chance_s

    @property
    def steps_expected(self) -> int | None:
        """How many steps there will be, where that is known from the start."""
        measure = self._measure
        if measure.steps == "auto":
            return None
        return measure.steps + (measure.warmup if measure.warmup != "auto" else _LIKELY_WARMUP)

    @property
    def steps_exact(self) -> int | None:
        """How many steps to take, where the scenario says so."""
        measure = self._measure
        return None if "auto" in (measure.warmup, measure.steps) else self.steps_expected


class TargetStop:
    """Decides after each evaluation of a training to a target whether it is over.

    Args of the constructor:
        scenario: with a target.
        deadline_s: training seconds after which a target no longer counts.
        by_curve: whether it is over, too, once the held-out curve cannot reach the target before the deadline (see
            `stats.curves`). Where all steps fit before the deadline, they are taken.

    Attributes:
        by: what ended it; None as long as it goes on.
    """

    def __init__(self, scenario: Scenario, deadline_s: float, *, by_curve: bool) -> None:
        assert scenario.target is not None
        self.by: Literal["target", "steps", "deadline", "curve"] | None = None
        self._goal = goal(scenario.target)
        self._last_step, self._deadline_s, self._by_curve = scenario.training.max_steps, deadline_s, by_curve

    def over(self, looks: Sequence[Look], step: int, training_s: float) -> bool:
        """Whether it is.

        Args:
            looks: every evaluation so far, in order.
            step: that were taken.
            training_s: that they took.
        """
        crossing = first_crossing(looks, self._goal, self._deadline_s)
        if crossing is not None and crossing.confirmed:
            self.by = "target"
        elif step >= self._last_step:
            self.by = "steps"
        elif training_s >= self._deadline_s:
            self.by = "deadline"
        elif self._by_curve and math.isfinite(self._deadline_s) and self._hopeless(looks, step, training_s):
            self.by = "curve"
        return self.by is not None

    def _hopeless(self, looks: Sequence[Look], step: int, training_s: float) -> bool:
        if len(looks) <= FEWEST_LOOKS or training_s <= 0:
            return False
        first, last = looks[0], looks[-1]  # the pace between them leaves compilation out
        paces = [training_s / step, (last.training_s - first.training_s) / max(1, last.step - first.step)]
        by_then = step + (self._deadline_s - training_s) / max(min(paces), 1e-9)
        return by_then < self._last_step and cannot_reach(looks, self._goal, by_then)
