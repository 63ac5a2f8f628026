"""What differs between compared runs, in settings and in environment; what is the same is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchbench.record.differences import Leaf
from benchbench.report.content import Block, Column, Paragraph, Row, Section, Table
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.sections.verdict import letter
from benchbench.report.subject import ComparisonSubject
from benchbench.report.wording import UNKNOWN, setting

TITLE = tr("What differs")


def render(subject: ComparisonSubject) -> Section | None:
    """One table for the settings, one for the environment."""
    pairs = subject.comparison.pairs
    tables = ((tr("setting"), [p.settings for p in pairs]), (tr("environment"), [p.environment for p in pairs]))
    blocks: list[Block] = [_table(title, found) for title, found in tables if any(found)]
    if not any(pair.settings for pair in pairs):
        blocks.insert(0, Paragraph(text=tr("The settings are the same.")))
    return Section(title=TITLE, blocks=tuple(blocks))


def _table(title: str, found: Sequence[Mapping[str, tuple[Leaf, Leaf]]]) -> Table:
    keys = dict.fromkeys(key for one in found for key in one)
    columns = (Column(title=title), *(Column(title=letter(i), wide=True) for i in range(len(found) + 1)))
    rows = []
    for key in keys:
        mine = next(one[key][0] for one in found if key in one)
        theirs = [one[key][1] if key in one else mine for one in found]
        rows.append(Row(cells=(key, *(UNKNOWN if v is None else setting(v) for v in (mine, *theirs)))))
    return Table(columns=columns, rows=tuple(rows))


PLUGIN = Plugin(title=TITLE, order=25, takes=(ComparisonSubject,), render=render, brief=True)
