"""When the warm-up is over and when enough was measured: decided from the step times so far, nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchbench.scenario.types import Measure
from benchbench.stats.intervals import series_halfwidth
from benchbench.stats.steady import mser5

_LEAST_STEPS = 30
_CAP_S = 60.0
_CAP_SHARE_OF_TIMEOUT = 0.5
_LEAST_AT_CAP = 5
_SETTLING_STEPS = 100
_CHECK_GROWTH = 1.1


@dataclass(frozen=True, kw_only=True)
class Window:
    """The measured steps are those after the first `warmup_steps`."""

    warmup_steps: int
    settled: bool


class ThroughputStop:
    """Decides for a throughput run; `add` a step time at a time until it answers with the window.

    With `warmup: auto` the warm-up ends where the series becomes stationary (MSER-5). With `steps: auto` the run
    ends when the mean is known to within `relative_halfwidth`, or after 60 s of measuring (half of a shorter
    timeout). A series that has not settled by then is measured over its second half and called unsettled.
    """

    def __init__(self, measure: Measure, timeout_s: float) -> None:
        self._measure = measure
        self._cap_s = min(_CAP_S, timeout_s * _CAP_SHARE_OF_TIMEOUT)
        self._times: list[float] = []
        self._total_s = 0.0
        self._next_check = 1

    def add(self, step_s: float) -> Window | None:
        """Takes the next step's time, in seconds; answers once enough was measured."""
        self._times.append(step_s)
        self._total_s += step_s
        n, measure = len(self._times), self._measure
        if measure.warmup != "auto" and measure.steps != "auto":
            done = n >= measure.warmup + measure.steps
            return Window(warmup_steps=measure.warmup, settled=True) if done else None
        if n < self._next_check:
            return None
        self._next_check = max(n + 1, int(n * _CHECK_GROWTH))
        return self._check()

    def _check(self) -> Window | None:
        times = np.asarray(self._times, dtype=np.float64)
        n, wanted = len(times), self._measure.steps
        cut = self._measure.warmup if self._measure.warmup != "auto" else mser5(times)
        settled = cut is not None
        if cut is None:
            late = self._total_s >= self._cap_s or (wanted != "auto" and n >= max(_SETTLING_STEPS, wanted) + wanted)
            if not late:
                return None
            cut = n // 2 if wanted == "auto" else max(0, n - wanted)
        measured = times[cut:]
        if wanted != "auto":
            return Window(warmup_steps=n - wanted, settled=settled) if len(measured) >= wanted else None
        if self._total_s >= self._cap_s and len(measured) >= _LEAST_AT_CAP:
            return Window(warmup_steps=cut, settled=settled)
        if not settled or len(measured) < _LEAST_STEPS:
            return None
        half = series_halfwidth(measured, self._measure.confidence)
        narrow = half <= self._measure.relative_halfwidth * float(measured.mean())
        return Window(warmup_steps=cut, settled=True) if narrow else None

    @property
    def steps_expected(self) -> int | None:
        """How many steps there will be, where that is known from the start."""
        measure = self._measure
        if measure.steps == "auto":
            return None
        return measure.steps + (measure.warmup if measure.warmup != "auto" else 20)
