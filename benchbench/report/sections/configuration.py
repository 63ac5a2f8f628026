"""The resolved scenario, every default filled in."""

from __future__ import annotations

from benchbench.report.content import Code, Paragraph, Section
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject, StudySubject, Subject
from benchbench.scenario.writing import to_yaml

TITLE = tr("Configuration")


def render(subject: Subject) -> Section | None:
    """The scenario as YAML, with the key that tells two settings apart."""
    told = Paragraph(
        text=tr(
            "Scenario key {key}: two results with the same key asked for the same thing.", key=subject.scenario.key
        ),
        tone="muted",
    )
    return Section(title=TITLE, blocks=(Code(text=to_yaml(subject.scenario)), told), folded=True)


PLUGIN = Plugin(title=TITLE, order=70, takes=(RunSubject, StudySubject), render=render)
