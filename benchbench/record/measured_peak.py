"""Several measurements of what a device can do, one after another, and what they are worth."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from benchbench.record.peaks import Peak
from benchbench.record.types import RunWarning
from benchbench.stats.estimate import Estimate
from benchbench.values import Observed


class MeasuredPeak(Observed):
    """One device in one precision."""

    best: Peak = Field(description="the best rates ever found here, which utilizations are held against")
    readings: tuple[Peak, ...] = Field(description="of now, one a process, at least one")
    flops_per_s: Estimate = Field(description="the mean of the readings")
    bytes_per_s: Estimate = Field(description="the mean of the readings")
    warnings: tuple[RunWarning, ...] = Field((), description="why the readings may be too low or far apart")

    def answer(self) -> dict[str, Any]:
        """One of the `peaks` of `hardware --json`: the best, and beside it the readings of now."""
        return {
            **self.best.document(),
            "flops_per_s_estimate": self.flops_per_s.document(),
            "bytes_per_s_estimate": self.bytes_per_s.document(),
            "readings": [reading.document() for reading in self.readings],
            "warnings": [warning.document() for warning in self.warnings],
        }
