"""Where the time of a step goes, what holds it up, and what is most likely to help."""

from __future__ import annotations

from benchbench.record.breakdown import PARTS, Breakdown, Part
from benchbench.record.diagnosis import Diagnosis, diagnose
from benchbench.report.content import Callout, Column, Quantity, Row, Section, Table
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject
from benchbench.report.wording import counted, quantity

TITLE = "Where a step's time goes"
_NAMES: dict[Part, str] = {
    "matrix-products": "matrix products",
    "attention": "attention",
    "elementwise": "norms, activations and other elementwise work",
    "optimizer": "optimizer",
    "communication": "communication that nothing hides",
    "copies": "memory copies",
    "data": "waiting for data",
    "overhead": "starting operators",
}


def render(subject: RunSubject) -> Section | None:
    """A sentence and a table; None where no step was profiled."""
    found = next((r.breakdown for r in subject.run.repeats if r.breakdown is not None), None)
    if found is None:
        return None
    told = diagnose(found, subject.scenario)
    return Section(title=TITLE, blocks=(_sentence(told), _table(found)))


def _sentence(told: Diagnosis) -> Callout:
    levers = "; ".join(f"{lever.key}: {lever.value} ({lever.why})" for lever in told.levers)
    return Callout(tone="plain", title=told.sentence.rstrip("."), text=f"Most likely to help: {levers}.")


def _table(found: Breakdown) -> Table:
    columns = (Column(title="part"), Column(title="time", numeric=True), Column(title="share", numeric=True))
    rows = [
        Row(cells=(_NAMES[part], Quantity(value=seconds, unit="s"), Quantity(value=found.share(part), unit="fraction")))
        for part in sorted(PARTS, key=lambda part: -found.seconds.get(part, 0.0))
        if (seconds := found.seconds.get(part, 0.0)) > 0
    ]
    note = (
        f"The mean of {counted(found.steps, 'step')} under a profiler, {quantity(found.step_s, 's')} each: slower than "
        "a measured one, so that the shares say more than the times."
    )
    if found.hidden_communication_s > 0:
        note += f" Communication behind computation: {quantity(found.hidden_communication_s, 's')} more."
    return Table(columns=columns, rows=tuple(rows), note=note)


PLUGIN = Plugin(title=TITLE, order=33, takes=(RunSubject,), render=render)
