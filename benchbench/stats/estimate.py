"""An estimate is never a bare number."""

from __future__ import annotations

from benchbench.values import Observed


class Estimate(Observed):
    """A value, the interval around it and how it was come by.

    `low` or `high` is None where the data set no bound on that side (a training that never reached its target
    leaves the time to target without an upper one).
    """

    value: float
    low: float | None
    high: float | None
    confidence: float
    n: int
    unit: str

    def scaled(self, factor: float, unit: str) -> Estimate:
        """The estimate of `factor x` the quantity (factor above 0)."""
        bounds = [None if b is None else b * factor for b in (self.low, self.high)]
        return self.model_copy(update={"value": self.value * factor, "low": bounds[0], "high": bounds[1], "unit": unit})

    def inverse(self, factor: float, unit: str) -> Estimate:
        """The estimate of `factor / ` the quantity (both above 0)."""
        low, high = (None if not b else factor / b for b in (self.high, self.low))
        return self.model_copy(update={"value": factor / self.value, "low": low, "high": high, "unit": unit})
