"""Several runs and studies on one page: what tells them apart, and a table that compares them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from benchbench.record.differences import leaves
from benchbench.report.content import Cell, Column, Row, Section, Table, Tone
from benchbench.report.html_page import Article
from benchbench.report.language import tr
from benchbench.report.plugins import sections_of
from benchbench.report.subject import ComparisonSubject, HistorySubject, RunSubject, Subject
from benchbench.report.wording import VERDICTS, Setting, setting, tone_of

_SETTINGS_TOLD = 6


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
    return Section(title=tr("Series"), blocks=(Table(columns=columns, rows=tuple(rows)),))


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
