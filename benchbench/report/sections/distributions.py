"""The step times of compared runs over each other, and the mean of every repeat."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchbench.report.content import Array, Block, Callout, Chart, Panel, Section, Series
from benchbench.report.curves import step_times, without_a_time
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.sections.verdict import letter
from benchbench.report.subject import ComparisonSubject, RunSubject
from benchbench.report.wording import counted, quantity, sentences

TITLE = tr("Step times")
_BINS = 60
_QUANTILE = 0.99
_BEYOND = 1.25


def render(subject: ComparisonSubject) -> Section | None:
    """Outlines of the distributions, a dot a repeat below, and what of the tables cannot be shown."""
    blocks: list[Block] = [told for i, run in enumerate(subject.runs) for told in _problems(letter(i), run)]
    drawn = [(i, run, _measured(run)) for i, run in enumerate(subject.runs)]
    drawn = [one for one in drawn if len(one[2]) > 1]
    if drawn:
        blocks.append(_chart(drawn))
    return Section(title=TITLE, blocks=tuple(blocks)) if blocks else None


def _measured(run: RunSubject) -> Array:
    """Every measured step of a run, in seconds."""
    parts = [repeat.measured_s for repeat in step_times(run)]
    return np.concatenate(parts) if parts else np.empty(0)


def _problems(name: str, run: RunSubject) -> list[Callout]:
    """A table that cannot be read, or that holds what is no number; the ratio does not depend on it."""
    if run.steps.problem is not None:
        title = tr("The steps of {name} cannot be shown", name=name)
        return [
            Callout(
                tone="warning",
                title=title,
                text=tr("{problem}. The verdict rests on the record.", problem=run.steps.problem),
            )
        ]
    bad = without_a_time(run)
    if not bad:
        return []
    text = tr("The chart leaves them out; look into the run before its verdict is used.")
    return [
        Callout(
            tone="warning",
            title=tr("{counted} of {name} hold no time", counted=counted(bad, "step"), name=name),
            text=text,
        )
    ]


def _chart(drawn: Sequence[tuple[int, RunSubject, Array]]) -> Chart:
    low = min(float(times.min()) for _, _, times in drawn)
    high = max(min(_BEYOND * float(np.quantile(t, _QUANTILE)), float(t.max())) for _, _, t in drawn)
    beyond = [times[times > high] for _, _, times in drawn]
    outlines = tuple(_outline(letter(i), i, times, low, high) for i, _, times in drawn)
    dots = tuple(_dots(letter(i), i, run) for i, run, _ in drawn)
    told = [tr("Above: the share of each run's measured steps by their time. Below: the mean of every repeat.")]
    count = sum(len(times) for times in beyond)
    if count:
        slowest = max(float(times.max()) for times in beyond if len(times))
        told.append(
            tr(
                "{steps} of up to {slowest} beyond the right edge.",
                steps=counted(count, "step"),
                slowest=quantity(slowest, "s"),
            )
        )
    return Chart(
        title=tr("Step times over each other"),
        x_label=tr("step time"),
        x_unit="s",
        panels=(
            Panel(label=tr("steps"), unit="fraction", series=outlines, from_zero=True),
            Panel(label=tr("repeat"), unit="", series=dots),
        ),
        caption=sentences(told),
    )


def _outline(name: str, hue: int, times: Array, low: float, high: float) -> Series:
    """The outline of a histogram, as shares of all measured steps."""
    counts, edges = np.histogram(times[times <= high], bins=_BINS, range=(low, max(high, low * (1 + 1e-6))))
    shares = np.concatenate([[0.0], counts / len(times), [0.0]])
    return Series(name=name, x=np.concatenate([edges[:1], edges]), y=shares, kind="steps", hue=hue)


def _dots(name: str, hue: int, run: RunSubject) -> Series:
    """The mean step time of every repeat that left a figure, by its number."""
    means = [(r.figures.step_s, r.index) for r in run.run.repeats if r.figures is not None]
    at = np.asarray(means, dtype=np.float64).reshape(-1, 2)
    return Series(name=name, x=at[:, 0], y=at[:, 1], kind="points", hue=hue)


PLUGIN = Plugin(title=TITLE, order=30, takes=(ComparisonSubject,), render=render)
