"""Recorded surfaces for tests of the replay, as text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchbench.executors.records import MEASURED

ROW = {
    "seed": "0", "outcome": "ok", "step_s": "0.1", "probe_cost_s": "5", "startup_s": "2", "warmup_s": "0.5",
    "steps_to_target": "100", "time_to_target_s": "10.5", "train_cost_s": "12.5", "peak_memory_bytes": "1000",
}  # fmt: skip
MISS = {"steps_to_target": "", "time_to_target_s": ""}


def row(*values: str, **measured: str) -> str:
    """A line: the keys' values, and what differs from `ROW`."""
    whole = {**ROW, **measured}
    return ",".join([*values, *(whole[name] for name in MEASURED)])


def trained(*values: str, seed: int = 0, step_s: float = 0.1, steps: int = 100) -> str:
    """A line of a training that reached its target, its times adding up."""
    time_s = 0.5 + steps * step_s
    return row(
        *values,
        seed=str(seed),
        step_s=str(step_s),
        steps_to_target=str(steps),
        time_to_target_s=f"{time_s:.6f}",
        train_cost_s=f"{time_s + 2:.6f}",
    )


def table(file: Path, keys: Sequence[str], *rows: str) -> Path:
    """Writes a table."""
    file.write_text("\n".join([",".join([*keys, *MEASURED]), *rows]) + "\n")
    return file
