"""Several runs and studies on one page: what tells them apart, and a table that compares them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from benchbench.record.differences import leaves
from benchbench.record.history import Point
from benchbench.record.speed import Metric
from benchbench.report.content import Array, Cell, Chart, Column, Mark, Panel, Row, Section, Series, Table, Tone
from benchbench.report.html_page import Article
from benchbench.report.language import tr
from benchbench.report.plugins import sections_of
from benchbench.report.sections.history import commit_of
from benchbench.report.sections.verdict import METRICS
from benchbench.report.subject import ComparisonSubject, HistorySubject, RunSubject, Subject
from benchbench.report.wording import VERDICTS, Setting, commas, sentences, setting, tone_of

_SETTINGS_TOLD = 6
_SERIES_DRAWN = 8


def articles_of(subjects: Sequence[Subject], most: int) -> list[Article]:
    """One article a subject, in their order, for the first `most`; what tells them apart is seen among all."""
    told = _differences(subjects)
    return [
        Article(
            anchor=f"a{index}",
            kind=tr("run") if isinstance(subject, RunSubject) else tr("study"),
            title=subject.scenario.name,
            settings=", ".join(f"{key} = {setting(value)}" for key, value in told[index].items()),
            question=subject.scenario.question or "",
            made_at=_made_at(subject),
            id=subject.id,
            sections=sections_of(subject),
        )
        for index, subject in enumerate(subjects[:most])
    ]


def article_of_comparison(subject: ComparisonSubject) -> Article:
    """The one article of a comparison."""
    return Article(
        anchor="a0",
        kind=tr("comparison"),
        title=subject.scenario.name,
        settings="",
        question=subject.scenario.question or "",
        made_at=_made_at(subject.runs[-1]),
        id=subject.id,
        sections=sections_of(subject),
    )


def articles_of_history(subjects: Sequence[HistorySubject]) -> list[Article]:
    """One article a series, in their order."""
    return [
        Article(
            anchor=f"a{index}",
            kind=tr("history"),
            title=subject.scenario.name,
            settings="",
            question=subject.scenario.question or "",
            made_at=_minute(subject.series.points[-1].created_at),
            id=subject.id,
            sections=sections_of(subject),
        )
        for index, subject in enumerate(subjects)
    ]


def overview_of_history(subjects: Sequence[HistorySubject]) -> Section | None:
    """The series below each other; None for a single one."""
    if len(subjects) < 2:
        return None
    columns = (
        Column(title=tr("name")), Column(title=tr("series")), Column(title=tr("machine"), wide=True),
        Column(title=tr("runs"), numeric=True), Column(title=tr("newest"), numeric=True),
        Column(title=tr("newest step")),
    )  # fmt: skip
    rows = []
    for subject in subjects:
        series = subject.series
        step = series.steps[-1] if series.steps else None
        tone: Tone = "bad" if series.slower else "plain"
        devices = ", ".join(dict.fromkeys([series.machine.cpu, *(d.name for d in series.machine.devices)]))
        told = (
            tr("none")
            if step is None
            else tr(
                "{verdict} since {date}",
                verdict=VERDICTS[step.verdict],
                date=series.points[step.index].created_at[:10],
            )
        )
        cells = (series.scenario.name, subject.id, devices, len(series.points), series.points[-1].value, told)
        rows.append(Row(cells=cells, tone=tone))
    overlay = _overlay(subjects)
    table = Table(columns=columns, rows=tuple(rows))
    return Section(title=tr("Series"), blocks=(table, *([overlay] if overlay is not None else [])))


def _overlay(subjects: Sequence[HistorySubject]) -> Chart | None:
    """Every series in shares of its own first run, over the days; None where fewer than two have two runs."""
    drawn = [s for s in subjects if len(s.series.points) > 1 and s.series.points[0].value.value > 0][:_SERIES_DRAWN]
    if len(drawn) < 2:
        return None
    begin = min(_moment(s.series.points[0].created_at) for s in drawn)
    lines: list[tuple[Metric, Series]] = []
    for hue, subject in enumerate(drawn):
        points = subject.series.points
        at_s = [(_moment(p.created_at) - begin).total_seconds() for p in points]
        values = np.asarray([p.value.value for p in points]) / points[0].value.value
        label = tr("{name}, {series}", name=subject.scenario.name, series=subject.id)
        lines.append((subject.series.metric, _line(label, np.asarray(at_s), values, points, hue)))
    metrics = dict.fromkeys(metric for metric, _ in lines)
    panels = tuple(
        Panel(
            label=tr("{metric} over that of the first run", metric=METRICS[metric]),
            unit="",
            series=tuple(series for of, series in lines if of == metric),
            marks=(Mark(at=1.0),),
        )
        for metric in metrics
    )
    told = [
        tr("Each series is divided by its own first run, so that scenarios and machines of any speed share one axis."),
        tr("The first {most} series are drawn.", most=_SERIES_DRAWN) if len(subjects) > _SERIES_DRAWN else "",
    ]
    return Chart(
        title=tr("All series over each other"),
        x_label=tr("time since {begin}", begin=begin.strftime("%Y-%m-%d")),
        x_unit="s",
        panels=panels,
        caption=sentences(told),
    )


def _moment(made_at: str) -> datetime:
    """A record's time, which is UTC; what is none counts as the beginning of all times."""
    try:
        return datetime.fromisoformat(made_at[:19])
    except ValueError:
        return datetime(1970, 1, 1)


def _line(name: str, at_s: Array, values: Array, points: Sequence[Point], hue: int) -> Series:
    labels = tuple(commas([p.id, p.created_at[:10], commit_of(p.commit, p.dirty) or ""]) for p in points)
    return Series(name=name, x=at_s, y=values, kind="dotted", hue=hue, labels=labels)


def overview(subjects: Sequence[Subject]) -> Section | None:
    """The runs side by side; None for a single subject."""
    if len(subjects) < 2:
        return None
    told = _differences(subjects)
    keys = list(dict.fromkeys(key for one in told for key in one))
    targeted = any(isinstance(s, RunSubject) and s.summary.reach_rate is not None for s in subjects)
    columns = (
        Column(title=tr("name")), *(Column(title=key) for key in keys), Column(title=tr("outcome")),
        Column(title=tr("step time"), numeric=True), Column(title=tr("throughput"), numeric=True),
        *([Column(title=tr("time to target"), numeric=True)] if targeted else []), Column(title=tr("id"), minor=True),
    )  # fmt: skip
    rows = [_row(subject, told[i], keys, targeted) for i, subject in enumerate(subjects)]
    return Section(title=tr("Side by side"), blocks=(Table(columns=columns, rows=tuple(rows)),))


def _row(subject: Subject, told: Mapping[str, Setting], keys: Sequence[str], targeted: bool) -> Row:
    settings: list[Cell] = [setting(told[key]) if key in told else None for key in keys]
    if isinstance(subject, RunSubject):
        s = subject.summary
        figures: list[Cell] = [
            subject.run.outcome.value,
            s.step_s,
            s.samples_per_s,
            *([s.time_to_target_s] if targeted else []),
        ]
        tone: Tone = tone_of(subject.run.outcome) if s.step_s is None else "plain"
    else:
        r = subject.study.recommendation
        figures = [
            VERDICTS.get(r.verdict, r.verdict),
            r.step_s,
            r.samples_per_s,
            *([r.time_to_target_s] if targeted else []),
        ]
        tone = "plain"
    return Row(cells=(subject.scenario.name, *settings, *figures, subject.id), tone=tone)


def _made_at(subject: Subject) -> str:
    return _minute(subject.run.created_at if isinstance(subject, RunSubject) else subject.study.created_at)


def _minute(made_at: str) -> str:
    return made_at[:16].replace("T", " ") + " UTC"


def _differences(subjects: Sequence[Subject]) -> list[dict[str, Setting]]:
    """Of each scenario the settings in which the scenarios of one name differ."""
    flat = [dict(leaves(s.scenario.document())) for s in subjects]
    names = [s.scenario.name for s in subjects]
    every = dict.fromkeys(key for one in flat for key in one)
    seen: defaultdict[tuple[str, str], set[Setting]] = defaultdict(set)
    for one, name in zip(flat, names, strict=True):
        for key in every:
            seen[name, key].add(one.get(key))
    found = []
    for one, name in zip(flat, names, strict=True):
        different = [key for key in one if len(seen[name, key]) > 1]
        found.append({key: one[key] for key in different[:_SETTINGS_TOLD]})
    return found
