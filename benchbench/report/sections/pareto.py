"""Two objectives at once: the setups that no other beats in both, in a table and among all that were measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchbench.record.study import ParetoPoint, Study, Trial
from benchbench.report.content import Chart, Column, Panel, Paragraph, Row, Section, Series, Table
from benchbench.report.language import tr
from benchbench.report.objective import objectives_of
from benchbench.report.plugins import Plugin
from benchbench.report.subject import StudySubject
from benchbench.report.wording import ROLES, commas, counted, semicolons, settings

TITLE = tr("The trade-off")
_LOG_ABOVE = 10.0
_ROLES = ("baseline", "candidate", "confirmation")
_AS_IT_STANDS = tr("the scenario as it stands")


def render(subject: StudySubject) -> Section | None:
    """The front, and every trial with both values around it; nothing for a study with one objective."""
    study = subject.study
    both = objectives_of(study)
    if not both:
        return None
    names = tr("{before} and {after}", before=both[0].label, after=both[1].label)
    if not study.pareto:
        broken = tr("No setup with both values holds the constraints: {names}.", names=names)
        told = broken if _broken(study) else tr("No setup has both values: {names}.", names=names)
        return Section(title=TITLE, blocks=(Paragraph(text=told, tone="warning"),))
    many = counted(len(study.pareto), "measured setup")
    told = tr("{many} that no other one beats in both {names}.", many=many, names=names)
    return Section(
        title=TITLE, blocks=(Paragraph(text=told), _table(study), *([_chart(study)] if _spread(study) else []))
    )


def _broken(study: Study) -> bool:
    return any(trial.breaches for trial in study.trials)


def _table(study: Study) -> Table:
    first, second = objectives_of(study)
    columns = (
        Column(title=""), Column(title=tr("trial"), numeric=True), Column(title=first.label, numeric=True),
        Column(title=second.label, numeric=True), Column(title=tr("confirmed")),
        Column(title=tr("settings"), wide=True), Column(title=tr("runs"), minor=True),
    )  # fmt: skip
    rows = tuple(
        Row(
            cells=(
                _place(study, point),
                str(point.number),
                *(point.values[name] for name in study.objectives),
                point.confirmed,
                settings(point.overrides) or _AS_IT_STANDS,
                ", ".join(point.run_ids),
            ),
            tone="good" if point.overrides == study.recommendation.overrides else "plain",
        )
        for point in study.pareto
    )
    return Table(columns=columns, rows=rows, note=tr("A value without an interval was measured once."))


def _place(study: Study, point: ParetoPoint) -> str:
    first, second = objectives_of(study)
    told: str = {
        "first": tr("least {what}", what=first.label),
        "second": tr("least {what}", what=second.label),
        "knee": tr("knee"),
    }.get(point.place or "", "")
    if len(study.pareto) == 1:
        told = tr("least of both")
    return commas((told, tr("the baseline") if point.role == "baseline" else ""))


def _spread(study: Study) -> bool:
    """Whether there is more than one point to draw."""
    return len(_valued(study.trials)) > 1


def _chart(study: Study) -> Chart:
    first, second = objectives_of(study)
    trials = _valued(study.trials)
    y = [trial.second_objective or 0.0 for trial in trials]
    series = [_front(study)]
    series += [s for hue, role in enumerate(_ROLES, start=1) if (s := _points(role, hue, trials)) is not None]
    panel = Panel(
        label=second.label,
        unit=second.unit,
        series=tuple(series),
        log=min(y) > 0 and max(y) > _LOG_ABOVE * min(y),
    )
    return Chart(
        title=tr("{second} over {first} (lower left is better)", second=second.label, first=first.label),
        x_label=first.label,
        x_unit=first.unit,
        panels=(panel,),
        caption=tr("A trial without both values has no point. What breaks a constraint is not on the front."),
    )


def _front(study: Study) -> Series:
    first, second = study.objectives
    return Series(
        name=tr("not beaten in both"),
        x=np.asarray([point.values[first].value for point in study.pareto]),
        y=np.asarray([point.values[second].value for point in study.pareto]),
        kind="line",
        hue=0,
    )


def _points(role: str, hue: int, trials: Sequence[Trial]) -> Series | None:
    chosen = [trial for trial in trials if trial.role == role]
    if not chosen:
        return None
    return Series(
        name=ROLES[role],
        x=np.asarray([trial.objective or 0.0 for trial in chosen]),
        y=np.asarray([trial.second_objective or 0.0 for trial in chosen]),
        kind="points",
        hue=hue,
        labels=tuple(_label(trial) for trial in chosen),
    )


def _label(trial: Trial) -> str:
    told = tr("trial {number}: {setup}", number=trial.number, setup=settings(trial.overrides) or _AS_IT_STANDS)
    return semicolons((told, *trial.breaches))


def _valued(trials: Sequence[Trial]) -> list[Trial]:
    return [trial for trial in trials if trial.objective is not None and trial.second_objective is not None]


PLUGIN = Plugin(title=TITLE, order=20, takes=(StudySubject,), render=render, brief=True)
