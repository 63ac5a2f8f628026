"""Every run of a comparison against every other, where there are more than two."""

from __future__ import annotations

from benchbench.record.comparing import Pair, every_pair
from benchbench.report.content import Cell, Column, Row, Section, Table
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.sections.verdict import letter
from benchbench.report.subject import ComparisonSubject
from benchbench.report.wording import VERDICTS, counted

TITLE = tr("Every run against every other")
_MOST = 12


def render(subject: ComparisonSubject) -> Section | None:
    """A row and a column a run; None for two of them, whose verdict says all."""
    runs = [run.run for run in subject.runs[:_MOST]]
    if len(runs) < 3:
        return None
    pairs = every_pair(runs, subject.comparison.threshold)
    columns = (
        Column(title=tr("over")), Column(title=tr("run"), minor=True),
        *(Column(title=letter(i)) for i in range(len(runs))),
    )  # fmt: skip
    rows = tuple(
        Row(cells=(letter(b), run.id, *(_cell(pairs.get((a, b))) for a in range(len(runs)))))
        for b, run in enumerate(runs)
    )
    each = 100 * next(iter(pairs.values())).ratio.confidence
    note = tr(
        "What the run of a row is beside the one of a column, and the ratio of the row's metric over the column's. The "
        "verdicts of all {pairs} hold together: each interval has {each} % (Bonferroni), more than above, where the "
        "runs stand against the first alone.",
        pairs=counted(len(runs) * (len(runs) - 1) // 2, "pair"),
        each=f"{each:.4g}",
    )
    return Section(title=TITLE, blocks=(Table(columns=columns, rows=rows, note=note),))


def _cell(pair: Pair | None) -> Cell:
    if pair is None:
        return None
    told = tr("{verdict}, {ratio}", verdict=VERDICTS[pair.verdict], ratio=f"{pair.ratio.value:.3f}")
    return tr("{told}, target lost", told=told) if pair.target_lost else told


PLUGIN = Plugin(title=TITLE, order=12, takes=(ComparisonSubject,), render=render)
