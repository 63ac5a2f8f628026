"""The unit that an axis is labelled in, chosen so that its numbers are short."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from benchbench.report.content import Array
from benchbench.report.language import tr


class Scale(NamedTuple):
    """Values are multiplied by `factor` and then have `unit`."""

    factor: float
    unit: str

    def title(self, label: str) -> str:
        """`step time (ms)`."""
        return tr("{label} ({unit})", label=label, unit=self.unit) if self.unit else label


_LADDERS: dict[str, tuple[tuple[float, Scale], ...]] = {
    "s": (
        (172_800.0, Scale(1 / 86_400, "d")), (7200.0, Scale(1 / 3600, "h")), (240.0, Scale(1 / 60, "min")),
        (1.0, Scale(1.0, "s")), (1e-3, Scale(1e3, "ms")), (0.0, Scale(1e6, "µs")),
    ),
    "bytes": (
        (2.0**40, Scale(2.0**-40, "TiB")), (2.0**30, Scale(2.0**-30, "GiB")), (2.0**20, Scale(2.0**-20, "MiB")),
        (2.0**10, Scale(2.0**-10, "KiB")),
    ),
    "MHz": ((1000.0, Scale(1e-3, "GHz")),),
    "W": ((10_000.0, Scale(1e-3, "kW")),),
    "J": ((10_000.0, Scale(1e-3, "kJ")),),
    "fraction": ((0.0, Scale(100.0, "%")),),
    "FLOP/s": (
        (1e15, Scale(1e-15, "PFLOP/s")), (1e12, Scale(1e-12, "TFLOP/s")), (1e9, Scale(1e-9, "GFLOP/s")),
        (1e6, Scale(1e-6, "MFLOP/s")),
    ),
}  # fmt: skip


def scale(unit: str, arrays: Iterable[Array]) -> Scale:
    """The scale for the largest finite value among the arrays; the unit itself where nothing is to be gained."""
    largest = max((float(np.max(np.abs(a[np.isfinite(a)]), initial=0.0)) for a in arrays), default=0.0)
    for above, chosen in _LADDERS.get(unit, ()):
        if largest >= above and (largest > 0 or above > 0 or unit == "fraction"):
            return chosen
    return Scale(1.0, unit)
