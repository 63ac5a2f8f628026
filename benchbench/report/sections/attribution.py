"""Which knob brought which part of the speedup, by lever."""

from __future__ import annotations

from benchbench.report.content import Column, Row, Section, Table
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import StudySubject
from benchbench.report.wording import setting

TITLE = tr("Where the speedup comes from")
_COLUMNS = (
    Column(title=tr("lever")),
    Column(title=tr("setting")),
    Column(title=tr("from")),
    Column(title=tr("to")),
    Column(title=tr("speedup"), numeric=True),
)


def render(subject: StudySubject) -> Section | None:
    """One knob a row, as the study measured it; None when it did not."""
    parts = subject.study.attribution
    if not parts:
        return None
    rows = tuple(Row(cells=(p.lever.value, p.key, setting(p.before), setting(p.after), p.speedup)) for p in parts)
    return Section(title=TITLE, blocks=(Table(columns=_COLUMNS, rows=rows),))


PLUGIN = Plugin(title=TITLE, order=28, takes=(StudySubject,), render=render)
