"""Every trial of a search in one table, the failed ones in sight with their reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from benchbench.record.study import Trial
from benchbench.report.content import Cell, Column, Quantity, Row, Section, Table, Tone
from benchbench.report.language import tr
from benchbench.report.objective import objective_of
from benchbench.report.plugins import Plugin
from benchbench.report.subject import StudySubject
from benchbench.report.wording import ROLES, setting, settings, tone_of

TITLE = tr("Every trial")
_MOST = 500
_REASON_LIMIT = 300
_MOST_KEYS = 10


def render(subject: StudySubject) -> Section | None:
    """One trial a row, in the order of their numbers."""
    study = subject.study
    if not study.trials:
        return None
    keys = list(dict.fromkeys(key for t in study.trials for key in t.overrides))
    split = len(keys) <= _MOST_KEYS
    label, unit = objective_of(study)
    columns = (
        Column(title=tr("trial"), numeric=True),
        Column(title=tr("role")),
        Column(title=tr("outcome")),
        Column(title=label, unit=unit, numeric=True),
        *([Column(title=key) for key in _short(keys)] if split else [Column(title=tr("settings"), wide=True)]),
        Column(title=tr("reached")),
        Column(title=tr("a step"), numeric=True),
        Column(title=tr("ended at"), numeric=True),
        Column(title=tr("reason"), wide=True),
        Column(title=tr("took"), numeric=True, minor=True),
        Column(title=tr("run"), minor=True),
    )
    ordered = sorted(study.trials, key=lambda t: t.number)
    rows = tuple(_row(subject, trial, keys if split else None) for trial in ordered[:_MOST])
    note = (
        tr("The first {most} of {ordered}; study.json holds all.", most=_MOST, ordered=len(ordered))
        if len(ordered) > _MOST
        else ""
    )
    return Section(title=TITLE, blocks=(Table(columns=columns, rows=rows, note=note),))


def _short(keys: Sequence[str]) -> list[str]:
    """Each key's last part, or the whole key where two end alike."""
    ends = Counter(key.rpartition(".")[2] for key in keys)
    return [end if ends[end := key.rpartition(".")[2]] == 1 else key for key in keys]


def _row(subject: StudySubject, trial: Trial, keys: list[str] | None) -> Row:
    if keys is None:
        asked: list[Cell] = [settings(trial.overrides)]
    else:
        asked = [setting(trial.overrides[key]) if key in trial.overrides else None for key in keys]
    cells: tuple[Cell, ...] = (
        str(trial.number),
        tr("{role}, under the proxy", role=ROLES[trial.role]) if trial.under_proxy else ROLES[trial.role],
        trial.outcome.value,
        trial.objective,
        *asked,
        trial.reached_target,
        None if trial.step_s is None else Quantity(value=trial.step_s, unit="s"),
        Quantity(value=trial.ended_s, unit="s"),
        trial.failure.message[:_REASON_LIMIT] if trial.failure else trial.note or "",
        Quantity(value=trial.ended_s - trial.started_s, unit="s"),
        trial.run_id,
    )
    return Row(cells=cells, tone=_tone(subject, trial))


def _tone(subject: StudySubject, trial: Trial) -> Tone:
    found = subject.study.recommendation
    recommended = trial.overrides == found.overrides and found.verdict != "target-not-reached"
    plain: Tone = "warning" if trial.breaches else tone_of(trial.outcome)
    return "good" if plain == "plain" and recommended else plain


PLUGIN = Plugin(title=TITLE, order=40, takes=(StudySubject,), render=render)
