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
from benchbench.workload.task import HeldOut


def throughput(loop: Loop, scenario: Scenario, events: Events, timeout_s: float) -> None:
    """Takes warm-up and measured steps, whatever `max_steps` says, and never evaluates."""
    measure = scenario.measure
    stop = ThroughputStop(measure, timeout_s)
    events.emit("plan", procedure="throughput", steps_total=stop.steps_expected, warmup=measure.warmup)
    events.emit("phase", name="measure")
    window = None
    loop.start()
    while window is None and loop.steps_taken != stop.steps_exact:
        window = _first(stop, loop.step())
    rest = loop.stop()
    window = window or _first(stop, rest)
    assert window is not None
    # On a device that runs ahead some steps more than those that were judged have been taken by now.
    taken = loop.steps_taken
    warmup = window.warmup_steps if measure.steps == "auto" else taken - measure.steps
    events.emit("steady", warmup_steps=warmup, settled=window.settled, steps=taken)


def _first(stop: ThroughputStop, times_s: Sequence[float]) -> Window | None:
    windows = [stop.add(step_s) for step_s in times_s]
    return next((w for w in windows if w is not None), None)


def time_to_target(
    loop: Loop, scenario: Scenario, events: Events, validation: HeldOut, deadline_s: float
) -> Mapping[str, float]:
    """Trains until the held-out metric meets the target, `max_steps` or the deadline.

    The training clock stands still during an evaluation. The last step is always evaluated.

    Args:
        loop: the loop, not yet started.
        scenario: with a target.
        events: where the evaluations go.
        validation: the held-out rows.
        deadline_s: training seconds after which a target no longer counts.

    Returns:
        The last evaluation's metrics.
    """
    target = scenario.target
    assert target is not None
    last = scenario.training.max_steps
    events.emit("plan", procedure="time-to-target", steps_total=last, warmup=scenario.measure.warmup)
    events.emit("phase", name="train")
    loop.start()
    while True:
        loop.step()
        due = loop.steps_taken % target.eval_every == 0 or loop.steps_taken >= last
        if not due and loop.training_s < deadline_s:
            continue
        loop.stop()
        late = loop.training_s > deadline_s
        metrics = evaluate(loop, events, validation, late=late)
        met = target.reached_by(metrics[target.metric])
        if met or loop.steps_taken >= last or loop.training_s >= deadline_s:
            return metrics
        events.emit("phase", name="train")
        loop.start()


def evaluate(loop: Loop, events: Events, rows: HeldOut, *, late: bool = False) -> Mapping[str, float]:
    """The task's metrics over held-out rows, reported as an event.

    Args:
        loop: between two stretches.
        events: where the evaluation goes.
        rows: what the task is scored on.
        late: the deadline is over, so that a target met here does not count.

    Returns:
        The metrics; one that is not finite is `nan` here and left out of the event.
    """
    events.emit("phase", name="evaluate")
    begin_s = time.monotonic()
    parts = loop.parts
    with parts.judged() as model, torch.inference_mode(), parts.arithmetic.autocast():
        model.eval()
        metrics = parts.task.score(model, rows)
    known = {name: value for name, value in metrics.items() if math.isfinite(value)}
    events.emit(
        "eval",
        step=loop.steps_taken,
        training_s=loop.training_s,
        evaluation_s=time.monotonic() - begin_s,
        metrics=known,
        **({"late": True} if late else {}),
    )
    return {name: known.get(name, math.nan) for name in metrics}
