"""Where the time of a step goes, what holds it up, and what is most likely to help."""

from __future__ import annotations

from benchbench.record.breakdown import PARTS, Breakdown, Part
from benchbench.record.diagnosis import SENTENCES, Diagnosis, diagnose
from benchbench.report.content import Callout, Column, Quantity, Row, Section, Table
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject
from benchbench.report.wording import counted, quantity, semicolons, sentences
from benchbench.units import human

TITLE = tr("Where a step's time goes")
_NAMES: dict[Part, str] = {
    "matrix-products": tr("matrix products"),
    "attention": tr("attention"),
    "elementwise": tr("norms, activations and other elementwise work"),
    "optimizer": tr("optimizer"),
    "communication": tr("communication that nothing hides"),
    "copies": tr("memory copies"),
    "data": tr("waiting for data"),
    "overhead": tr("starting operators"),
}


def render(subject: RunSubject) -> Section | None:
    """A sentence and a table; None where no step was profiled."""
    found = next((r.breakdown for r in subject.run.repeats if r.breakdown is not None), None)
    if found is None:
        return None
    told = diagnose(found, subject.scenario)
    return Section(title=TITLE, blocks=(_sentence(told), _table(found)))


def _sentence(told: Diagnosis) -> Callout:
    levers = semicolons(
        tr("{key}: {value} ({why})", key=lever.key, value=tr(lever.value), why=tr(lever.why)) for lever in told.levers
    )
    return Callout(
        tone="plain",
        title=tr(SENTENCES[told.bound].rstrip("."), share=human(told.share, "%", 2)),
        text=tr("Most likely to help: {levers}.", levers=levers),
    )


def _table(found: Breakdown) -> Table:
    columns = (
        Column(title=tr("part")),
        Column(title=tr("time"), numeric=True),
        Column(title=tr("share"), numeric=True, meter=True),
    )
    rows = [
        Row(cells=(_NAMES[part], Quantity(value=seconds, unit="s"), Quantity(value=found.share(part), unit="fraction")))
        for part in sorted(PARTS, key=lambda part: -found.seconds.get(part, 0.0))
        if (seconds := found.seconds.get(part, 0.0)) > 0
    ]
    note = tr(
        "The mean of {steps} under a profiler, {step_s} each: slower than a measured one, so that the "
        "shares say more than the times.",
        steps=counted(found.steps, "step"),
        step_s=quantity(found.step_s, "s"),
    )
    if found.hidden_communication_s > 0:
        hidden = tr("Communication behind computation: {time} more.", time=quantity(found.hidden_communication_s, "s"))
        note = sentences([note, hidden])
    return Table(columns=columns, rows=tuple(rows), note=note)


PLUGIN = Plugin(title=TITLE, order=33, takes=(RunSubject,), render=render)
