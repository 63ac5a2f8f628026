"""What one of several ranks says of itself."""

from __future__ import annotations

from pydantic import Field

from benchbench.values import Observed


class RankUse(Observed):
    """One rank over the measured steps; all else in a record is of all ranks together. None is unknown."""

    rank: int
    device: str | None = None
    cpus: tuple[int, ...] = Field((), description="that it was bound to")
    threads: int | None = None
    step_s: float | None = Field(None, description="its own mean, before it waits for the others at a step's end")
    data_wait_s: float | None = Field(None, description="mean a step")
    communication_s: float | None = Field(None, description="mean a step in which it only waited for others")
    peak_memory_bytes: int | None = Field(None, description="of its process; on a GPU what its tensors took there")
