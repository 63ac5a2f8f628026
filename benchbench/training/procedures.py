"""The two procedures: a throughput run, and a training to a target."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from benchbench.record.reaching import looks
from benchbench.scenario.scenario import Scenario
from benchbench.training.aside import Aside
from benchbench.training.events import Events
from benchbench.training.journal import Journal
from benchbench.training.loop import Loop
from benchbench.training.stopping import TargetStop, ThroughputStop, Window
from benchbench.workload.task import HeldOut


def throughput(loop: Loop, scenario: Scenario, events: Events, timeout_s: float, too_slow_s: float = math.inf) -> None:
    """Takes warm-up and measured steps, whatever `max_steps` says, and never evaluates.

    Args:
        loop: before its first step.
        scenario: with what is to be measured.
        events: learn of it.
        timeout_s: of the whole.
        too_slow_s: of a step: a probe that is sure to be slower is given up.
    """
    measure = scenario.measure
    stop = ThroughputStop(measure, timeout_s, too_slow_s)
    events.emit("plan", procedure="throughput", steps_total=stop.steps_expected, warmup=measure.warmup)
    events.emit("phase", name="measure")
    window = None
    loop.start()
    while window is None and loop.steps_taken != stop.steps_exact:
        times_s = loop.step()
        stop.compile_s = loop.parts.compiler.spent_s
        window = _first(stop, times_s)
    rest = loop.stop()
    window = window or _first(stop, rest)
    assert window is not None
    # On a device that runs ahead some steps more than those that were judged have been taken by now.
    taken = loop.steps_taken
    counted = measure.steps != "auto" and not window.too_slow
    warmup = taken - measure.steps if counted and measure.steps != "auto" else window.warmup_steps
    events.emit("steady", warmup_steps=warmup, settled=window.settled, steps=taken)
    if window.too_slow:
        events.emit("ended", by="too-slow")


def _first(stop: ThroughputStop, times_s: Sequence[float]) -> Window | None:
    windows = [stop.add(step_s) for step_s in times_s]
    return next((w for w in windows if w is not None), None)


def time_to_target(
    loop: Loop,
    scenario: Scenario,
    events: Events,
    validation: HeldOut,
    deadline_s: float,
    aside: Aside | None = None,
    *,
    by_curve: bool = False,
) -> Mapping[str, float]:
    """Trains until the next evaluation confirms that the held-out metric met the target, `max_steps` or the deadline.

    The training clock stands still during evaluations and all else that is done aside. The last step is always
    evaluated.

    Args:
        loop: the loop, between two stretches.
        scenario: with a target.
        events: where the evaluations go.
        validation: the held-out rows.
        deadline_s: training seconds after which a target no longer counts.
        aside: what else is done beside the training; None for nothing.
        by_curve: whether it ends, too, once its curve cannot meet the target before the deadline.

    Returns:
        The last evaluation's metrics, and those that the evaluations on the way left out.
    """
    target, last, aside = scenario.target, scenario.training.max_steps, aside or Aside()
    assert target is not None
    on_the_way = replace(validation, wanted=frozenset({target.metric}))
    until = {"deadline_s": deadline_s} if math.isfinite(deadline_s) else {}
    events.emit("plan", procedure="time-to-target", steps_total=last, warmup=scenario.measure.warmup, **until)
    journal = Journal(events, aside.earlier)
    metrics: Mapping[str, float] = {}
    stop = TargetStop(scenario, deadline_s, by_curve=by_curve)
    over = False
    while not over:
        if _stretch(loop, scenario, journal, aside, deadline_s):
            metrics = evaluate(loop, journal, on_the_way)
            if aside.noise_scale is not None:
                aside.noise_scale.estimate(journal)
            over = stop.over(looks(journal.lines, target.metric), loop.steps_taken, loop.training_s)
        if aside.keeper is not None:
            aside.keeper.keep(journal, over=over)
    events.emit("ended", by=stop.by)
    return completed(loop, events, validation, metrics)


def _stretch(loop: Loop, scenario: Scenario, events: Events, aside: Aside, deadline_s: float) -> bool:
    """Trains up to the next evaluation or checkpoint; whether an evaluation is due."""
    assert scenario.target is not None
    eval_every, last = scenario.target.eval_every, scenario.training.max_steps
    events.emit("phase", name="train")
    loop.start()
    while True:
        loop.step()
        step = loop.steps_taken
        look_due = step % eval_every == 0 or step >= last or loop.training_s >= deadline_s
        if look_due or (aside.keeper is not None and aside.keeper.due(step)):
            loop.stop()
            return look_due or loop.training_s >= deadline_s


def evaluate(loop: Loop, events: Events, rows: HeldOut) -> Mapping[str, float]:
    """The task's metrics over held-out rows, reported as an event.

    Args:
        loop: between two stretches.
        events: where the evaluation goes.
        rows: what the task is scored on.

    Returns:
        The metrics; one that is not finite is `nan` here and left out of the event.
    """
    events.emit("phase", name="evaluate")
    begin_s = time.monotonic()
    metrics = _score(loop, rows)
    elapsed_s = time.monotonic() - begin_s
    compressor = loop.parts.compressor
    conversion_s = 0.0 if compressor is None else compressor.conversion_s
    loop.converted(conversion_s)
    known = {name: value for name, value in metrics.items() if math.isfinite(value)}
    events.emit(
        "eval",
        step=loop.steps_taken,
        training_s=loop.training_s,
        evaluation_s=elapsed_s - conversion_s,
        metrics=known,
        **({} if compressor is None else {"conversion_s": conversion_s}),
    )
    return {name: known.get(name, math.nan) for name in metrics}


def on_test_split(loop: Loop, events: Events, rows: HeldOut) -> Mapping[str, float]:
    """The task's metrics over the test split, reported as an event that is no evaluation on the way."""
    events.emit("phase", name="test")
    metrics = _score(loop, rows)
    known = {name: value for name, value in metrics.items() if math.isfinite(value)}
    events.emit("eval", split="test", step=loop.steps_taken, metrics=known)
    return known


def completed(loop: Loop, events: Events, rows: HeldOut, metrics: Mapping[str, float]) -> Mapping[str, float]:
    """An evaluation's metrics together with those that it left out because they take time; no evaluation of its own.

    Args:
        loop: where it stood at the evaluation.
        events: learn of the phase.
        rows: what the task is scored on.
        metrics: of the evaluation.
    """
    left_out = frozenset(loop.parts.task.metric_names(rows.encoding.labels)) - set(metrics)
    if not left_out:
        return metrics
    events.emit("phase", name="evaluate")
    return {**_score(loop, replace(rows, wanted=left_out)), **metrics}


def _score(loop: Loop, rows: HeldOut) -> Mapping[str, float]:
    spread = loop.parts.spread
    return _own_score(loop, rows) if spread is None else spread.score(lambda: _own_score(loop, rows))


def _own_score(loop: Loop, rows: HeldOut) -> Mapping[str, float]:
    """The metrics as this process finds them. Weights that are gathered under `inference_mode` cannot be trained on."""
    parts = loop.parts
    divided = parts.spread is not None and not parts.spread.divided.whole
    without = torch.no_grad if divided else torch.inference_mode
    with parts.compiler.plain(), parts.judged() as model, without(), parts.arithmetic.autocast():
        model.eval()
        return parts.task.score(model, rows)
