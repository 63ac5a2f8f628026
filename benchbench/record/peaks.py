"""What a device was measured to be able to do: the reference beside the vendor's word."""

from __future__ import annotations

from pydantic import Field

from benchbench.values import Observed


class Peak(Observed):
    """The best sustained rates that a probe of matrix products and of memory found on one device."""

    device: str = Field(description="cpu or cuda")
    precision: str
    threads: int | None = Field(None, description="of the probe, on the CPU")
    flops_per_s: float = Field(description="matrix products in the precision, the best of several sizes")
    bytes_per_s: float = Field(description="the device's memory, the better of copy and triad")


class Work(Observed):
    """What one step computes and moves, counted operator by operator on a step that nobody measured."""

    flops: float = Field(description="matrix products and attention, recomputation included")
    moved_bytes: float = Field(description="tensors in and out of every operator, as if none were fused")
