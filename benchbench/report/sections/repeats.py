"""Every repeat in a row of its own, the failed ones in sight."""

from __future__ import annotations

from benchbench.record.types import Repeat
from benchbench.report.content import Cell, Column, Quantity, Row, Section, Table
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject
from benchbench.report.wording import commas, tone_of

TITLE = tr("Repeats")
_MOST = 100
_MOST_PHASES = 8


def render(subject: RunSubject) -> Section | None:
    """One fresh process a row: how it ended, what it measured, where its time went."""
    aside = subject.run.set_aside
    repeats = sorted([*subject.run.repeats, *aside], key=lambda r: (r.index, r.attempt))
    if not repeats:
        return None
    phases = list(dict.fromkeys(name for r in repeats for name in r.phases_s))[:_MOST_PHASES]
    targeted = any(r.reach is not None for r in repeats)
    to_target = [tr("time to target"), tr("steps to target")] if targeted else []
    numeric = [tr("measured steps"), tr("step time"), *to_target, tr("wall time")]
    columns = (
        Column(title=tr("repeat"), numeric=True),
        Column(title=tr("seed"), numeric=True),
        Column(title=tr("outcome")),
        *(Column(title=title, numeric=True) for title in numeric),
        *(Column(title=name, unit="s", numeric=True) for name in phases),
    )
    rows = tuple(_row(repeat, phases, targeted, aside=repeat in aside) for repeat in repeats[:_MOST])
    note = (
        tr("The first {most} of {repeats}; the record holds all.", most=_MOST, repeats=len(repeats))
        if len(repeats) > _MOST
        else ""
    )
    return Section(title=TITLE, blocks=(Table(columns=columns, rows=rows, note=note),))


def _row(repeat: Repeat, phases: list[str], targeted: bool, *, aside: bool) -> Row:
    figures, reach = repeat.figures, repeat.reach
    cells: list[Cell] = [
        str(repeat.index),
        str(repeat.seed),
        commas([repeat.outcome.value, *[tr("disturbed")] * bool(repeat.suspect), *[tr("does not count")] * aside]),
        None if figures is None else figures.measured_steps,
        None if figures is None else Quantity(value=figures.step_s, unit="s"),
    ]
    if targeted:
        cells.append(None if reach is None else Quantity(value=reach.time_to_target_s, unit="s"))
        cells.append(None if reach is None else reach.steps_to_target)
    cells.append(Quantity(value=repeat.wall_s, unit="s"))
    cells += [repeat.phases_s.get(name) for name in phases]
    return Row(cells=tuple(cells), tone="warning" if repeat.suspect else tone_of(repeat.outcome))


PLUGIN = Plugin(title=TITLE, order=50, takes=(RunSubject,), render=render)
