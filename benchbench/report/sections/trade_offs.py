"""What a short time costs elsewhere: every trial's time beside its memory, energy, money and held-out metric."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from benchbench.record.study import Trial
from benchbench.record.summary import Summary
from benchbench.report.content import Chart, Column, Panel, Paragraph, Quantity, Row, Section, Series, Table
from benchbench.report.language import tr
from benchbench.report.objective import objective_of
from benchbench.report.plugins import Plugin
from benchbench.report.subject import StudySubject
from benchbench.report.wording import counted, settings
from benchbench.stats.estimate import Estimate

TITLE = tr("Time against everything else")
_MOST = 200
_AS_IT_STANDS = tr("the scenario as it stands")


class _Other(NamedTuple):
    """A property: its name and unit, where a run's summary has it, and whether more of it is better."""

    label: str
    unit: str
    of: Callable[[Summary], float | None]
    more_is_better: bool = False


class _Measured(NamedTuple):
    """A trial with its value and its run's summary."""

    trial: Trial
    value: float
    summary: Summary


def render(subject: StudySubject) -> Section | None:
    """A panel and a front a property; None where no runs of trials are kept, or none says more than its time."""
    measured = _measured(subject)
    if len({m.trial.number for m in measured}) < 2:
        return None
    label, unit = objective_of(subject.study)
    known = [(other, found) for other in _others(subject) if len(found := _known(measured, other)) > 1]
    varied = [(other, found) for other, found in known if len({round(v, 12) for _, v in found}) > 1]
    if not varied:
        return None
    panels = tuple(_panel(other, found) for other, found in varied)
    chart = Chart(
        title=tr("Every trial with a value"),
        x_label=label,
        x_unit=unit,
        panels=panels,
        caption=tr("The line joins the trials that no other one beats in both; further left is faster."),
    )
    told = tr("From {trials} whose runs are kept.", trials=counted(len(measured), "trial"))
    return Section(title=TITLE, blocks=(Paragraph(text=told), chart, *_tables(subject, varied)))


def _measured(subject: StudySubject) -> list[_Measured]:
    """The trials that a value was measured of, the best first."""
    valued = [t for t in subject.study.trials if t.objective is not None and t.run_id and np.isfinite(t.objective)]
    ranked = sorted((t for t in valued if t.role != "confirmation"), key=lambda t: t.objective or 0.0)[:_MOST]
    runs = {run.id: run for run in subject.runs_of([t.run_id for t in ranked if t.run_id])}
    return [_Measured(t, t.objective or 0.0, runs[t.run_id].summary) for t in ranked if t.run_id in runs]


def _others(subject: StudySubject) -> list[_Other]:
    objectives = subject.study.objectives or (subject.study.objective,)
    target = subject.scenario.target
    found = [_Other(tr("peak memory"), "bytes", lambda s: s.peak_memory_bytes)]
    if "energy" not in objectives:
        found.append(_Other(tr("energy to target"), "J", lambda s: _of(s.energy_j_to_target)))
    if "cost" not in objectives:
        found.append(_Other(tr("cost to target"), "", lambda s: _of(s.cost_per_target)))
    if target is not None:
        name = target.metric
        label = tr("{metric} at the end", metric=tr("held-out loss") if name == "loss" else name)
        found.append(_Other(label, "", lambda s: s.final_metrics.get(name), target.at_least is not None))
    return found


def _of(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value


def _known(measured: Sequence[_Measured], other: _Other) -> list[tuple[_Measured, float]]:
    pairs = ((m, other.of(m.summary)) for m in measured)
    return [(m, float(v)) for m, v in pairs if v is not None and np.isfinite(v)]


def _front(other: _Other, found: Sequence[tuple[_Measured, float]]) -> list[tuple[_Measured, float]]:
    """Those that no other one beats in both, by their time."""
    sign = -1.0 if other.more_is_better else 1.0
    kept: list[tuple[_Measured, float]] = []
    for measured, value in sorted(found, key=lambda pair: (pair[0].value, sign * pair[1])):
        if not kept or sign * value < sign * kept[-1][1]:
            kept.append((measured, value))
    return kept


def _panel(other: _Other, found: Sequence[tuple[_Measured, float]]) -> Panel:
    front = _front(other, found)
    line = Series(
        name=tr("not beaten in both"),
        x=np.asarray([m.value for m, _ in front]),
        y=np.asarray([v for _, v in front]),
        kind="dotted",
        hue=0,
    )
    points = Series(
        name=tr("trial"),
        x=np.asarray([m.value for m, _ in found]),
        y=np.asarray([v for _, v in found]),
        kind="points",
        hue=1,
        labels=tuple(_label(m.trial) for m, _ in found),
    )
    better = tr("more is better") if other.more_is_better else tr("less is better")
    return Panel(
        label=tr("{label}, {better}", label=other.label, better=better), unit=other.unit, series=(line, points)
    )


def _label(trial: Trial) -> str:
    return tr("trial {number}: {setup}", number=trial.number, setup=settings(trial.overrides) or _AS_IT_STANDS)


def _tables(
    subject: StudySubject, varied: Sequence[tuple[_Other, Sequence[tuple[_Measured, float]]]]
) -> tuple[Table, ...]:
    """The fronts as rows: the trial that is best in each property, and the fastest one."""
    label, unit = objective_of(subject.study)
    columns = (
        Column(title=tr("front")), Column(title=tr("trial"), numeric=True), Column(title=label, numeric=True),
        Column(title=tr("value"), numeric=True), Column(title=tr("settings"), wide=True),
    )  # fmt: skip
    rows = [
        Row(
            cells=(
                other.label, str(m.trial.number), Quantity(value=m.value, unit=unit),
                Quantity(value=value, unit=other.unit), settings(m.trial.overrides) or _AS_IT_STANDS,
            )
        )
        for other, found in varied
        for m, value in _front(other, found)
    ]  # fmt: skip
    return (Table(title=tr("The fronts, the fastest first"), columns=columns, rows=tuple(rows)),)


PLUGIN = Plugin(title=TITLE, order=36, takes=(StudySubject,), render=render)
