"""What the search expected of each trial, beside what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchbench.record.study import Trial
from benchbench.report.content import Chart, Column, Panel, Paragraph, Quantity, Row, Section, Series, Table
from benchbench.report.language import tr
from benchbench.report.objective import objective_of
from benchbench.report.plugins import Plugin
from benchbench.report.subject import StudySubject
from benchbench.report.wording import counted, settings
from benchbench.units import human

TITLE = tr("Predicted against measured")
_AS_IT_STANDS = tr("the scenario as it stands")
_LOG_ABOVE = 10.0
_MOST_ROWS = 100


class _Pair(NamedTuple):
    """A trial, what was expected of it, and what was measured."""

    trial: Trial
    predicted: float
    measured: float


def render(subject: StudySubject) -> Section | None:
    """A point and a row a trial; None where nothing was expected of a trial that has a value."""
    pairs = [
        _Pair(t, t.predicted, t.objective)
        for t in sorted(subject.study.trials, key=lambda t: t.number)
        if t.predicted is not None and t.objective is not None and t.predicted > 0 and t.objective > 0
    ]
    pairs = [pair for pair in pairs if np.isfinite([pair.predicted, pair.measured]).all()]
    if not pairs:
        return None
    blocks = (Paragraph(text=_words(pairs)), _chart(subject, pairs), _table(subject, pairs))
    return Section(title=TITLE, blocks=blocks)


def _words(pairs: Sequence[_Pair]) -> str:
    """How far off the search was, early and late: it learns on the way."""
    off = np.asarray([abs(np.log(p.measured / p.predicted)) for p in pairs])
    told = tr(
        "Half of the {trials} fell out within {share} of what the search expected.",
        trials=counted(len(pairs), "trial"),
        share=_share(off),
    )
    half = len(pairs) // 2
    if half < 2:
        return told
    return tr(
        "{told} Of the first half that was {early}, of the second {late}.",
        told=told,
        early=_share(off[:half]),
        late=_share(off[half:]),
    )


def _share(off: np.ndarray) -> str:
    return human(float(np.exp(np.median(off)) - 1), "%", 2)


def _chart(subject: StudySubject, pairs: Sequence[_Pair]) -> Chart:
    label, unit = objective_of(subject.study)
    every = np.asarray([value for p in pairs for value in (p.predicted, p.measured)])
    ends = np.asarray([every.min(), every.max()])
    log = bool(ends[1] > _LOG_ABOVE * ends[0])
    exact = Series(name=tr("as predicted"), x=ends, y=ends, hue=7)
    points = Series(
        name=tr("trial"),
        x=np.asarray([p.predicted for p in pairs]),
        y=np.asarray([p.measured for p in pairs]),
        kind="points",
        hue=0,
        labels=tuple(_label(p.trial) for p in pairs),
    )
    return Chart(
        title=tr("Each trial with a value, and what was expected of it"),
        x_label=tr("predicted {what}", what=label),
        x_unit=unit,
        panels=(Panel(label=tr("measured {what}", what=label), unit=unit, series=(exact, points), log=log),),
        caption=tr("Above the line a trial took longer than expected. Each was predicted before it was measured."),
        x_log=log,
    )


def _label(trial: Trial) -> str:
    return tr("trial {number}: {setup}", number=trial.number, setup=settings(trial.overrides) or _AS_IT_STANDS)


def _table(subject: StudySubject, pairs: Sequence[_Pair]) -> Table:
    _, unit = objective_of(subject.study)
    columns = (
        Column(title=tr("trial"), numeric=True), Column(title=tr("predicted"), numeric=True),
        Column(title=tr("measured"), numeric=True), Column(title=tr("measured / predicted"), numeric=True),
    )  # fmt: skip
    rows = tuple(
        Row(
            cells=(
                str(p.trial.number), Quantity(value=p.predicted, unit=unit), Quantity(value=p.measured, unit=unit),
                Quantity(value=p.measured / p.predicted, unit="x"),
            )
        )
        for p in pairs[-_MOST_ROWS:]
    )  # fmt: skip
    left = len(pairs) - _MOST_ROWS
    note = tr("The last {most}; study.json holds all.", most=_MOST_ROWS) if left > 0 else ""
    return Table(columns=columns, rows=rows, note=note)


PLUGIN = Plugin(title=TITLE, order=45, takes=(StudySubject,), render=render)
