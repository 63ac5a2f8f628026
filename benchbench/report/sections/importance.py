"""Which settings matter: each one's share of the differences between the setups of the space."""

from __future__ import annotations

from benchbench.report.content import Bar, Bars, Column, Quantity, Row, Section, Table
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import StudySubject
from benchbench.report.wording import quantity

TITLE = tr("Which settings matter")
_MOST_DRAWN = 12
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
    bars = tuple(
        Bar(label=key, start=0.0, end=share, name=tr("share"), detail=quantity(share, "fraction"))
        for key, share in found.shares.items()
    )
    drawn = Bars(title=tr("Share of the differences"), x_label=tr("share"), x_unit="fraction", bars=bars[:_MOST_DRAWN])
    columns = (Column(title=tr("setting")), Column(title=tr("share"), numeric=True))
    rows = tuple(Row(cells=(key, Quantity(value=share, unit="fraction"))) for key, share in found.shares.items())
    return Section(title=TITLE, blocks=(drawn, Table(columns=columns, rows=rows, note=_HOW[found.by])))


PLUGIN = Plugin(title=TITLE, order=29, takes=(StudySubject,), render=render)
