"""What the devices did while the run was measured, on one time axis; what they could not tell, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchbench.record.document import devices
from benchbench.record.metrics import BY_COLUMN
from benchbench.record.types import DeviceTelemetry
from benchbench.report.content import (
    Block,
    Callout,
    Chart,
    Column,
    Panel,
    Paragraph,
    Quantity,
    Row,
    Section,
    Series,
    Table,
)
from benchbench.report.curves import column
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject
from benchbench.report.timeline import Timeline
from benchbench.report.wording import counted, listed, quantity, sentences

if TYPE_CHECKING:
    import pandas as pd

TITLE = tr("Telemetry")
_DEVICES_DRAWN = 8
_SPARSE = 0.5  # a metric that fewer rows than this answer is asked for less often than the others
_DEVICES_LISTED = 64


class _Drawn(NamedTuple):
    """A panel: its label and the columns that it takes from an accelerator and from the CPU."""

    label: str
    accelerator: str
    cpu: str


class _Figure(NamedTuple):
    """A column of the devices' table: its label, the samples' column, and whether their maximum is meant."""

    label: str
    column: str
    is_peak: bool


_FIGURES = (
    _Figure(tr("mean utilization"), "utilization", is_peak=False),
    _Figure(tr("most memory"), "memory_used_bytes", is_peak=True),
    _Figure(tr("mean power"), "power_w", is_peak=False),
    _Figure(tr("mean clock"), "sm_clock_mhz", is_peak=False),
    _Figure(tr("highest temperature"), "temperature_c", is_peak=True),
)
_PANELS = (
    _Drawn(tr("utilization"), "utilization", "process_utilization"),
    _Drawn(tr("memory in use"), "memory_used_bytes", "process_memory_bytes"),
    _Drawn(tr("power"), "power_w", "power_w"),
    _Drawn(tr("clock"), "sm_clock_mhz", "cpu_clock_mhz"),
    _Drawn(tr("temperature"), "temperature_c", "temperature_c"),
)


def render(subject: RunSubject) -> Section | None:
    """Timelines of the devices in use and the CPU, and a table of every device seen."""
    seen = devices(subject.run)
    if not seen:
        told = Paragraph(
            text=tr("No device answered, so there is nothing to draw; the step times above do not depend on it.")
        )
        return Section(title=TITLE, blocks=(told,))
    blocks: list[Block] = []
    if subject.telemetry.problem is not None:
        blocks.append(Callout(tone="warning", title=tr("The samples cannot be shown"), text=subject.telemetry.problem))
    elif subject.telemetry.frame is not None:
        blocks += _chart(subject, subject.telemetry.frame, seen)
    blocks += _missing(seen)
    blocks.append(_table(seen, subject.telemetry.frame))
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
    panels += _throughput(subject, timeline, len(drawn))
    notes = [
        tr("cpu: the share and the resident memory of this run's processes.") if "cpu" in drawn else "",
        left_out,
        timeline.note,
        tr("Red: the driver held clocks down.") if timeline.held_down else "",
        tr("Yellow: no samples were taken.") if timeline.gaps else "",
    ]
    chart = Chart(
        title=tr("Devices over time"),
        x_label=tr("time"),
        x_unit="s",
        panels=tuple(panels),
        spans=(*timeline.unmeasured, *timeline.held_down, *timeline.gaps),
        marks=timeline.starts,
        caption=sentences(notes),
    )
    return [chart]


def _throughput(subject: RunSubject, timeline: Timeline, hue: int) -> list[Panel]:
    """Samples a second, step by step, on the devices' axis; nothing where the steps cannot be read."""
    steps = subject.steps.frame
    if steps is None or not {"t_s", "step_s", "samples"} <= set(steps.columns):
        return []
    rows = timeline.moved(steps).sort_values("t_s", kind="stable")
    seconds = column(rows, "step_s")
    rate = np.divide(column(rows, "samples"), seconds, out=np.full(len(rows), np.nan), where=seconds > 0)
    rate[np.flatnonzero(np.diff(column(rows, "repeat")) != 0)] = np.nan
    if not np.isfinite(rate).any():
        return []
    series = Series(name=tr("all devices"), x=column(rows, "t_s"), y=rate, hue=hue)
    return [Panel(label=tr("throughput"), unit="samples/s", series=(series,), from_zero=True)]


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
    note = tr(
        "Of {used} devices in use {drawn} are drawn: the least utilized, the most utilized and "
        "some between; telemetry.parquet holds all.",
        used=len(used),
        drawn=_DEVICES_DRAWN,
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
        who = listed(names) if len(names) <= 4 else tr("{told} and {count} more", told=names[0], count=len(names) - 1)
        told.append(
            tr("{who} did not tell {metrics}.", who=who, metrics=listed([m.replace("_", " ") for m in missing]))
        )
    return [Paragraph(text=sentences(told), tone="muted")] if told else []


def _table(seen: tuple[DeviceTelemetry, ...], frame: pd.DataFrame | None) -> Table:
    """Every device with its means, so that one that lags behind the others stands out."""
    ordered = sorted(seen, key=lambda d: (not d.lost, not d.in_use))
    of = {} if frame is None else {str(device): rows for device, rows in frame.groupby("device")}
    known = [figure for figure in _FIGURES if any(_figure(of.get(d.device), figure) is not None for d in seen)]
    rows = tuple(
        Row(
            cells=(
                d.device, d.name, _state(d), d.samples,
                *(Quantity(value=_figure(of.get(d.device), one), unit=BY_COLUMN[one.column].unit) for one in known),
            ),
            tone="bad" if d.lost else "plain",
        )
        for d in ordered[:_DEVICES_LISTED]
    )  # fmt: skip
    left = len(seen) - len(rows)
    columns = (
        Column(title=tr("device")), Column(title=tr("name")), Column(title=tr("state")),
        Column(title=tr("samples"), numeric=True),
        *(Column(title=one.label, numeric=True) for one in known),
    )  # fmt: skip
    notes = [
        tr("And {devices} more; the record holds all.", devices=counted(left, "device")) if left else "",
        _spread([d for d in seen if d.in_use and d.device != "cpu"], of),
    ]
    return Table(columns=columns, rows=rows, note=sentences(notes))


def _state(device: DeviceTelemetry) -> str:
    if device.lost:
        return tr("lost in mid-run")
    return tr("in use") if device.in_use else tr("idle")


def _figure(rows: pd.DataFrame | None, figure: _Figure) -> float | None:
    """The mean or the most of a device's samples; None where it has none."""
    values = np.empty(0) if rows is None else column(rows, figure.column)
    finite = values[np.isfinite(values)]
    if not len(finite):
        return None
    return float(finite.max() if figure.is_peak else finite.mean())


def _spread(used: list[DeviceTelemetry], of: Mapping[str, pd.DataFrame]) -> str:
    """How far the devices in use lie apart, where there are several: one that lags holds all of them up."""
    known = [(value, d.device) for d in used if (value := _figure(of.get(d.device), _FIGURES[0])) is not None]
    if len(known) < 2:
        return ""
    (least, slow), (most, busy) = min(known), max(known)
    return tr(
        "Mean utilization over the devices in use goes from {least} ({slow}) to {most} ({busy}).",
        least=quantity(least, "fraction"),
        slow=slow,
        most=quantity(most, "fraction"),
        busy=busy,
    )


PLUGIN = Plugin(title=TITLE, order=40, takes=(RunSubject,), render=render)
