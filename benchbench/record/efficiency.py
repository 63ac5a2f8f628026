"""How much of a device's arithmetic a training uses: beside the datasheet, and beside what was measured here."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from benchbench.record.figures import number
from benchbench.record.types import Repeat
from benchbench.scenario.scenario import Scenario
from benchbench.stats.estimate import Estimate
from benchbench.stats.intervals import of_repeats
from benchbench.theory.catalog import Accelerator, of_device
from benchbench.values import Observed


class Efficiency(Observed):
    """One repeat's use of its devices. Rates and peaks are of all devices together; None is unknown."""

    model_flops_per_step: float = Field(description="without recomputation")
    flops_per_step: float = Field(description="with recomputation; padding is computed, and counted")
    model_flops_per_s: float
    flops_per_s: float
    datasheet_flops_per_s: float | None = Field(description="dense, in the precision used")
    measured_flops_per_s: float | None = Field(description="by the probe, in the precision used")

    @property
    def mfu(self) -> float | None:
        """Model FLOPs a second over the datasheet's peak."""
        return self.model_flops_per_s / self.datasheet_flops_per_s if self.datasheet_flops_per_s else None

    @property
    def mfu_measured(self) -> float | None:
        """Model FLOPs a second over the measured peak."""
        return self.model_flops_per_s / self.measured_flops_per_s if self.measured_flops_per_s else None


def accelerator(repeat: Repeat) -> Accelerator | None:
    """The catalog's row of the device that a repeat ran on; None for a CPU and for a device without a row."""
    name = repeat.facts.get("device_name")
    return of_device(name) if isinstance(name, str) else None


def efficiency(repeat: Repeat, scenario: Scenario) -> Efficiency | None:
    """A repeat's use of its devices; None where its FLOPs or its step time are not known."""
    counted = number(repeat.facts.get("flops_per_step"))
    of_model = number(repeat.facts.get("model_flops_per_step"))
    if repeat.figures is None or counted is None or of_model is None:
        return None
    row, step_s = accelerator(repeat), repeat.figures.step_s
    devices = scenario.hardware.devices * scenario.hardware.nodes
    datasheet = None if row is None else row.flops_per_s(scenario.precision)
    measured = None if repeat.peak is None else repeat.peak.flops_per_s
    return Efficiency(
        model_flops_per_step=of_model,
        flops_per_step=counted,
        model_flops_per_s=of_model / step_s,
        flops_per_s=counted / step_s,
        datasheet_flops_per_s=None if datasheet is None else datasheet * devices,
        measured_flops_per_s=None if measured is None else measured * _times_the_peak(repeat, devices),
    )


def _times_the_peak(repeat: Repeat, devices: int) -> float:
    """How many times what the probe ran on all devices are: GPUs one each; ranks on a CPU by their threads."""
    own, probed = repeat.facts.get("threads"), repeat.peak and repeat.peak.threads
    if devices > 1 and repeat.facts.get("device") == "cpu" and isinstance(own, int) and probed:
        return devices * own / probed
    return devices


def utilization(shares: Sequence[float | None], step_s: Estimate | None, confidence: float) -> Estimate | None:
    """The estimate of a utilization over repeats; of one repeat as well known as its step time.

    Args:
        shares: each repeat's, None where it is not known.
        step_s: the run's step time.
        confidence: of the interval.
    """
    known = [share for share in shares if share is not None]
    if not known or step_s is None:
        return None
    if len(known) > 1:
        return of_repeats(known, confidence, "fraction")
    return step_s.inverse(known[0] * step_s.value, "fraction")
