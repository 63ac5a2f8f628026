"""The search over time: every trial's value, the best so far, the budget."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from benchbench.record.study import Trial
from benchbench.report.content import Chart, Mark, Panel, Paragraph, Section, Series
from benchbench.report.language import tr
from benchbench.report.objective import objective_of
from benchbench.report.plugins import Plugin
from benchbench.report.subject import StudySubject
from benchbench.report.wording import ROLES, counted, listed, sentences, settings

TITLE = tr("The search")
_AS_IT_STANDS = tr("the scenario as it stands")
_LOG_ABOVE = 10.0
_ROLES = (("baseline", 1), ("candidate", 0), ("confirmation", 2))


def render(subject: StudySubject) -> Section | None:
    """A point a trial that has a value, and the staircase of the best."""
    study = subject.study
    label, unit = objective_of(study)
    searched = [t for t in study.trials if t.under_proxy == (study.proxy is not None)]
    valued = sorted((t for t in searched if _value(t) is not None), key=lambda t: t.ended_s)
    told = Paragraph(text=_counts(subject))
    if not valued:
        return Section(title=TITLE, blocks=(told,)) if study.trials else None
    values = [_value(t) or 0.0 for t in valued]
    holding = [t for t in valued if not t.breaches]
    series = [_best(holding, max(study.spent_s, valued[-1].ended_s))] if holding else []
    series += [s for role, hue in _ROLES if (s := _points(role, hue, valued)) is not None]
    panel = Panel(
        label=label,
        unit=unit,
        series=tuple(series),
        log=min(values) > 0 and max(values) > _LOG_ABOVE * min(values),
    )
    chart = Chart(
        title=tr("Best so far (lower is better)"),
        x_label=tr("search time"),
        x_unit="s",
        panels=(panel,),
        marks=(Mark(at=study.budget_s, label=tr("budget")),),
        caption=sentences(
            (
                tr(
                    "A trial that failed or missed the target has no value and no point; one that breaks a constraint "
                    "is never the best. The table below has them all."
                ),
                tr("All points are of the proxy.") if study.proxy is not None else "",
            )
        ),
    )
    return Section(title=TITLE, blocks=(told, chart))


def _value(trial: Trial) -> float | None:
    return trial.objective if trial.objective is not None and math.isfinite(trial.objective) else None


def _best(valued: Sequence[Trial], end_s: float) -> Series:
    values = np.minimum.accumulate([_value(t) or 0.0 for t in valued])
    x = np.asarray([*(t.ended_s for t in valued), end_s])
    return Series(name=tr("best so far"), x=x, y=np.append(values, values[-1]), kind="steps", hue=0)


def _points(role: str, hue: int, valued: Sequence[Trial]) -> Series | None:
    chosen = [t for t in valued if t.role == role]
    if not chosen:
        return None
    return Series(
        name=ROLES[role],
        x=np.asarray([t.ended_s for t in chosen]),
        y=np.asarray([_value(t) or 0.0 for t in chosen]),
        kind="points",
        hue=hue,
        labels=tuple(
            tr("trial {number}: {setup}", number=t.number, setup=settings(t.overrides) or _AS_IT_STANDS) for t in chosen
        ),
    )


def _counts(subject: StudySubject) -> str:
    study, counts = subject.study, subject.study.counts()
    ended = [f"{count} {outcome}" for outcome, count in counts.items() if count]
    every = counted(sum(counts.values()), "trial")
    parts = [tr("{trials}: {outcomes}.", trials=every, outcomes=listed(ended)) if ended else tr("No trial ended.")]
    again = sum(t.role == "confirmation" for t in study.trials)
    if again:
        parts.append(tr("{runs} ran after the search.", runs=counted(again, "confirmation")))
    why = study.stopped.strip().rstrip(".")
    return sentences([*parts, tr("The search ended: {why}.", why=why) if why else ""])


PLUGIN = Plugin(title=TITLE, order=30, takes=(StudySubject,), render=render)
