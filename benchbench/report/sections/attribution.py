"""Which knob brought which part of the speedup, by lever: a waterfall from the baseline to the recommendation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from operator import mul

from benchbench.record.study import Attribution
from benchbench.report.content import Bar, Bars, Block, Column, Mark, Paragraph, Quantity, Row, Section, Table
from benchbench.report.language import tr
from benchbench.report.objective import baseline_value
from benchbench.report.plugins import Plugin
from benchbench.report.subject import StudySubject
from benchbench.report.wording import brief, commas, interval, quantity, sentences
from benchbench.scenario.knobs import Lever

TITLE = tr("Where the speedup comes from")
LEVERS: dict[Lever, str] = {
    Lever.HARDWARE: tr("hardware"),
    Lever.SOFTWARE: tr("software"),
    Lever.ALGORITHM: tr("algorithm"),
}
_HUES = {Lever.HARDWARE: 1, Lever.SOFTWARE: 0, Lever.ALGORITHM: 2}
_REST_HUE, _WHOLE_HUE = 4, 7
_REST = tr("not attributed")
_AGREED = 0.005  # of the ratio: nearer than this, nothing is left over
_COLUMNS = (
    Column(title=tr("lever")),
    Column(title=tr("setting")),
    Column(title=tr("from")),
    Column(title=tr("to")),
    Column(title=tr("speedup"), numeric=True),
)


def render(subject: StudySubject) -> Section | None:
    """One knob a bar and a row, as the study measured it, and what is left over; None where there is no speedup."""
    parts = [p for p in subject.study.attribution if p.speedup.value > 0]
    if not parts:
        told = _unattributed(subject)
        return Section(title=TITLE, blocks=(Paragraph(text=told),)) if told else None
    rest = _rest(subject, parts)
    rows = [
        Row(cells=(LEVERS[p.lever], p.key, brief(p.before), brief(p.after), p.speedup)) for p in parts
    ]  # fmt: skip
    if rest is not None:
        rows.append(Row(cells=(_REST, None, None, None, Quantity(value=rest, unit="x")), tone="muted"))
    blocks: list[Block] = [Paragraph(text=_words(parts, rest))]
    blocks += [_waterfall(subject, parts, rest), Table(columns=_COLUMNS, rows=tuple(rows), note=_note(subject, parts))]
    return Section(title=TITLE, blocks=tuple(blocks))


def _unattributed(subject: StudySubject) -> str:
    """That a proved speedup was not taken apart; empty where none is proved."""
    found = subject.study.recommendation
    changed = [key for key, value in found.overrides.items() if value != baseline_value(subject.study, key)]
    if found.verdict != "faster" or found.speedup is None or not changed:
        return ""
    return tr(
        "The speedup of {speedup} is not taken apart: the settings between the baseline and the recommendation were "
        "not measured one by one. A longer budget pays for that.",
        speedup=quantity(found.speedup.value, "x"),
    )


def _rest(subject: StudySubject, parts: Sequence[Attribution]) -> float | None:
    """The confirmed speedup over that of all parts; None where they agree or nothing was confirmed."""
    whole = subject.study.recommendation.speedup
    if whole is None or whole.value <= 0:
        return None
    rest = whole.value / math.prod(p.speedup.value for p in parts)
    return rest if abs(math.log(rest)) > _AGREED else None


def _words(parts: Sequence[Attribution], rest: float | None) -> str:
    """Each lever's share, the largest first."""
    whole = {lever: math.prod(p.speedup.value for p in parts if p.lever is lever) for lever in LEVERS}
    known = {lever: whole[lever] for lever in {p.lever: None for p in parts}}
    told = [
        tr("{lever} {speedup}", lever=LEVERS[lever], speedup=quantity(value, "x"))
        for lever, value in sorted(known.items(), key=lambda item: -item[1])
    ]
    left = tr("{rest} is not attributed.", rest=quantity(rest, "x")) if rest is not None else ""
    return sentences([tr("By lever: {levers}.", levers=commas(told)), left])


def _waterfall(subject: StudySubject, parts: Sequence[Attribution], rest: float | None) -> Bars:
    """Each bar begins where the one above it ends, on an axis of ratios, so that equal lengths are equal factors."""
    starts = list(accumulate((p.speedup.value for p in parts), mul, initial=1.0))
    bars = [_bar(part, start) for part, start in zip(parts, starts, strict=False)]
    reached = starts[-1]
    if rest is not None:
        label = tr("{what}: {speedup}", what=_REST, speedup=quantity(rest, "x"))
        detail = tr("What the steps do not add up to: the confirmation's own repeats, and settings measured together.")
        bars.append(
            Bar(label=label, start=reached, end=reached * rest, name=_REST, hue=_REST_HUE, detail=detail)
        )  # fmt: skip
    bars.append(_total(subject, reached * (rest or 1.0)))
    return Bars(
        title=tr("From the baseline to the recommendation"),
        x_label=tr("times as fast as the baseline (logarithmic)"),
        x_unit="x",
        bars=tuple(bars),
        marks=(Mark(at=1.0, label=tr("baseline")),),
        log=True,
        caption=tr(
            "Speedups multiply, so the axis is logarithmic: equal lengths are equal factors. A hatched bar goes back. "
            "The order is that of measuring; another order may share the speedup differently."
        ),
    )


def _bar(part: Attribution, start: float) -> Bar:
    speedup = part.speedup
    key = part.key.rpartition(".")[2]
    change = tr("{key} {before} to {after}", key=key, before=brief(part.before), after=brief(part.after))
    low, high = (None if bound is None or bound <= 0 else start * bound for bound in (speedup.low, speedup.high))
    return Bar(
        label=tr("{what}: {speedup}", what=change, speedup=quantity(speedup.value, "x")),
        start=start,
        end=start * speedup.value,
        name=LEVERS[part.lever],
        hue=_HUES[part.lever],
        low=low,
        high=high,
        detail=interval(speedup),
    )


def _total(subject: StudySubject, reached: float) -> Bar:
    """From the baseline to the end, with the confirmed interval where there is one."""
    whole = subject.study.recommendation.speedup
    before, after = subject.study.baseline.time_to_target_s, subject.study.recommendation.time_to_target_s
    told = tr("all together: {speedup}", speedup=quantity(reached, "x"))
    if before is not None and after is not None:
        seconds = tr(
            "{before} to {after}", before=quantity(before.value, before.unit), after=quantity(after.value, after.unit)
        )
        told = commas([told, seconds])
    low, high = (None, None) if whole is None else (whole.low, whole.high)
    return Bar(
        label=told,
        start=1.0,
        end=reached,
        name=tr("all together"),
        hue=_WHOLE_HUE,
        low=low if low is not None and low > 0 else None,
        high=high,
        detail="" if whole is None else interval(whole),
    )


def _note(subject: StudySubject, parts: Sequence[Attribution]) -> str:
    if len(parts) == 1 and subject.study.recommendation.speedup == parts[0].speedup:
        return tr("One setting differs, so the whole speedup is its own.")
    return tr("Each row is one step from the row above it; its interval is by the noise that the search saw.")


PLUGIN = Plugin(title=TITLE, order=28, takes=(StudySubject,), render=render)
