"""What the memory was for, and how near it came to its limit."""

from __future__ import annotations

from benchbench.record.memory import MemoryPhases, MemoryUse
from benchbench.report.content import Block, Column, Quantity, Row, Section, Table
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject

TITLE = "Memory"
_PEAKS = {
    "allocated_bytes": "in tensors (the device's allocator)",
    "reserved_bytes": "held by the allocator",
    "device_bytes": "in use on the device, by anyone",
    "resident_bytes": "resident on the host, all processes",
}
_PHASES = {
    "parameters_bytes": "parameters and buffers",
    "gradients_bytes": "gradients",
    "optimizer_bytes": "optimizer's state",
    "averages_bytes": "averaged weights and masks",
    "activations_bytes": "activations of a micro-batch",
    "temporary_bytes": "temporary",
}


def render(subject: RunSubject) -> Section | None:
    """Peaks beside the limit, and the phases of a step; None where nothing is known."""
    uses = [r.memory for r in subject.run.repeats if r.memory is not None]
    peaks = _peaks(subject, uses)
    phases = next((use.phases for use in uses if use.phases is not None), None)
    blocks: list[Block] = [peaks] if peaks.rows else []
    if phases is not None:
        blocks.append(_phases(phases))
    return Section(title=TITLE, blocks=tuple(blocks)) if blocks else None


def _peaks(subject: RunSubject, uses: list[MemoryUse]) -> Table:
    """The largest of each peak over the repeats, beside the limit that it runs up against."""
    on_device, on_host = _limits(subject)
    rows = []
    for name, label in _PEAKS.items():
        known = [value for use in uses if (value := getattr(use, name)) is not None]
        limit = on_host if name == "resident_bytes" else on_device
        if known:
            share = max(known) / limit if limit else None
            whole, part = _bytes(limit), Quantity(value=share, unit="fraction")
            rows.append(Row(cells=(label, _bytes(max(known)), whole, part)))
    columns = (
        Column(title="peak"), Column(title="memory", numeric=True), Column(title="limit", numeric=True),
        Column(title="share", numeric=True),
    )  # fmt: skip
    return Table(columns=columns, rows=tuple(rows), note="Of the measured part of every repeat, the largest.")


def _limits(subject: RunSubject) -> tuple[float | None, float | None]:
    """Bytes of the device and of the host, the scenario's own limit included."""
    machine, own = subject.machine, subject.scenario.hardware.memory_limit
    host = min(limit for limit in (machine.memory_bytes, machine.memory_limit_bytes, own) if limit is not None)
    device = machine.devices[0].memory_bytes if machine.devices else None
    return device, host


def _phases(phases: MemoryPhases) -> Table:
    values = {label: getattr(phases, name) for name, label in _PHASES.items()}
    rows = tuple(Row(cells=(label, _bytes(value))) for label, value in values.items() if value != 0)
    columns = (Column(title="of a step"), Column(title="memory", numeric=True))
    note = (
        "Seen on one step after the measured ones. Temporary is the most that forward pass, backward pass or update "
        "needed above its ends; it is known where the device's allocator can be asked."
    )
    return Table(columns=columns, rows=rows, note=note)


def _bytes(value: float | None) -> Quantity:
    return Quantity(value=value, unit="bytes")


PLUGIN = Plugin(title=TITLE, order=34, takes=(RunSubject,), render=render)
