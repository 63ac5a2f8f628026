"""What the trainer saw of its steps once everything was measured: where time and memory go, what a step moves."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from pydantic import ValidationError

from benchbench.record.breakdown import Breakdown
from benchbench.record.figures import RawLines, device_peak_bytes, number, process_peak_bytes
from benchbench.record.memory import MemoryPhases, MemoryUse
from benchbench.record.peaks import Work
from benchbench.values import Observed

V = TypeVar("V", bound=Observed)


def measured_part(raw: RawLines) -> RawLines:
    """The lines with the telemetry cut off where the trainer began to look at itself: it takes memory and time."""
    begin_s = next((number(line.get("t")) for line in raw.of("phase") if line.get("name") == "examine"), None)
    if begin_s is None:
        return raw
    return replace(raw, telemetry=tuple(line for line in raw.telemetry if line.get("t", begin_s) <= begin_s))


def breakdown(raw: RawLines) -> Breakdown | None:
    """The profiled steps; None where there are none, or nothing of use was said of them."""
    found = _read(Breakdown, raw, "profile")
    if found is None or found.step_s <= 0 or any(seconds < 0 for seconds in found.seconds.values()):
        return None
    return found


def work(raw: RawLines) -> Work | None:
    """What one step computes and moves; None where that was not counted."""
    return _read(Work, raw, "work")


def memory_use(raw: RawLines, largest_process_bytes: int | None) -> MemoryUse:
    """The use of memory that a repeat tells of.

    Args:
        raw: the lines of its measured part.
        largest_process_bytes: peak of the trainer's process as the kernel has it.
    """
    done = raw.last("done") or {}
    told = [number(done.get(name)) for name in ("peak_allocated_bytes", "peak_reserved_bytes")]
    allocated, reserved = (None if value is None else int(value) for value in told)
    resident = [b for b in (process_peak_bytes(raw), largest_process_bytes) if b]
    return MemoryUse(
        allocated_bytes=allocated,
        reserved_bytes=reserved,
        device_bytes=device_peak_bytes(raw),
        resident_bytes=max(resident, default=None),
        phases=_read(MemoryPhases, raw, "memory-phases"),
    )


def _read(kind: type[V], raw: RawLines, event: str) -> V | None:
    try:
        return kind.model_validate(raw.last(event))
    except ValidationError:
        return None
