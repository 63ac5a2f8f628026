"""Each rank's own lines -> what it says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchbench.record import raw
from benchbench.record.figures import Line, RawLines, number, warmup_steps
from benchbench.record.per_rank_types import RankUse


def per_rank(folder: Path, first: RawLines) -> tuple[RankUse, ...]:
    """What the ranks of a repeat say of themselves; empty where one process trained alone.

    Args:
        folder: of the repeat.
        first: the first rank's lines, which say which steps were measured.
    """
    world = (first.last("ready") or {}).get("ranks")
    if not isinstance(world, int):
        return ()
    others = [RawLines(events=tuple(raw.lines(folder / raw.events_of_rank(r))), telemetry=()) for r in range(1, world)]
    warmup = warmup_steps(first)
    return tuple(_use(rank, lines, warmup) for rank, lines in enumerate((first, *others)))


def _use(rank: int, lines: RawLines, warmup: int) -> RankUse:
    told: dict[str, Any] = dict(lines.last("rank") or {})
    done = lines.last("done") or {}
    steps = lines.steps()[warmup:]
    peak = number(done.get("peak_allocated_bytes")) or number(done.get("peak_resident_bytes"))
    return RankUse(
        rank=rank,
        device=told.get("device"),
        cpus=tuple(told.get("cpus") or ()),
        threads=told.get("threads"),
        step_s=_mean(steps, "own_s"),
        data_wait_s=_mean(steps, "own_data_wait_s"),
        communication_s=_mean(steps, "own_communication_s"),
        peak_memory_bytes=None if peak is None else int(peak),
    )


def _mean(steps: list[Line], name: str) -> float | None:
    known = [value for value in (number(step.get(name)) for step in steps) if value is not None]
    return sum(known) / len(known) if known else None
