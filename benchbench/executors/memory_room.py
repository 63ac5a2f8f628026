"""The memory that a run may take: the GPU's, or what the host has left, and the scenario's own limit."""

from __future__ import annotations

from benchbench.record.machine import Machine
from benchbench.scenario.scenario import Scenario


def on_gpu(scenario: Scenario, machine: Machine) -> bool:
    """Whether a scenario's tensors lie on a GPU."""
    return bool(machine.devices) and scenario.hardware.device in ("auto", "cuda")


def room_bytes(scenario: Scenario, machine: Machine, available_bytes: int) -> int | None:
    """What a run's peak must stay below; None where a GPU does not say how much it has.

    Args:
        scenario: what would run.
        machine: where.
        available_bytes: memory of the host that nobody uses.
    """
    if on_gpu(scenario, machine):
        return machine.devices[0].memory_bytes
    here = machine.memory_limit_bytes or machine.memory_bytes
    return min(here, available_bytes, scenario.hardware.memory_limit or here)
