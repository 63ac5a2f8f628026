"""The telemetry of the devices in use while steps were measured -> its means."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from benchbench.stats.intervals import series_halfwidth

Line = Mapping[str, Any]


class Stretches:
    """Unbroken rows of steps in time's order, each with a begin and an end; evaluations stand between them."""

    def __init__(self, stretches: Sequence[tuple[float, float]]) -> None:
        self._begins = np.asarray([begin for begin, _ in stretches], dtype=np.float64)
        self._ends = np.asarray([end for _, end in stretches], dtype=np.float64)

    def number(self, t_s: float) -> int:
        """The number of the last stretch that began before a moment; -1 before the first."""
        return int(np.searchsorted(self._begins, t_s, side="right")) - 1

    def hold(self, line: Line) -> bool:
        """Whether a reading was taken within one of them."""
        index = self.number(line["t"]) if "t" in line else -1
        return index >= 0 and line["t"] <= float(self._ends[index])


def devices_in_use(telemetry: Iterable[Line]) -> list[str]:
    """The accelerators in use, or the CPU where none is."""
    seen: Sequence[Line] = next((x["header"]["devices"] for x in telemetry if "header" in x), [])
    return [d["device"] for d in seen if d["in_use"] and d["device"] != "cpu"] or ["cpu"]


class InUse:
    """Readings of the devices in use, the CPU's where no accelerator is; what fell between the stretches is left out.

    Args of the constructor:
        telemetry: a repeat's lines.
        stretches: begin and end of every unbroken row of measured steps, in time's order.
    """

    def __init__(self, telemetry: Iterable[Line], stretches: Sequence[tuple[float, float]]) -> None:
        lines = list(telemetry)
        used = devices_in_use(lines)
        self._on_cpu = used == ["cpu"]
        self._stretches = Stretches(stretches)
        self._of = {name: [x for x in lines if x.get("device") == name and self._stretches.hold(x)] for name in used}

    def utilization(self) -> float | None:
        """Mean over devices and time, 0 to 1: of the device; on the CPU the run's own share."""
        column = "process_utilization" if self._on_cpu else "utilization"
        values = [x[column] for lines in self._of.values() for x in lines if column in x]
        return float(np.mean(values)) if values else None

    def power_w(self) -> float | None:
        """The devices' mean power, added up; None where one does not tell."""
        return self._sum(self._mean_power_w)

    def energy_w(self) -> float | None:
        """The devices' energy a second, added up: by the counter where there is one, else the mean power."""
        return self._sum(lambda lines: self._counted_w(lines) or self._mean_power_w(lines))

    def energy_by(self) -> Literal["counter", "power"] | None:
        """What tells the energy: counters of all the devices, or for one at least readings of its power."""
        if self.energy_w() is None:
            return None
        return "counter" if all(self._counted_w(lines) for lines in self._of.values()) else "power"

    def sampling_error(self, confidence: float) -> float | None:
        """Half the interval of the mean power over the mean, at a confidence; None with fewer than four readings."""
        total_w, squares = self.power_w(), 0.0
        if not total_w:
            return None
        for lines in self._of.values():
            half = series_halfwidth(np.asarray([x["power_w"] for x in lines if _finite(x.get("power_w"))]), confidence)
            squares += half**2
        return math.sqrt(squares) / total_w if math.isfinite(squares) else None

    def _sum(self, one: Callable[[Sequence[Line]], float | None]) -> float | None:
        each = [one(lines) for lines in self._of.values()]
        known = [w for w in each if w is not None]
        return sum(known) if len(known) == len(each) else None

    def _mean_power_w(self, lines: Sequence[Line]) -> float | None:
        """The power integrated over time by trapezia, over that time; their plain mean where no two lie in a stretch.

        A machine that is busy is looked at less often: each reading counts for the time that it stands for.
        """
        known = [(self._stretches.number(x["t"]), x["t"], x["power_w"]) for x in lines if _finite(x.get("power_w"))]
        spans = [
            (t2 - t1, (w1 + w2) / 2 * (t2 - t1))
            for (s1, t1, w1), (s2, t2, w2) in pairwise(known)
            if s1 == s2 and t2 > t1
        ]
        if spans:
            return float(sum(energy_j for _, energy_j in spans) / sum(elapsed_s for elapsed_s, _ in spans))
        return float(np.mean([w for _, _, w in known])) if known else None

    def _counted_w(self, lines: Sequence[Line]) -> float | None:
        """By the counter, from reading to reading of one stretch; one that went backwards was reset in between."""
        counter = [(self._stretches.number(x["t"]), x["t"], x["energy_j"]) for x in lines if "energy_j" in x]
        spans = [
            (t2 - t1, e2 - e1) for (s1, t1, e1), (s2, t2, e2) in pairwise(counter) if s1 == s2 and t2 > t1 and e2 >= e1
        ]
        elapsed_s, energy_j = (sum(column) for column in zip(*spans, strict=True)) if spans else (0.0, 0.0)
        return energy_j / elapsed_s if elapsed_s > 0 and energy_j > 0 else None


def _finite(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
