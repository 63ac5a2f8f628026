"""What is looked at once everything is measured: FLOPs, memory traffic, the use of memory, where a step's time goes.

Nothing of it is in a measured step. What it needs beyond a few passes over single rows takes steps of its own, and is
left out where these would take too long.
"""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator

import torch

from benchbench.scenario.scenario import Scenario
from benchbench.training import counting, memory_phases, profiling
from benchbench.training.events import Events
from benchbench.training.loop import Loop
from benchbench.training.moving import Moved

_PROFILED_STEPS = 3
_STEPS = _PROFILED_STEPS + 3  # one for the memory, one for its traffic, one that warms the profiler up
_SLOWDOWN = 2  # of a step that is watched so closely


def examine(scenario: Scenario, loop: Loop, events: Events, most_s: float) -> dict[str, float | str]:
    """Looks at a training that was measured to its end; its weights are not to be used any more.

    Args:
        scenario: what was trained.
        loop: between two stretches.
        events: learn what the steps show (`work`, `memory-phases`, `profile`).
        most_s: seconds that these steps may take together; 0 for none of them.

    Returns:
        Facts: the FLOPs of a step, and why steps were left out.
    """
    events.emit("phase", name="examine")
    facts: dict[str, float | str] = {}
    with _forgiven(facts, "flops_unknown"):
        whole = scenario.data.batching == "pack" or scenario.precision == "fp8"
        flops = counting.step_flops(loop, whole=whole)
        facts |= {"flops_per_step": flops.flops, "model_flops_per_step": flops.model_flops}
    if most_s <= 0:
        return facts
    if loop.parts.spread is not None:
        facts["profile_left_out"] = "the steps of several ranks are not looked into yet"
        return facts
    step_s = max(0.0, loop.training_s - loop.parts.compiler.spent_s) / max(1, loop.steps_taken)
    if _STEPS * _SLOWDOWN * step_s > most_s:
        facts["profile_left_out"] = f"{_STEPS} more steps could take {_STEPS * _SLOWDOWN * step_s:.0f} s"
        return facts
    with _forgiven(facts, "profile_left_out"):
        memory_phases.report(loop, events, _allocator(loop.parts.device))
        _work(loop, events)
        profiling.report(loop, events, _PROFILED_STEPS)
    return facts


def _work(loop: Loop, events: Events) -> None:
    """Takes a step and emits `work`: its FLOPs and the bytes that its operators move, run as they are written."""
    parts = loop.parts
    parts.model.train()
    micro_batches = next(parts.batches)
    with parts.compiler.plain(), counting.counter(recomputing=True) as counter, Moved() as moved:
        loop.accumulate(micro_batches)
        loop.update()
    events.emit("work", flops=counter.get_total_flops(), moved_bytes=moved.total_bytes)


def _allocator(device: torch.device) -> memory_phases.Allocator | None:
    return memory_phases.CudaAllocator() if device.type == "cuda" else None


@contextlib.contextmanager
def _forgiven(facts: dict[str, float | str], name: str) -> Iterator[None]:
    """A look that fails (too little memory, an operator that cannot be watched) costs no result; facts say why."""
    try:
        yield
    except (RuntimeError, AttributeError, NotImplementedError) as error:
        traceback.print_exc()
        facts[name] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason given'}"
