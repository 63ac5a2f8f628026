"""What the devices did while the run was measured, on one time axis; what they could not tell, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchbench.record.document import devices
from benchbench.record.metrics import BY_COLUMN
from benchbench.record.types import DeviceTelemetry
from benchbench.report.content import Block, Callout, Chart, Column, Panel, Paragraph, Row, Section, Series, Table
from benchbench.report.curves import column
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject
from benchbench.report.timeline import Timeline
from benchbench.report.wording import counted, listed

if TYPE_CHECKING:
    import pandas as pd

TITLE = "Telemetry"
_DEVICES_DRAWN = 8
_SPARSE = 0.5  # a metric that fewer rows than this answer is asked for less often than the others
_DEVICES_LISTED = 64


class _Drawn(NamedTuple):
    """A panel: its label and the columns that it takes from an accelerator and from the CPU."""

    label: str
    accelerator: str
    cpu: str


_PANELS = (
    _Drawn("utilization", "utilization", "process_utilization"),
    _Drawn("memory in use", "memory_used_bytes", "process_memory_bytes"),
    _Drawn("power", "power_w", "power_w"),
    _Drawn("clock", "sm_clock_mhz", "cpu_clock_mhz"),
    _Drawn("temperature", "temperature_c", "temperature_c"),
)


def render(subject: RunSubject) -> Section | None:
    """Timelines of the devices in use and the CPU, and a table of every device seen."""
    seen = devices(subject.run)
    if not seen:
        told = Paragraph(
            text="No device answered, so there is nothing to draw; the step times above do not depend on it."
        )
        return Section(title=TITLE, blocks=(told,))
    blocks: list[Block] = []
    if subject.telemetry.problem is not None:
        blocks.append(Callout(tone="warning", title="The samples cannot be shown", text=subject.telemetry.problem))
    elif subject.telemetry.frame is not None:
        blocks += _chart(subject, subject.telemetry.frame, seen)
    blocks += _missing(seen)
    blocks.append(_table(seen))
    return Section(title=TITLE, blocks=tuple(blocks))


def _chart(subject: RunSubject, frame: pd.DataFrame, seen: tuple[DeviceTelemetry, ...]) -> list[Block]:
    drawn, left_out = _chosen(frame, seen)
    timeline = Timeline(frame, subject.steps.frame)
    rows = {device: timeline.frame[timeline.frame["device"] == device] for device in drawn}
    panels = []
    for label, accelerator, cpu in _PANELS:
        series = [_series(rows[d], d, cpu if d == "cpu" else accelerator, hue) for hue, d in enumerate(drawn)]
        shown = tuple(s for s in series if s is not None)
        if shown:
            unit = BY_COLUMN[accelerator].unit
            panels.append(Panel(label=label, unit=unit, series=shown, from_zero=label != "temperature"))
    if not panels:
        return []
    notes = [
        "cpu: the share and the resident memory of this run's processes." if "cpu" in drawn else "",
        left_out,
        timeline.note,
    ]
    chart = Chart(
        title="Devices over time",
        x_label="time",
        x_unit="s",
        panels=tuple(panels),
        spans=timeline.unmeasured,
        marks=timeline.starts,
        caption=" ".join(note for note in notes if note),
    )
    return [chart]


def _series(rows: pd.DataFrame, device: str, name: str, hue: int) -> Series | None:
    """One metric of a device; a metric that is asked for less often than others leaves no holes between its answers."""
    values, at = column(rows, name), column(rows, "t_s")
    answered = np.isfinite(values)
    if not answered.any():
        return None
    joints = ~np.isfinite(column(rows, "process_utilization" if device == "cpu" else "memory_used_bytes"))
    kept = answered | joints if answered.mean() < _SPARSE else np.ones(len(values), dtype=bool)
    return Series(name=device, x=at[kept], y=values[kept], hue=hue)


def _chosen(frame: pd.DataFrame, seen: tuple[DeviceTelemetry, ...]) -> tuple[list[str], str]:
    """The devices drawn: those in use and the CPU; of many, the least and the busiest and some between."""
    used = [d.device for d in seen if d.in_use and d.device != "cpu"]
    cpu = [d.device for d in seen if d.device == "cpu"]
    if len(used) <= _DEVICES_DRAWN:
        return [*used, *cpu], ""
    means = frame.groupby("device")["utilization"].mean()
    ranked = sorted(used, key=lambda device: float(np.nan_to_num(means.get(device, 0.0))))
    picks = np.linspace(0, len(ranked) - 1, _DEVICES_DRAWN).round().astype(int)
    note = (
        f"Of {len(used)} devices in use {_DEVICES_DRAWN} are drawn: the least utilized, the most utilized and some "
        "between; telemetry.parquet holds all."
    )
    return [*(ranked[i] for i in picks), *cpu], note


def _missing(seen: tuple[DeviceTelemetry, ...]) -> list[Block]:
    """What was not answered, devices of one answer together."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for device in seen:
        if device.missing:
            alike.setdefault(device.missing, []).append(device.device)
    told = []
    for missing, names in alike.items():
        who = listed(names) if len(names) <= 4 else f"{names[0]} and {len(names) - 1} more"
        told.append(f"{who} did not tell {listed([m.replace('_', ' ') for m in missing])}.")
    return [Paragraph(text=" ".join(told), tone="muted")] if told else []


def _table(seen: tuple[DeviceTelemetry, ...]) -> Table:
    rows = tuple(
        Row(
            cells=(
                d.device,
                d.name,
                "in use" if d.in_use else "idle",
                d.samples,
                "lost in mid-run" if d.lost else "answered",
            ),
            tone="bad" if d.lost else "plain" if d.in_use else "muted",
        )
        for d in sorted(seen, key=lambda d: not d.lost)[:_DEVICES_LISTED]
    )
    left = len(seen) - len(rows)
    columns = (
        Column(title="device"), Column(title="name"), Column(title="role"), Column(title="samples", numeric=True),
        Column(title="state"),
    )  # fmt: skip
    note = f"And {counted(left, 'device')} more; the record holds all." if left else ""
    return Table(columns=columns, rows=rows, note=note)


PLUGIN = Plugin(title=TITLE, order=40, takes=(RunSubject,), render=render)
