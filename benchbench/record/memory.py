"""What a repeat's memory was: its peaks, and what it was for."""

from __future__ import annotations

from pydantic import Field

from benchbench.values import Observed


class MemoryPhases(Observed):
    """What the memory of one step was for, seen on a step that nobody measured. In bytes; None is unknown."""

    parameters_bytes: int = Field(description="and buffers")
    gradients_bytes: int
    optimizer_bytes: int
    averages_bytes: int = Field(description="averaged weights, masks of pruning")
    activations_bytes: int | None = Field(description="what one micro-batch saves for its backward pass")
    temporary_bytes: int | None = Field(description="the most that a part of the step needed above its ends")


class MemoryUse(Observed):
    """The peaks of a repeat, its measured part alone, and the phases of a step. In bytes; None is unknown."""

    allocated_bytes: int | None = Field(None, description="in tensors, by the device's allocator")
    reserved_bytes: int | None = Field(None, description="that the allocator held")
    device_bytes: int | None = Field(None, description="in use on the device, by anyone")
    resident_bytes: int | None = Field(None, description="resident memory of the process tree on the host")
    phases: MemoryPhases | None = None
