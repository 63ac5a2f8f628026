"""The baseline beside the recommendation: settings and figures, and the learning curves of both where they are kept."""

from __future__ import annotations

from collections.abc import Sequence

from benchbench.report.content import (
    Block,
    Callout,
    Cell,
    Chart,
    Column,
    Mark,
    Panel,
    Quantity,
    Row,
    Section,
    Series,
    Table,
)
from benchbench.report.curves import REPEATS_DRAWN, learning_curves
from benchbench.report.language import tr
from benchbench.report.objective import baseline_value
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject, StudySubject
from benchbench.report.wording import commas, counted, setting

TITLE = tr("Baseline and recommendation")
_IDS_TOLD = 3
_COLUMNS = (Column(title=tr("setting")), Column(title=tr("baseline")), Column(title=tr("recommendation")))


def render(subject: StudySubject) -> Section | None:
    """What changes, and what that does."""
    study = subject.study
    keys = dict.fromkeys([*study.baseline.overrides, *study.recommendation.overrides])
    blocks: list[Block] = []
    if keys:
        rows = tuple(_setting_row(subject, key) for key in keys)
        blocks.append(Table(columns=_COLUMNS, rows=rows))
    blocks.append(Table(columns=(Column(title=tr("figure")), *_COLUMNS[1:]), rows=_figures(subject)))
    chart = _curves(subject)
    if chart is not None:
        blocks.append(chart)
    if subject.study.replayed_from is not None:
        blocks.append(_replayed(subject.study.replayed_from))
    elif subject.missing and subject.folder is not None:
        blocks.append(_gone(subject.missing))
    return Section(title=TITLE, blocks=tuple(blocks))


def _setting_row(subject: StudySubject, key: str) -> Row:
    before = baseline_value(subject.study, key)
    after = subject.study.recommendation.overrides.get(key, before)
    return Row(cells=(key, setting(before), setting(after)), tone="good" if after != before else "plain")


def _figures(subject: StudySubject) -> tuple[Row, ...]:
    before, after = subject.study.baseline, subject.study.recommendation
    rows: list[tuple[str, Cell, Cell]] = [
        (tr("time to target"), before.time_to_target_s, after.time_to_target_s),
        (tr("reached"), _fraction(before.reach_rate), _fraction(after.reach_rate)),
        (tr("step time"), before.step_s, after.step_s),
        (tr("throughput"), before.samples_per_s, after.samples_per_s),
        (tr("peak memory"), _peak(subject.baseline_runs), _peak(subject.recommended_runs)),
        (tr("runs"), counted(len(before.run_ids), "run"), counted(len(after.run_ids), "run")),
    ]
    return tuple(
        Row(cells=cells) for cells in rows if cells[0] == "step time" or cells[1] is not None or cells[2] is not None
    )


def _fraction(value: float | None) -> Cell:
    return None if value is None else Quantity(value=value, unit="fraction")


def _peak(runs: Sequence[RunSubject]) -> Cell:
    peaks = [r.summary.peak_memory_bytes for r in runs if r.summary.peak_memory_bytes is not None]
    return Quantity(value=max(peaks), unit="bytes") if peaks else None


def _curves(subject: StudySubject) -> Chart | None:
    target = subject.scenario.target
    if target is None:
        return None
    series = [
        *_series(tr("baseline"), 1, subject.baseline_runs, target.metric),
        *_series(tr("recommendation"), 0, subject.recommended_runs, target.metric),
    ]
    if not series:
        return None
    level = target.at_least if target.at_least is not None else target.at_most
    assert level is not None
    panel = Panel(
        label=tr("held-out {metric}", metric=target.metric),
        unit="",
        series=tuple(series),
        marks=(Mark(at=level, label=tr("target {level}", level=f"{level:g}")),),
    )
    return Chart(
        title=tr("Learning curves"),
        x_label=tr("training time"),
        x_unit="s",
        panels=(panel,),
        caption=tr("One line a repeat."),
    )


def _series(name: str, hue: int, runs: Sequence[RunSubject], metric: str) -> list[Series]:
    curves = [c for run in runs for c in learning_curves(run) if c.metric == metric]
    return [Series(name=name, x=c.training_s, y=c.value, hue=hue, kind="dotted") for c in curves[:REPEATS_DRAWN]]


def _replayed(table: str) -> Callout:
    return Callout(
        tone="plain",
        title=tr("Replayed from a table"),
        text=tr(
            "Nothing was trained: {table} answered, and the times are those of a virtual clock. It holds no "
            "evaluations on the way, so there are no learning curves.",
            table=table,
        ),
    )


def _gone(missing: Sequence[str]) -> Callout:
    told = commas(missing[:_IDS_TOLD])
    if len(missing) > _IDS_TOLD:
        told = tr("{told} and {count} more", told=told, count=len(missing) - _IDS_TOLD)
    return Callout(
        tone="warning",
        title=tr("1 run of this study is not beside it")
        if len(missing) == 1
        else tr("{count} runs of this study are not beside it", count=len(missing)),
        text=tr(
            "Not found: {told}. The study's own figures stand; what is drawn from these runs is left out.", told=told
        ),
    )


PLUGIN = Plugin(title=TITLE, order=25, takes=(StudySubject,), render=render)
