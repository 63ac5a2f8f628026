"""Which settings matter: each one's share of the differences between the setups of the space."""

from __future__ import annotations

import numpy as np

from benchbench.report.content import Chart, Column, Panel, Quantity, Row, Section, Series, Table
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import StudySubject

TITLE = tr("Which settings matter")
_HOW = {
    "model": tr(
        "By the variance of main effects, over the whole space, in the model that the search made of its measurements; "
        "what only a combination of settings does is left out."
    ),
    "ped-anova": tr("By Optuna's PED-ANOVA over the trials that reached: what tells the best of them from the rest."),
}


def render(subject: StudySubject) -> Section | None:
    """A bar and a row a setting, the largest share first; None where nothing tells them apart."""
    found = subject.study.importance
    if found is None or not found.shares:
        return None
    shares = np.asarray(list(found.shares.values()), dtype=np.float64)
    edges = np.arange(len(shares) + 1, dtype=np.float64) + 0.5
    bars = Series(name=tr("share"), x=edges, y=shares, kind="bars", labels=tuple(found.shares))
    chart = Chart(
        title=TITLE,
        x_label=tr("setting, as numbered below"),
        x_unit="",
        panels=(Panel(label=tr("share"), unit="fraction", series=(bars,), from_zero=True),),
    )
    columns = (Column(title="", numeric=True), Column(title=tr("setting")), Column(title=tr("share"), numeric=True))
    rows = tuple(
        Row(cells=(str(number), key, Quantity(value=share, unit="fraction")))
        for number, (key, share) in enumerate(found.shares.items(), start=1)
    )
    return Section(title=TITLE, blocks=(chart, Table(columns=columns, rows=rows, note=_HOW[found.by])))


PLUGIN = Plugin(title=TITLE, order=29, takes=(StudySubject,), render=render)
