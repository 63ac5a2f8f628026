"""The tables of a result folder that cannot be read, and what still can be told without them."""

from __future__ import annotations

from benchbench.record import tables
from benchbench.report.content import Callout, Section
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.sections.verdict import letter
from benchbench.report.subject import AnySubject, ComparisonSubject, RunSubject
from benchbench.report.wording import listed

TITLE = tr("Files that cannot be read")
_LOST = {
    tables.STEPS: tr("the course and the spread of the single steps"),
    tables.TELEMETRY: tr("the course of utilization, power, clocks and temperature"),
    tables.EVALS: tr("the course of the evaluations"),
}


def render(subject: AnySubject) -> Section | None:
    """One callout a run that lacks a table; None where all are whole."""
    told: list[Callout | None] = []
    if isinstance(subject, RunSubject):
        told = [_told(subject, subject.id)]
    elif isinstance(subject, ComparisonSubject):
        told = [_told(run, f"{letter(index)}, {run.id}") for index, run in enumerate(subject.runs)]
    blocks = tuple(callout for callout in told if callout is not None)
    return Section(title=TITLE, blocks=blocks) if blocks else None


def _told(run: RunSubject, name: str) -> Callout | None:
    if not run.unreadable:
        return None
    lost = listed([_LOST[table] for table in run.unreadable])
    why = " ".join(f"{problem.rstrip('.')}." for problem in run.unreadable.values())
    still = tr("Figures, warnings and verdicts stand: they rest on result.json, which is whole.")
    title = tr("{name}: {files} missing or damaged", name=name, files=", ".join(run.unreadable))
    return Callout(
        tone="warning", title=title, text=tr("Lost is {lost}. {still} {why}", lost=lost, still=still, why=why)
    )


PLUGIN = Plugin(title=TITLE, order=16, takes=(RunSubject, ComparisonSubject), render=render, brief=True)
