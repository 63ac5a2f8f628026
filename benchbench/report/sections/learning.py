"""The way to the target: held-out metrics and the training loss over training time."""

from __future__ import annotations

import numpy as np

from benchbench.report.content import Callout, Chart, Mark, Panel, Section, Series
from benchbench.report.curves import REPEATS_DRAWN, Curve, StepTimes, learning_curves, step_times
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject
from benchbench.report.wording import quantity, sentences

TITLE = tr("On the way to the target")
_METRICS_DRAWN = 4


def render(subject: RunSubject) -> Section | None:
    """One panel a metric, the target's first; None for a run that never evaluates."""
    if subject.evals.problem is not None and subject.scenario.measure.procedure == "time-to-target":
        told = Callout(tone="warning", title=tr("The evaluations cannot be shown"), text=subject.evals.problem)
        return Section(title=TITLE, blocks=(told,))
    curves = learning_curves(subject)
    if not curves:
        return None
    target = subject.scenario.target
    wanted = target.metric if target else ""
    metrics = sorted({c.metric for c in curves}, key=lambda m: (m != wanted, m))[:_METRICS_DRAWN]
    panels = [_panel(subject, metric, [c for c in curves if c.metric == metric]) for metric in metrics]
    losses = [s for s in step_times(subject)[:REPEATS_DRAWN] if np.isfinite(s.loss).any()]
    if losses:
        panels.append(Panel(label=tr("training loss"), unit="", series=tuple(map(_loss, losses))))
    chart = Chart(
        title=tr("Learning curves"),
        x_label=tr("training time"),
        x_unit="s",
        panels=tuple(panels),
        caption=_caption(subject),
    )
    return Section(title=TITLE, blocks=(chart,))


def _panel(subject: RunSubject, metric: str, curves: list[Curve]) -> Panel:
    target = subject.scenario.target
    marks: tuple[Mark, ...] = ()
    if target is not None and target.metric == metric:
        level = target.at_least if target.at_least is not None else target.at_most
        assert level is not None
        marks = (Mark(at=level, label=tr("target {level}", level=f"{level:g}")),)
    series = tuple(
        Series(name=tr("repeat {repeat}", repeat=c.repeat), x=c.training_s, y=c.value, hue=c.repeat, kind="dotted")
        for c in curves[:REPEATS_DRAWN]
    )
    label = tr("held-out loss") if metric == "loss" else tr("held-out {metric}", metric=metric)
    return Panel(label=label, unit="", series=series, marks=marks)


def _loss(steps: StepTimes) -> Series:
    return Series(
        name=tr("repeat {repeat}", repeat=steps.repeat), x=np.nancumsum(steps.step_s), y=steps.loss, hue=steps.repeat
    )


def _caption(subject: RunSubject) -> str:
    evaluation_s = sum(r.reach.evaluation_s for r in subject.run.repeats if r.reach is not None)
    text = tr("Training time starts with the first step; warm-up and data waits are inside, evaluations outside.")
    took = tr("The evaluations took {time} in all.", time=quantity(evaluation_s, "s"))
    return sentences([text, took]) if evaluation_s else text


PLUGIN = Plugin(title=TITLE, order=25, takes=(RunSubject,), render=render)
