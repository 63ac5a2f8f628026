"""The two procedures: a throughput run, and a training to a target."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

import torch

from benchbench.scenario.scenario import Scenario
from benchbench.training.events import Events
from benchbench.training.loop import Loop
from benchbench.training.stopping import ThroughputStop, Window
from benchbench.workload.batches import Batch


def throughput(loop: Loop, scenario: Scenario, events: Events, timeout_s: float) -> None:
    """Takes warm-up and measured steps, whatever `max_steps` says, and never evaluates."""
    stop = ThroughputStop(scenario.measure, timeout_s)
    events.emit("plan", steps_total=stop.steps_expected, warmup=scenario.measure.warmup)
    events.emit("phase", name="measure")
    window = None
    loop.start()
    while window is None:
        window = _first(stop, loop.step())
    taken = loop.steps_taken
    loop.stop()
    events.emit("steady", warmup_steps=window.warmup_steps, settled=window.settled, steps=taken)


def _first(stop: ThroughputStop, times_s: Sequence[float]) -> Window | None:
    windows = [stop.add(step_s) for step_s in times_s]
    return next((w for w in windows if w is not None), None)


def time_to_target(
    loop: Loop, scenario: Scenario, events: Events, validation: Sequence[Batch], deadline_s: float
) -> Mapping[str, float]:
    """Trains until the held-out metric meets the target, `max_steps` or the deadline.

    The training clock stands still during an evaluation. The last step is always evaluated.

    Args:
        loop: the loop, not yet started.
        scenario: with a target.
        events: where the evaluations go.
        validation: the held-out batches.
        deadline_s: training seconds after which a target no longer counts.

    Returns:
        The last evaluation's metrics.
    """
    target = scenario.target
    assert target is not None
    last = scenario.training.max_steps
    events.emit("plan", steps_total=last)
    events.emit("phase", name="train")
    loop.start()
    while True:
        loop.step()
        late = loop.training_s >= deadline_s
        if loop.steps_taken % target.eval_every and loop.steps_taken < last and not late:
            continue
        loop.stop()
        metrics = evaluate(loop, events, validation)
        met = target.reached_by(metrics[target.metric]) and loop.training_s <= deadline_s
        if met or late or loop.steps_taken >= last:
            return metrics
        events.emit("phase", name="train")
        loop.start()


def evaluate(loop: Loop, events: Events, batches: Sequence[Batch]) -> Mapping[str, float]:
    """The task's metrics over held-out batches, reported as an event."""
    events.emit("phase", name="evaluate")
    begin_s = time.monotonic()
    parts = loop.parts
    parts.model.eval()
    with torch.inference_mode(), parts.autocast():
        metrics = parts.task.score(parts.model, [b.to(parts.device) for b in batches])
    known = {name: value for name, value in metrics.items() if math.isfinite(value)}
    events.emit(
        "eval",
        step=loop.steps_taken,
        training_s=loop.training_s,
        evaluation_s=time.monotonic() - begin_s,
        metrics=known,
    )
    return {name: known.get(name, math.nan) for name in metrics}
