"""Every step's time, repeat by repeat, and how the measured ones are distributed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchbench.record.types import Outcome
from benchbench.report.content import Array, Block, Callout, Chart, Facts, Mark, Panel, Quantity, Section, Series, Span
from benchbench.report.curves import REPEATS_DRAWN, StepTimes, step_times, without_a_time
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject
from benchbench.report.wording import counted, quantity, sentences

TITLE = tr("Step times")
_LOG_ABOVE = 20.0
_BINS = 60


def render(subject: RunSubject) -> Section | None:
    """A line over the steps with the warm-up shaded, a histogram, and the quantiles."""
    if subject.steps.problem is not None:
        told = Callout(tone="warning", title=tr("The steps cannot be shown"), text=subject.steps.problem)
        return Section(title=TITLE, blocks=(told,))
    repeats = step_times(subject)
    if not repeats:
        return None
    good = {r.index for r in subject.run.repeats if r.outcome is Outcome.OK}
    measured = _pooled([r.measured_s for r in repeats if r.repeat in good or not good])
    blocks: list[Block] = [*_without_a_time(subject), _over_steps(repeats, measured)]
    if len(measured) > 1:
        blocks += [_distribution(measured, subject), _quantiles(measured)]
    return Section(title=TITLE, blocks=tuple(blocks))


def _without_a_time(subject: RunSubject) -> tuple[Callout, ...]:
    """That steps hold no time, where some do."""
    bad = without_a_time(subject)
    title = tr("{steps} hold no time", steps=counted(bad, "step"))
    text = tr("The charts leave them out; look into the run before its numbers are used.")
    return (Callout(tone="warning", title=title, text=text),) if bad else ()


def _pooled(parts: Sequence[Array]) -> Array:
    return np.concatenate(parts) if parts else np.empty(0)


def _over_steps(repeats: Sequence[StepTimes], measured: Array) -> Chart:
    drawn = repeats[:REPEATS_DRAWN]
    warm = [float(r.step[r.warmup].max()) for r in drawn if r.warmup.any()]
    first = min((float(r.step[0]) for r in drawn), default=1.0)
    top = float(measured.max()) if len(measured) else None
    slow = float(np.median(measured)) if len(measured) else 0.0
    log = top is not None and slow > 0 and top > _LOG_ABOVE * slow
    high = None if log or top is None else 1.08 * top
    above = _pooled([r.step_s[r.warmup & (r.step_s > high)] for r in drawn]) if high else np.empty(0)
    notes = [tr("A stall is a step like any other: nothing is cut from the mean.")]
    if len(above):
        notes.append(
            tr(
                "{steps} of up to {slowest} lie above the frame.",
                steps=counted(len(above), "warm-up step"),
                slowest=quantity(float(above.max()), "s"),
            )
        )
    if len(repeats) > len(drawn):
        notes.append(
            tr(
                "The first {drawn} of {repeats} repeats are drawn; steps.parquet holds all.",
                drawn=len(drawn),
                repeats=len(repeats),
            )
        )
    panel = Panel(
        label=tr("step time"),
        unit="s",
        series=tuple(
            Series(name=tr("repeat {repeat}", repeat=r.repeat), x=r.step, y=r.step_s, hue=i)
            for i, r in enumerate(drawn)
        ),
        from_zero=True,
        log=log,
        high=high,
    )
    spans = (Span(low=first - 0.5, high=max(warm) + 0.5, label=tr("warm-up")),) if warm else ()
    return Chart(
        title=tr("Over the steps"),
        x_label=tr("step"),
        x_unit="",
        panels=(panel,),
        spans=spans,
        caption=sentences(notes),
    )


def _distribution(measured: Array, subject: RunSubject) -> Chart:
    cut = 1.25 * float(np.quantile(measured, 0.99))
    inside = measured[measured <= cut]
    low, high = float(inside.min()), float(inside.max())
    if high - low < 1e-3 * high:
        low, high = 0.99 * low, 1.01 * high
    bins = min(_BINS, max(10, round(float(np.sqrt(len(inside))))))
    counts, edges = np.histogram(inside, bins=bins, range=(low, high))
    beyond = len(measured) - len(inside)
    slowest = quantity(float(measured.max()), "s")
    note = (
        tr("{steps} of up to {slowest} beyond the right edge.", steps=counted(beyond, "step"), slowest=slowest)
        if beyond
        else ""
    )
    series = Series(name=tr("measured steps"), x=edges, y=counts.astype(np.float64), kind="bars")
    step_s = subject.summary.step_s
    marks = (Mark(at=step_s.value, label=tr("mean")),) if step_s is not None and low <= step_s.value <= high else ()
    return Chart(
        title=tr("Distribution of the {steps}", steps=counted(len(measured), "measured step")),
        x_label=tr("step time"),
        x_unit="s",
        panels=(Panel(label=tr("steps"), unit="", series=(series,), from_zero=True),),
        marks=marks,
        caption=note,
    )


def _quantiles(measured: Array) -> Facts:
    median, p95, p99 = (float(q) for q in np.quantile(measured, [0.5, 0.95, 0.99]))
    named = {
        tr("fastest"): float(measured.min()),
        tr("median"): median,
        tr("95th percentile"): p95,
        tr("99th percentile"): p99,
        tr("slowest"): float(measured.max()),
    }
    return Facts(items=tuple((label, Quantity(value=value, unit="s")) for label, value in named.items()))


PLUGIN = Plugin(title=TITLE, order=30, takes=(RunSubject,), render=render)
