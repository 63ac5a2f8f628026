"""What the memory was for, and how near it came to its limit."""

from __future__ import annotations

from benchbench.record.memory import MemoryPhases, MemoryUse
from benchbench.report.content import Block, Column, Quantity, Row, Section, Table
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject

TITLE = tr("Memory")
_PEAKS = {
    "allocated_bytes": tr("in tensors (the device's allocator)"),
    "reserved_bytes": tr("held by the allocator"),
    "device_bytes": tr("in use on the device, by anyone"),
    "resident_bytes": tr("resident on the host, all processes"),
}
_PHASES = {
    "parameters_bytes": tr("parameters and buffers"),
    "gradients_bytes": tr("gradients"),
    "optimizer_bytes": tr("optimizer's state"),
    "averages_bytes": tr("averaged weights and masks"),
    "activations_bytes": tr("activations of a micro-batch"),
    "temporary_bytes": tr("temporary"),
}


def render(subject: RunSubject) -> Section | None:
    """Peaks beside the limit, and the phases of a step; None where nothing is known."""
    uses = [r.memory for r in subject.run.repeats if r.memory is not None]
    peaks = _peaks(subject, uses)
    phases = next((use.phases for use in uses if use.phases is not None), None)
    blocks: list[Block] = [peaks] if peaks.rows else []
    if phases is not None:
        on_device, on_host = _limits(subject)
        blocks.append(_phases(phases, on_device or on_host))
    return Section(title=TITLE, blocks=tuple(blocks)) if blocks else None


def _peaks(subject: RunSubject, uses: list[MemoryUse]) -> Table:
    """The largest of each peak over the repeats, beside the limit that it runs up against."""
    on_device, on_host = _limits(subject)
    rows = []
    for name, label in _PEAKS.items():
        known = [value for use in uses if (value := getattr(use, name)) is not None]
        limit = on_host if name == "resident_bytes" else on_device
        if known:
            rows.append(Row(cells=(label, _bytes(max(known)), _bytes(limit), _share(max(known), limit))))
    columns = (
        Column(title=tr("peak")), Column(title=tr("memory"), numeric=True), Column(title=tr("limit"), numeric=True),
        Column(title=tr("share of the limit"), numeric=True, meter=True),
    )  # fmt: skip
    return Table(columns=columns, rows=tuple(rows), note=tr("Of the measured part of every repeat, the largest."))


def _limits(subject: RunSubject) -> tuple[float | None, float | None]:
    """Bytes of the device and of the host, the scenario's own limit included."""
    machine, own = subject.machine, subject.scenario.hardware.memory_limit
    host = min(limit for limit in (machine.memory_bytes, machine.memory_limit_bytes, own) if limit is not None)
    device = machine.devices[0].memory_bytes if machine.devices else None
    return device, host


def _phases(phases: MemoryPhases, limit: float | None) -> Table:
    """What each phase takes, and its share of the limit that it runs up against."""
    values = {label: getattr(phases, name) for name, label in _PHASES.items()}
    rows = tuple(
        Row(cells=(label, _bytes(value), _share(value, limit))) for label, value in values.items() if value != 0
    )
    columns = (
        Column(title=tr("of a step")), Column(title=tr("memory"), numeric=True),
        Column(title=tr("share of the limit"), numeric=True, meter=True),
    )  # fmt: skip
    note = tr(
        "Seen on one step after the measured ones. Temporary is the most that forward pass, backward pass or update "
        "needed above its ends; it is known where the device's allocator can be asked."
    )
    return Table(columns=columns, rows=rows, note=note)


def _share(value: float | None, limit: float | None) -> Quantity:
    return Quantity(value=value / limit if limit and value is not None else None, unit="fraction")


def _bytes(value: float | None) -> Quantity:
    return Quantity(value=value, unit="bytes")


PLUGIN = Plugin(title=TITLE, order=34, takes=(RunSubject,), render=render)
