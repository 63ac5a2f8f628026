"""One repeat's raw lines -> its figures. Derived on read: the raw lines stay in the tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchbench.record.types import DeviceTelemetry, Figures, Reach, RunWarning
from benchbench.scenario.types import Target
from benchbench.stats.intervals import series_halfwidth
from benchbench.stats.steady import mser5

Line = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RawLines:
    """What one repeat left behind, in time's order."""

    events: tuple[Line, ...]
    telemetry: tuple[Line, ...]

    def of(self, event: str) -> list[Line]:
        """The events of one kind."""
        return [line for line in self.events if line.get("event") == event]

    def last(self, event: str) -> Line | None:
        """The last event of a kind, or None."""
        return next((line for line in reversed(self.events) if line.get("event") == event), None)


def figures(raw: RawLines, confidence: float, peak_memory_bytes: int | None) -> Figures | None:
    """A repeat's figures over its measured steps (those after the warm-up).

    Args:
        raw: the repeat's lines.
        confidence: of the within-run interval.
        peak_memory_bytes: device-wide on an accelerator, else of the process tree.

    Returns:
        None when not one step was measured.
    """
    every = raw.of("step")
    steps = every[warmup_steps(raw) :]
    if not steps:
        return None
    times = np.asarray([s["step_s"] for s in steps], dtype=np.float64)
    measured_s = float(times.sum())
    half = series_halfwidth(times, confidence)
    samples = float(np.mean([s["samples"] for s in steps]))
    waits = [s["data_wait_s"] for s in steps if "data_wait_s" in s]
    begin, end = steps[0]["t"] - steps[0]["step_s"], steps[-1]["t"]
    readings = _InUse(raw.telemetry, begin, end)
    energy_j = readings.energy_j()
    return Figures(
        measured_steps=len(steps),
        warmup_steps=len(every) - len(steps),
        measured_s=measured_s,
        step_s=measured_s / len(steps),
        step_s_halfwidth=half if math.isfinite(half) else None,
        samples_per_step=samples,
        tokens_per_step=float(np.mean([s["tokens"] for s in steps])),
        data_wait_fraction=min(1.0, sum(waits) / measured_s) if len(waits) == len(steps) else None,
        utilization=readings.mean("utilization", "process_utilization"),
        power_w=readings.total_power_w(),
        energy_j_per_sample=None if energy_j is None else energy_j / (end - begin) * measured_s / samples / len(steps),
        peak_memory_bytes=peak_memory_bytes,
        settled=bool((raw.last("steady") or {}).get("settled", True)),
    )


def warmup_steps(raw: RawLines) -> int:
    """How many leading steps are warm-up: what the trainer decided, else its plan, else found here by MSER-5."""
    steady, plan = raw.last("steady"), raw.last("plan")
    if steady is not None:
        return int(steady["warmup_steps"])
    if plan is not None and isinstance(plan.get("warmup"), int):
        return int(plan["warmup"])
    return mser5(np.asarray([s["step_s"] for s in raw.of("step")], dtype=np.float64)) or 0


class _InUse:
    """The telemetry of the devices in use between two moments; the CPU's where no accelerator is in use."""

    def __init__(self, telemetry: Iterable[Line], begin: float, end: float) -> None:
        lines = list(telemetry)
        seen = _header(lines)
        self.devices = [d["device"] for d in seen if d["in_use"] and d["device"] != "cpu"] or ["cpu"]
        self.on_cpu = self.devices == ["cpu"]
        self.lines = [x for x in lines if x.get("device") in self.devices and begin <= x.get("t", -1.0) <= end]

    def mean(self, gpu_column: str, cpu_column: str) -> float | None:
        column = cpu_column if self.on_cpu else gpu_column
        values = [x[column] for x in self.lines if column in x]
        return float(np.mean(values)) if values else None

    def total_power_w(self) -> float | None:
        means = []
        for device in self.devices:
            values = [x["power_w"] for x in self.lines if x["device"] == device and "power_w" in x]
            if not values:
                return None
            means.append(float(np.mean(values)))
        return sum(means)

    def energy_j(self) -> float | None:
        """From the counters, stretched from their first and last reading to the whole window; else power x time."""
        total = 0.0
        if not self.lines:
            return None
        window_s = self.lines[-1]["t"] - self.lines[0]["t"]
        for device in self.devices:
            counter = [(x["t"], x["energy_j"]) for x in self.lines if x["device"] == device and "energy_j" in x]
            if len(counter) < 2 or counter[-1][0] <= counter[0][0] or counter[-1][1] <= counter[0][1]:
                power_w = self.total_power_w()
                return None if power_w is None or window_s <= 0 else power_w * window_s
            total += (counter[-1][1] - counter[0][1]) / (counter[-1][0] - counter[0][0]) * window_s
        return total


def _header(lines: Sequence[Line]) -> list[dict[str, Any]]:
    return next((list(x["header"]["devices"]) for x in lines if "header" in x), [])


def reach(raw: RawLines, target: Target) -> Reach:
    """Whether and when a repeat's held-out metric met the target: the first evaluation that does.

    The time runs from the start of the first step; evaluations stand outside it.
    """
    best: float | None = None
    previous_s = 0.0
    evaluation_s = 0.0
    better = max if target.at_least is not None else min
    for line in raw.of("eval"):
        value = line["metrics"].get(target.metric)
        evaluation_s += line["evaluation_s"]
        if value is None or not math.isfinite(value):
            continue
        best = value if best is None else better(best, value)
        if target.reached_by(value):
            return Reach(
                reached=True,
                time_to_target_s=line["training_s"],
                steps_to_target=line["step"],
                previous_evaluation_s=previous_s,
                best=best,
                evaluation_s=evaluation_s,
            )
        previous_s = line["training_s"]
    return Reach(reached=False, best=best, evaluation_s=evaluation_s)


def device_peak_bytes(raw: RawLines) -> int | None:
    """The largest device-wide memory reading over the accelerators in use; None where there is none."""
    used = {d["device"] for d in _header(raw.telemetry) if d["in_use"] and d["device"] != "cpu"}
    values = [
        int(x["memory_used_bytes"]) for x in raw.telemetry if x.get("device") in used and "memory_used_bytes" in x
    ]
    return max(values, default=None)


def process_peak_bytes(raw: RawLines) -> int | None:
    """The largest resident memory seen of the run's process tree."""
    values = [
        int(x["process_memory_bytes"])
        for x in raw.telemetry
        if x.get("device") == "cpu" and "process_memory_bytes" in x
    ]
    return max(values, default=None)


def seen_devices(raw: RawLines) -> tuple[DeviceTelemetry, ...]:
    """One entry for every device seen, in use or not, with its samples and what it could not answer."""
    counts: dict[str, int] = {}
    lost = set()
    for line in raw.telemetry:
        if line.get("lost"):
            lost.add(line["device"])
        elif "device" in line:
            counts[line["device"]] = counts.get(line["device"], 0) + 1
    return tuple(
        DeviceTelemetry(
            device=d["device"],
            name=d["name"],
            uuid=d.get("uuid"),
            in_use=d["in_use"],
            samples=counts.get(d["device"], 0),
            missing=tuple(d["missing"]),
            lost=d["device"] in lost,
        )
        for d in _header(raw.telemetry)
    )


def telemetry_warnings(devices: Sequence[DeviceTelemetry], raw: RawLines) -> tuple[RunWarning, ...]:
    """What a reader must know of the telemetry: a device that fell off, none at all."""
    found = [
        RunWarning(
            code="device-lost", message=f"{d.device} ({d.name}) stopped answering in mid-run; its series ends there"
        )
        for d in devices
        if d.lost
    ]
    if not devices:
        found.append(RunWarning(code="telemetry-missing", message="no telemetry was recorded in this repeat"))
    foreign = [x["device"] for x in raw.telemetry if x.get("foreign_processes", 0) > 0]
    used = {d.device for d in devices if d.in_use}
    for device in sorted(used.intersection(foreign)):
        found.append(
            RunWarning(code="foreign-process", message=f"other processes were on {device} while it was measured")
        )
    return tuple(found)
