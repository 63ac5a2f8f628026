"""The exact command that repeats a run, a search, a comparison or a history."""

from __future__ import annotations

import shlex

from benchbench.record import store
from benchbench.report.content import Block, Code, Paragraph, Section
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import AnySubject, ComparisonSubject, HistorySubject, RunSubject, StudySubject

TITLE = tr("Repeat this")


def render(subject: AnySubject) -> Section | None:
    """The command as it was typed; for a stored run also the one that needs nothing but its folder."""
    blocks: list[Block] = []
    if subject.command:
        blocks.append(Code(title=tr("As it was typed"), text=shlex.join(subject.command), is_command=True))
    if isinstance(subject, RunSubject) and subject.folder is not None and subject.folder.is_dir():
        stored = shlex.join(["benchbench", "run", str(subject.folder / store.SCENARIO)])
        blocks.append(Code(title=tr("From the record alone"), text=stored, is_command=True))
    if not blocks:
        return None
    if not isinstance(subject, (ComparisonSubject, HistorySubject)):
        blocks.append(Paragraph(text=tr("Recorded as {id}.", id=subject.id), tone="muted"))
    return Section(title=TITLE, blocks=tuple(blocks))


PLUGIN = Plugin(
    title=TITLE, order=55, takes=(RunSubject, StudySubject, ComparisonSubject, HistorySubject), render=render
)
