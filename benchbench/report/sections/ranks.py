"""How far the ranks of a run lie apart, and what each of them waits for."""

from __future__ import annotations

from statistics import fmean

from benchbench.record.per_rank_types import RankUse
from benchbench.report.content import Column, Paragraph, Quantity, Row, Section, Table
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject
from benchbench.units import human

TITLE = tr("Ranks")
_COLUMNS = (
    Column(title=tr("rank"), numeric=True),
    Column(title=tr("device")),
    Column(title=tr("its step"), numeric=True),
    Column(title=tr("over the fastest rank's"), numeric=True),
    Column(title=tr("data wait"), numeric=True),
    Column(title=tr("waits for others"), numeric=True),
    Column(title=tr("peak memory"), numeric=True),
    Column(title=tr("threads"), numeric=True),
    Column(title=tr("bound to CPUs")),
)


def render(subject: RunSubject) -> Section | None:
    """Each rank's means over the repeats; None where one process trained alone."""
    ranks: dict[int, list[RankUse]] = {}
    for repeat in subject.run.repeats:
        for use in repeat.per_rank:
            ranks.setdefault(use.rank, []).append(use)
    if not ranks:
        return None
    step_s = {rank: _mean([use.step_s for use in uses]) for rank, uses in sorted(ranks.items())}
    known = {rank: value for rank, value in step_s.items() if value}
    fastest_s = min(known.values(), default=None)
    rows = tuple(_row(rank, ranks[rank], step_s[rank], fastest_s) for rank in step_s)
    note = tr(
        "Means over the measured steps of all repeats; the peak is the largest. A rank's step is its own, before it "
        "waits for the others at the step's end: all other figures of this page take the slowest rank's."
    )
    table = Table(columns=_COLUMNS, rows=rows, note=note)
    return Section(title=TITLE, blocks=(*_spread(known), table))


def _spread(step_s: dict[int, float]) -> tuple[Paragraph, ...]:
    """The slowest rank beside the fastest, in a sentence."""
    if len(step_s) < 2:
        return ()
    slowest, fastest = max(step_s, key=lambda rank: step_s[rank]), min(step_s, key=lambda rank: step_s[rank])
    share = human(step_s[slowest] / step_s[fastest] - 1, "%")
    told = tr("Rank {slowest} is the slowest: its step takes {share} longer than rank {fastest}'s.",
              slowest=slowest, share=share, fastest=fastest)  # fmt: skip
    return (Paragraph(text=told),)


def _row(rank: int, uses: list[RankUse], step_s: float | None, fastest_s: float | None) -> Row:
    peaks = [use.peak_memory_bytes for use in uses if use.peak_memory_bytes is not None]
    over = step_s / fastest_s if step_s is not None and fastest_s is not None else None
    last = uses[-1]
    return Row(
        cells=(
            rank,
            last.device or "",
            Quantity(value=step_s, unit="s"),
            Quantity(value=over, unit="x"),
            Quantity(value=_mean([use.data_wait_s for use in uses]), unit="s"),
            Quantity(value=_mean([use.communication_s for use in uses]), unit="s"),
            Quantity(value=max(peaks, default=None), unit="bytes"),
            last.threads,
            ", ".join(map(str, last.cpus)),
        )
    )


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


PLUGIN = Plugin(title=TITLE, order=31, takes=(RunSubject,), render=render)
