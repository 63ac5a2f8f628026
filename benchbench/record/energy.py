"""The energy of a repeat: by the devices' counters, else by their power over time, with its error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from benchbench.record.readings import InUse, Line

# A sensor's own error, relative (Yang, Adamek and Armour 2024, "Accurate and Convenient Energy Measurements for GPUs",
# SC24: 5 %, of NVIDIA's GPUs). It is common to all samples, and does not become less with their number.
SENSOR_ERROR = 0.05


class Power(NamedTuple):
    """Mean power over measured time.

    Attributes:
        watts: of the devices in use together, what they draw when idle included.
        by: whether energy counters told it, or readings of power; of several devices the worse.
        relative_error: of power readings, at the confidence asked for; counters give no ground for one.
        idle_w: mean power before the trainer began; None where that was not measured.
    """

    watts: float | None
    by: Literal["counter", "power"] | None
    relative_error: float | None
    idle_w: float | None

    def above_idle_w(self) -> float | None:
        """What the training itself drew; None where either is not known."""
        return None if self.watts is None or self.idle_w is None else max(0.0, self.watts - self.idle_w)


def power(
    telemetry: Sequence[Line],
    stretches: Sequence[tuple[float, float]],
    confidence: float,
    idle: tuple[float, float] | None = None,
) -> Power:
    """The power of the devices in use.

    Args:
        telemetry: a repeat's lines.
        stretches: begin and end of every unbroken row of measured steps.
        confidence: of the error of the mean, to which the sensor's own is added in squares.
        idle: when nothing ran; None where that was not measured.
    """
    readings = InUse(telemetry, stretches)
    watts, by = readings.energy_w(), readings.energy_by()
    sampling = readings.sampling_error(confidence) if by == "power" else None
    return Power(
        watts=watts,
        by=by,
        relative_error=None if sampling is None else math.hypot(sampling, SENSOR_ERROR),
        idle_w=None if idle is None else InUse(telemetry, [idle]).energy_w(),
    )


def energy_to_target_j(
    telemetry: Sequence[Line],
    stretches: Sequence[tuple[float, float]],
    time_to_target_s: float,
    idle: tuple[float, float] | None = None,
) -> float | None:
    """The energy of a training up to its crossing: mean power of its steps, over the training time.

    Args:
        telemetry: a repeat's lines.
        stretches: begin and end of every unbroken row of steps up to the crossing, warm-up included.
        time_to_target_s: on the training clock, evaluations left out.
        idle: when nothing ran, to subtract what was drawn then; None subtracts nothing.

    Returns:
        Joules; None where power is not known.
    """
    drawn = power(telemetry, stretches, 0.95, idle)
    watts = drawn.watts if idle is None else drawn.above_idle_w()
    return None if watts is None else watts * time_to_target_s
