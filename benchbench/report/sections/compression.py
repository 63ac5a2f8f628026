"""What compression bought: size, speed and metrics, dense beside compressed."""

from __future__ import annotations

from benchbench.record.compression import CompressionSummary
from benchbench.report.content import Cell, Column, Quantity, Row, Section, Table
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject
from benchbench.report.wording import value_of

TITLE = tr("Dense beside compressed")


def render(subject: RunSubject) -> Section | None:
    """One row a property, the mean over the repeats; None for a run without compression."""
    effect = subject.summary.compression
    if effect is None:
        return None
    columns = (
        Column(title=""),
        Column(title=tr("as trained"), numeric=True),
        Column(title=tr("compressed"), numeric=True),
        Column(title=tr("compressed / as trained"), numeric=True, minor=True),
    )
    note = tr(
        "The target looks at the compressed model; making it takes {conversion_s} and counts as training."
        " The size of pruned weights holds their zeros.",
        conversion_s=value_of(effect.conversion_s),
    )
    return Section(title=TITLE, blocks=(Table(columns=columns, rows=_rows(effect), note=note),))


def _rows(effect: CompressionSummary) -> tuple[Row, ...]:
    dense, compressed = effect.dense, effect.compressed
    speeds = dense.inference_samples_per_s, compressed.inference_samples_per_s
    return (
        _row(tr("size"), dense.size_bytes, compressed.size_bytes, "bytes"),
        _row(tr("parameters that are not zero"), dense.nonzero_parameters, compressed.nonzero_parameters, ""),
        Row(cells=(tr("inference"), *speeds, _ratio(*(speed.value for speed in speeds)))),
        *(_row(name, dense.metrics.get(name), value, "") for name, value in compressed.metrics.items()),
    )


def _row(label: str, dense: float | None, compressed: float, unit: str) -> Row:
    cells = (label, Quantity(value=dense, unit=unit), Quantity(value=compressed, unit=unit))
    return Row(cells=(*cells, _ratio(dense, compressed)))


def _ratio(dense: float | None, compressed: float) -> Cell:
    return Quantity(value=compressed / dense, unit="") if dense else None


PLUGIN = Plugin(title=TITLE, order=27, takes=(RunSubject,), render=render)
