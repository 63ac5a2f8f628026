"""A scenario over time: what the newest step is, every run with its interval, and every step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from benchbench.record.differences import Leaf
from benchbench.record.history import Point, Step
from benchbench.report.content import (
    Answer,
    Block,
    Callout,
    Cell,
    Chart,
    Column,
    Mark,
    Panel,
    Paragraph,
    Quantity,
    Row,
    Section,
    Series,
    Table,
    Tone,
)
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.sections.verdict import METRICS, change, signed
from benchbench.report.subject import HistorySubject
from benchbench.report.wording import UNKNOWN, VERDICTS, commas, counted, quantity, sentences, setting
from benchbench.stats.estimate import Estimate
from benchbench.units import human

TITLE = tr("History")
_COMMIT = 8
_CHANGES = 5
_LABELLED = 6
_TONES: dict[str, Tone] = {"slower": "bad", "faster": "good"}
_BEGINNINGS = {"slower": tr("Slower"), "faster": tr("Faster")}


def render(subject: HistorySubject) -> Section | None:
    """The answer, the chart, the steps and the runs, and what stands apart."""
    series = subject.series
    blocks: list[Block] = [_answer(subject)]
    if series.target_lost:
        text = tr("The newest run misses the target that an earlier one reached: a shorter step is no gain there.")
        blocks.append(Answer(text=text, tone="bad"))
    blocks.append(_chart(subject))
    if series.steps:
        blocks.append(_steps(subject))
    blocks += [_runs(subject), Paragraph(text=_basis(subject), tone="muted")]
    blocks += [Callout(tone="warning", title=note[0].upper() + note[1:]) for note in series.notes]
    return Section(title=TITLE, blocks=tuple(blocks))


def commit_of(commit: str | None, dirty: bool | None) -> str | None:
    """A commit as people write it: short, marked where there were changes of its own."""
    return None if commit is None else commit[:_COMMIT] + ("-dirty" if dirty else "")


def _answer(subject: HistorySubject) -> Answer:
    series = subject.series
    what, points = METRICS[series.metric], series.points
    if series.steps:
        step = series.steps[-1]
        return Answer(text=_newest(subject, step), tone=_TONES[step.verdict])
    if len(points) < 3:
        more = tr(" Two runs are told apart by benchbench compare.") if len(points) == 2 else ""
        return Answer(
            text=tr(
                "{runs}: too few to tell a step in {what} from noise.{more}",
                runs=counted(len(points), "run"),
                what=what,
                more=more,
            )
        )
    text = tr(
        "No step in {what} over {runs}, at a threshold of {threshold}.",
        what=what,
        runs=counted(len(points), "run"),
        threshold=_percent(subject.threshold),
    )
    return Answer(text=sentences([text, _visible(series.visible)]), tone="good")


def _newest(subject: HistorySubject, step: Step) -> str:
    series = subject.series
    unit, point = series.points[-1].value.unit, series.points[step.index]
    since = commit_of(step.commit, point.dirty)
    levels = tr("{after} after {before}", after=quantity(step.after, unit), before=quantity(step.before, unit))
    text = tr(
        "{verdict} since {at}{since}: the {metric} is {change}{interval}, {levels}.",
        verdict=_BEGINNINGS[step.verdict],
        at=step.at,
        since=f" ({since})" if since else "",
        metric=METRICS[series.metric],
        change=change(step.ratio.value),
        interval=_interval(step.ratio),
        levels=levels,
    )
    if step.index == len(series.points) - 1:
        text = sentences([text, tr("One run says so; another would confirm it.")])
    if point.changes:
        changed = tr("What changed with it beside the code: {changes}.", changes=_changes(point.changes))
        text = sentences([text, changed])
    return text


def _visible(least: float | None) -> str:
    if least is None:
        return ""
    return tr("One more run would be a step if it were slower by more than about {least}.", least=_percent(least))


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.99 else human(share, "%")


def _interval(ratio: Estimate) -> str:
    if ratio.low is None and ratio.high is None:
        return ""
    low, high = (tr("open") if b is None else signed(100 * (b - 1)) for b in (ratio.low, ratio.high))
    return tr(" ({low} to {high}; {confidence})", low=low, high=high, confidence=human(ratio.confidence, "%", 2))


def _changes(changes: Mapping[str, tuple[Leaf, Leaf]]) -> str:
    told = [
        tr("{key} {before} to {after}", key=key, before=_leaf(a), after=_leaf(b)) for key, (a, b) in changes.items()
    ]
    text = commas(told[:_CHANGES])
    return tr("{told} and {count} more", told=text, count=len(told) - _CHANGES) if len(told) > _CHANGES else text


def _leaf(value: Leaf) -> str:
    return UNKNOWN if value is None else setting(value)


def _chart(subject: HistorySubject) -> Chart:
    series = subject.series
    points, steps = series.points, series.steps
    drawn = [_values(points), *([_levels(steps, len(points))] if steps else [])]
    labelled = len(steps) <= _LABELLED
    what = METRICS[series.metric]
    return Chart(
        title=tr("Every run: {what}", what=what),
        x_label=tr("run, oldest first"),
        x_unit="",
        panels=(Panel(label=what, unit=points[-1].value.unit, series=tuple(drawn)),),
        marks=tuple(Mark(at=s.index + 0.5, label=_change(s) if labelled else "") for s in steps),
        caption=tr(
            "The runs stand side by side, whatever lay between them; the table has their times. Upright lines are "
            "the intervals, dotted ones the steps."
        ),
    )


def _change(step: Step) -> str:
    return signed(100 * (step.ratio.value - 1))


def _values(points: Sequence[Point]) -> Series:
    low, high = ([getattr(p.value, side) for p in points] for side in ("low", "high"))
    return Series(
        name=tr("runs"),
        x=np.arange(1.0, len(points) + 1),
        y=np.asarray([p.value.value for p in points]),
        low=np.asarray([np.nan if v is None else v for v in low], dtype=np.float64),
        high=np.asarray([np.nan if v is None else v for v in high], dtype=np.float64),
        kind="points",
        labels=tuple(_label(p) for p in points),
    )


def _levels(steps: Sequence[Step], count: int) -> Series:
    edges = [0, *(step.index for step in steps), count]
    heights = [steps[0].before, *(step.after for step in steps)]
    x = [at for a, b in pairwise(edges) for at in (a + 0.5, b + 0.5, b + 0.5)]
    y = [value for height in heights for value in (height, height, np.nan)]
    return Series(name=tr("level"), x=np.asarray(x), y=np.asarray(y), hue=1)


def _label(point: Point) -> str:
    commit = commit_of(point.commit, point.dirty)
    changed = tr("changed: {changes}", changes=_changes(point.changes)) if point.changes else ""
    return commas([point.id, _when(point), commit or "", changed])


def _when(point: Point) -> str:
    return point.created_at[:16].replace("T", " ")


def _steps(subject: HistorySubject) -> Table:
    series = subject.series
    unit = series.points[-1].value.unit
    columns = (
        Column(title=tr("since")), Column(title=tr("commits")),
        Column(title=tr("before"), numeric=True), Column(title=tr("after"), numeric=True),
        Column(title=tr("ratio"), numeric=True),
        Column(title=tr("verdict")),
    )  # fmt: skip
    rows = [
        Row(
            cells=(
                step.at, _range(step), Quantity(value=step.before, unit=unit),
                Quantity(value=step.after, unit=unit), step.ratio, VERDICTS[step.verdict],
            ),
            tone=_TONES[step.verdict],
        )
        for step in reversed(series.steps)
    ]  # fmt: skip
    return Table(title=tr("Steps, newest first"), columns=columns, rows=tuple(rows))


def _range(step: Step) -> str | None:
    if step.commit is None or step.previous_commit is None:
        return None
    return f"{step.previous_commit[:_COMMIT]}..{step.commit[:_COMMIT]}"


def _runs(subject: HistorySubject) -> Table:
    """A column that would say the same of every run is left out, or stands in the note."""
    series = subject.series
    points = series.points
    begun = {
        step.at: tr("{verdict} {change}", verdict=VERDICTS[step.verdict], change=_change(step)) for step in series.steps
    }
    columns: list[tuple[Column, list[Cell]]] = [
        (Column(title=tr("run")), [p.id for p in points]),
        (Column(title=tr("time (UTC)"), minor=True), [_when(p) for p in points]),
        (Column(title=tr("commit")), [commit_of(p.commit, p.dirty) for p in points]),
        (Column(title=METRICS[series.metric], numeric=True), [p.value for p in points]),
        (Column(title=tr("repeats"), numeric=True), [p.value.n for p in points]),
        (Column(title=tr("change of level")), [begun.get(p.id, "") for p in points]),
        (Column(title=tr("care")), [", ".join(dict.fromkeys(w.code for w in p.warnings)) for p in points]),
        (Column(title=tr("changed since the run before"), wide=True), [_changes(p.changes) for p in points]),
    ]
    repeats = {p.value.n for p in points}
    same = tr("Every run has {repeats}.", repeats=counted(repeats.pop(), "repeat")) if len(repeats) == 1 else ""
    shown = [(c, cells) for c, cells in columns if any(cells) and not (same and c.title == "repeats")]
    tones = {step.at: _TONES[step.verdict] for step in series.steps}
    rows = [
        Row(cells=tuple(cells[i] for _, cells in shown), tone=tones.get(points[i].id, "plain"))
        for i in reversed(range(len(points)))
    ]
    return Table(title=tr("Runs, newest first"), columns=tuple(c for c, _ in shown), rows=tuple(rows), note=same)


def _basis(subject: HistorySubject) -> str:
    series = subject.series
    machine = series.machine
    devices = Counter(device.name for device in machine.devices)
    told = [name if count == 1 else f"{count} x {name}" for name, count in devices.items()]
    where = ", ".join([f"{machine.cpu} ({counted(machine.cpus, 'CPU')})", *told])
    rate = _percent(1 - series.points[-1].value.confidence)
    return tr(
        "Measured on {where}; results of other machines are not among these. A step is a change of level "
        "beyond {threshold} that independent noise would bring forth in at most {rate} of such series "
        "(binary segmentation with Student's t on the logarithms, corrected for every place it may be "
        "at). A machine that drifts from day to day makes more.",
        where=where,
        threshold=_percent(subject.threshold),
        rate=rate,
    )


PLUGIN = Plugin(title=TITLE, order=10, takes=(HistorySubject,), render=render, brief=True)
