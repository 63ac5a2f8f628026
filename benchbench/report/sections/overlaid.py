"""The runs of a comparison over each other in time, from the first step: what the devices and the training did."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchbench.record.document import devices
from benchbench.report.content import Array, Chart, Panel, Section, Series
from benchbench.report.curves import column
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.sections.verdict import letter
from benchbench.report.subject import ComparisonSubject, RunSubject
from benchbench.report.wording import sentences

if TYPE_CHECKING:
    import pandas as pd

TITLE = tr("Over time, over each other")
_MOST = 8


class _Line(NamedTuple):
    """One course of one run: seconds since the first step, and the values."""

    at_s: Array
    values: Array


class _Kind(NamedTuple):
    """A panel: its label and unit, the telemetry column of an accelerator and that of a CPU, and where it begins."""

    label: str
    unit: str
    accelerator: str
    cpu: str
    from_zero: bool


_KINDS = (
    _Kind(tr("utilization"), "fraction", "utilization", "process_utilization", from_zero=True),
    _Kind(tr("memory in use"), "bytes", "memory_used_bytes", "process_memory_bytes", from_zero=True),
    _Kind(tr("power"), "W", "power_w", "power_w", from_zero=True),
    _Kind(tr("clock"), "MHz", "sm_clock_mhz", "cpu_clock_mhz", from_zero=False),
    _Kind(tr("temperature"), "°C", "temperature_c", "temperature_c", from_zero=False),
)


def render(subject: ComparisonSubject) -> Section | None:
    """A line a run, of its first repeat that can be shown; None where no two can."""
    runs = [(i, run, first) for i, run in enumerate(subject.runs[:_MOST]) if (first := _first(run)) is not None]
    if len(runs) < 2:
        return None
    rates = [(i, _throughput(run, *first)) for i, run, first in runs]
    losses = [(i, _loss(run, *first)) for i, run, first in runs]
    of_devices = [(kind, [(i, _device(run, *first, kind)) for i, run, first in runs]) for kind in _KINDS]
    panels = [
        _panel(tr("throughput"), "samples/s", rates, from_zero=True),
        *(_panel(kind.label, kind.unit, lines, kind.from_zero) for kind, lines in of_devices),
        _panel(tr("training loss"), "", losses, from_zero=False),
    ]
    shown = tuple(panel for panel in panels if panel is not None)
    if not shown:
        return None
    chart = Chart(
        title=tr("The first repeat of each run"),
        x_label=tr("time since the first step"),
        x_unit="s",
        panels=shown,
        caption=sentences([
            tr("Of several devices the first in use is drawn; the page of a run has all of them."),
            tr("The first {most} runs are drawn.", most=_MOST) if len(subject.runs) > _MOST else "",
        ]),
    )  # fmt: skip
    return Section(title=TITLE, blocks=(chart,))


def _first(run: RunSubject) -> tuple[int, float] | None:
    """The first repeat with steps, and when its first step began, in seconds."""
    frame = run.steps.frame
    if frame is None or not {"repeat", "t_s", "step_s"} <= set(frame.columns) or not len(frame):
        return None
    began = frame.assign(begin_s=column(frame, "t_s") - column(frame, "step_s")).groupby("repeat")["begin_s"].min()
    known = began[np.isfinite(began)]
    return None if known.empty else (int(str(known.index[0])), float(known.iloc[0]))


def _of(frame: pd.DataFrame, repeat: int, begin_s: float) -> tuple[pd.DataFrame, Array]:
    """The rows of a repeat in time's order, and their times since its first step."""
    rows = frame[frame["repeat"] == repeat].sort_values("t_s", kind="stable")
    return rows, column(rows, "t_s") - begin_s


def _throughput(run: RunSubject, repeat: int, begin_s: float) -> _Line | None:
    frame = run.steps.frame
    assert frame is not None
    rows, at = _of(frame, repeat, begin_s)
    seconds = column(rows, "step_s")
    rate = np.divide(column(rows, "samples"), seconds, out=np.full(len(rows), np.nan), where=seconds > 0)
    return _line(at, rate)


def _loss(run: RunSubject, repeat: int, begin_s: float) -> _Line | None:
    frame = run.steps.frame
    assert frame is not None
    rows, at = _of(frame, repeat, begin_s)
    return _line(at, column(rows, "loss"))


def _device(run: RunSubject, repeat: int, begin_s: float, kind: _Kind) -> _Line | None:
    """Of the first accelerator in use that answers, else of the CPU."""
    frame = run.telemetry.frame
    if frame is None or not {"repeat", "t_s", "device"} <= set(frame.columns):
        return None
    rows, _ = _of(frame, repeat, begin_s)
    seen = [d.device for d in devices(run.run) if d.in_use and d.device != "cpu"]
    for device in [*seen, "cpu"]:
        mine, at = _of(rows[rows["device"] == device], repeat, begin_s)
        line = _line(at, column(mine, kind.cpu if device == "cpu" else kind.accelerator), answered_only=True)
        if line is not None:
            return line
    return None


def _line(at_s: Array, values: Array, *, answered_only: bool = False) -> _Line | None:
    """None where nothing in it is a number; a metric that is asked for seldom leaves no holes between its answers."""
    known = np.isfinite(values)
    if not known.any():
        return None
    return _Line(at_s[known], values[known]) if answered_only else _Line(at_s, values)


def _panel(label: str, unit: str, lines: list[tuple[int, _Line | None]], from_zero: bool) -> Panel | None:
    """None where fewer than two runs have it: there is nothing to lay over each other."""
    series = tuple(
        Series(name=letter(i), x=line.at_s, y=line.values, hue=i) for i, line in lines if line is not None
    )  # fmt: skip
    return Panel(label=label, unit=unit, series=series, from_zero=from_zero) if len(series) > 1 else None


PLUGIN = Plugin(title=TITLE, order=32, takes=(ComparisonSubject,), render=render)
