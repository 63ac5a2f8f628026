"""Numbers that cannot be: a repeat that has some is invalid, however well it ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from benchbench.record.efficiency import accelerator, efficiency
from benchbench.record.figures import RawLines
from benchbench.record.machine import Machine
from benchbench.record.types import Repeat
from benchbench.scenario.scenario import Scenario
from benchbench.units import human

_MEASURED_MARGIN = 1.25  # a probe of a second may find less than a device can do, but not a quarter less
# Twice the 5 % by which the power sensors of NVIDIA's GPUs are off (Yang, Adamek and Armour 2024, "Accurate and
# Convenient Energy Measurements for GPUs", SC24).
_POWER_MARGIN = 1.1
_SHARES = ("data_wait_fraction", "communication_fraction", "hidden_communication_fraction", "utilization")
_WHOLE = 1.001  # two clocks need not agree to the last digit


class Impossible(NamedTuple):
    """Why a number cannot be."""

    kind: Literal["negative", "above-whole", "above-datasheet-peak", "above-measured-peak", "above-power-limit"]
    message: str


def negative_steps(raw: RawLines) -> Impossible | None:
    """A step that took less than no time or trained on less than nothing."""
    for step in raw.steps():
        for name in ("step_s", "samples", "tokens"):
            if step[name] < 0:
                return Impossible("negative", f"step {step['step']} reports {name} = {step[name]:g}, below zero")
    return None


def impossible(repeat: Repeat, scenario: Scenario, machine: Machine) -> Impossible | None:
    """The first number of a repeat that cannot be; None where all may.

    Args:
        repeat: with its figures.
        scenario: what was asked.
        machine: where it ran.
    """
    return next(_impossible(repeat, scenario, machine), None)


def _impossible(repeat: Repeat, scenario: Scenario, machine: Machine) -> Iterator[Impossible]:
    yield from _negative(repeat)
    yield from _above_whole(repeat)
    yield from _too_fast(repeat, scenario)
    yield from _too_much_power(repeat, machine)


def _negative(repeat: Repeat) -> Iterator[Impossible]:
    figures = repeat.figures
    reported = {} if figures is None else figures.model_dump(exclude={"unsettled", "gradient_noise_scale"})
    reached = {} if repeat.reach is None else repeat.reach.model_dump(exclude={"best"})
    for name, value in {**reported, **reached}.items():
        if isinstance(value, (int, float)) and value < 0:
            yield Impossible("negative", f"{name} = {value:g} is below zero")


def _above_whole(repeat: Repeat) -> Iterator[Impossible]:
    for name in _SHARES:
        value = getattr(repeat.figures, name, None)
        if value is not None and value > _WHOLE:
            yield Impossible("above-whole", f"{name} = {value:g} is above the whole, 1")


def _too_fast(repeat: Repeat, scenario: Scenario) -> Iterator[Impossible]:
    found = efficiency(repeat, scenario)
    if found is None:
        return
    told = f"{human(found.flops_per_s, 'FLOP/s')} in {scenario.precision}"
    datasheet, measured = found.datasheet_flops_per_s, found.measured_flops_per_s
    if datasheet is not None and found.flops_per_s > datasheet:
        row = accelerator(repeat)
        name = "the device" if row is None else row.name
        yield Impossible(
            "above-datasheet-peak", f"{told} is above the datasheet's peak of {name}, {human(datasheet, 'FLOP/s')}"
        )
    if measured is not None and found.flops_per_s > _MEASURED_MARGIN * measured:
        yield Impossible(
            "above-measured-peak",
            f"{told} is above {_MEASURED_MARGIN:g} x the peak measured here, {human(measured, 'FLOP/s')}",
        )


def _too_much_power(repeat: Repeat, machine: Machine) -> Iterator[Impossible]:
    """The energy of the GPUs in use against their power limits."""
    figures = repeat.figures
    used = {d.uuid for d in repeat.telemetry if d.in_use and d.device != "cpu"}
    limits = [d.power_limit_w for d in machine.devices if d.uuid is not None and d.uuid in used]
    known = [limit for limit in limits if limit is not None]
    if figures is None or figures.energy_w is None or not known or len(known) < len(used):
        return
    if figures.energy_w > _POWER_MARGIN * sum(known):
        yield Impossible(
            "above-power-limit",
            f"the energy used is {human(figures.energy_w, 'W')} over the measured time, above the power limit of "
            f"{human(sum(known), 'W')}",
        )
