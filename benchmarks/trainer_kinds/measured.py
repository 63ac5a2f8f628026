"""The measured loop, writing its events to a file as in a run."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchbench.training import assembly
from benchbench.training.events import EventFile
from benchmarks.trainer_kinds.bench import Bench, Block, finish


def make(bench: Bench) -> Block:
    """See `bench.Block`."""
    events = EventFile(Path(tempfile.mkdtemp()) / "events.jsonl")
    loop = assembly.assemble(bench.scenario, bench.prepared, bench.device, events)

    def block(steps: int) -> float:
        finish(bench.device)
        began_s = time.perf_counter()
        loop.start()
        for _ in range(steps):
            loop.step()
        loop.stop()
        finish(bench.device)
        return time.perf_counter() - began_s

    return block
