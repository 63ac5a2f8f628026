"""One repeat's raw lines -> its figures. Derived on read: the raw lines stay in the tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from benchbench.record.energy import power
from benchbench.record.readings import InUse
from benchbench.record.types import DeviceTelemetry, Figures, RunWarning
from benchbench.stats.intervals import series_halfwidth
from benchbench.stats.noise_scale import Norms, noise_scale
from benchbench.stats.steady import Unsettled, change_of, warmup_length, why_unsettled

Line = Mapping[str, Any]
_STEP_NUMBERS = ("step", "t", "step_s", "samples", "tokens")
_EVALUATION_NUMBERS = ("step", "t", "training_s", "evaluation_s")
_JUDGED_FROM = 20  # steps: of fewer nobody can say whether they had settled

_UNWATCHED_S = 1.0  # some intervals, so that one late sample is no alarm


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

    def steps(self) -> list[Line]:
        """The steps; one that a broken trainer left without its numbers is no step."""
        return [line for line in self._every_step() if not line.get("earlier")]

    def earlier_steps(self) -> list[Line]:
        """The steps of a process that was killed, which this one went on from; figures leave them out."""
        return [line for line in self._every_step() if line.get("earlier")]

    def _every_step(self) -> list[Line]:
        return [line for line in self.of("step") if _has(line, _STEP_NUMBERS)]

    def evaluations(self) -> list[Line]:
        """The evaluations on the way that say when they were and what they found; not that of the test split."""
        found = [line for line in self.of("eval") if isinstance(line.get("metrics"), dict) and "split" not in line]
        return [line for line in found if _has(line, _EVALUATION_NUMBERS)]


def _has(line: Line, names: Sequence[str]) -> bool:
    return all(is_number(line.get(name)) for name in names)


def is_number(value: object) -> bool:
    """Whether a value is a number with which one can reckon."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def number(value: object) -> float | None:
    """A value if it is a number with which one can reckon."""
    return float(value) if is_number(value) else None  # type: ignore[arg-type]


def figures(
    raw: RawLines, confidence: float, peak_memory_bytes: int | None, idle: tuple[float, float] | None = None
) -> Figures | None:
    """A repeat's figures over its measured steps (those after the warm-up).

    Args:
        raw: the repeat's lines.
        confidence: of the within-run interval.
        peak_memory_bytes: device-wide on an accelerator, else of the process tree.
        idle: when nothing ran, for the power that is subtracted from the training's; None subtracts nothing.

    Returns:
        None when not one step was measured.
    """
    every = raw.steps()
    window = _window(raw, every)
    steps = every[window.warmup_steps :]
    times = np.asarray([s["step_s"] for s in steps], dtype=np.float64)
    measured_s = float(times.sum())
    if measured_s <= 0:
        return None
    half = series_halfwidth(times, confidence)
    samples = float(sum(s["samples"] for s in steps))
    readings = InUse(raw.telemetry, stretches(steps))
    drawn = power(raw.telemetry, stretches(steps), confidence, idle)
    energy_w = drawn.watts if idle is None else drawn.above_idle_w()
    unsettled = _unsettled(raw, every, window)
    return Figures(
        measured_steps=len(steps),
        warmup_steps=len(every) - len(steps),
        measured_s=measured_s,
        step_s=measured_s / len(steps),
        step_s_halfwidth=half if math.isfinite(half) else None,
        samples_per_step=samples / len(steps),
        tokens_per_step=float(np.mean([s["tokens"] for s in steps])),
        data_wait_fraction=_fraction(steps, "data_wait_s", measured_s),
        communication_fraction=_fraction(steps, "communication_s", measured_s),
        hidden_communication_fraction=_fraction(steps, "hidden_communication_s", measured_s),
        utilization=readings.utilization(),
        power_w=readings.power_w(),
        energy_j_per_sample=energy_w * measured_s / samples if energy_w is not None and samples > 0 else None,
        energy_w=drawn.watts,
        energy_by=drawn.by,
        energy_relative_error=drawn.relative_error,
        idle_power_w=drawn.idle_w,
        peak_memory_bytes=peak_memory_bytes,
        warmup_s=max(0.0, sum(s["step_s"] - measured_s / len(steps) for s in every[: window.warmup_steps])),
        compile_s=compile_s(raw),
        gradient_noise_scale=gradient_noise_scale(raw),
        settled=window.settled and unsettled is None,
        unsettled=unsettled,
    )


def _fraction(steps: Sequence[Line], name: str, measured_s: float) -> float | None:
    """The part of the steps' time that they name; None where one of them does not."""
    known = [step[name] for step in steps if is_number(step.get(name))]
    return min(1.0, sum(known) / measured_s) if len(known) == len(steps) else None


def stretches(steps: Sequence[Line]) -> list[tuple[float, float]]:
    """Begin and end of every unbroken row of steps: an evaluation stands between two of them."""
    found: list[tuple[float, float]] = []
    for step in steps:
        begin, end = step["t"] - step["step_s"], step["t"]
        if found and begin <= found[-1][1] + 1e-3:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found


def compile_s(raw: RawLines) -> float | None:
    """Seconds that went into compilation; None where nothing was compiled."""
    spent = [line["compile_s"] for line in raw.of("compile") if is_number(line.get("compile_s"))]
    return float(sum(spent)) if spent else None


def gradient_noise_scale(raw: RawLines) -> float | None:
    """The simple noise scale over a whole training, in samples; None where it was not measured or noise hides it."""
    names = ("chunk_rows", "chunk_square", "rows", "whole_square")
    found = [line for line in raw.of("noise-scale") if _has(line, names) and 0 < line["chunk_rows"] < line["rows"]]
    return noise_scale([Norms(**{name: line[name] for name in names}) for line in found])


class _Window(NamedTuple):
    warmup_steps: int
    settled: bool


def _unsettled(raw: RawLines, steps: Sequence[Line], window: _Window) -> Unsettled | None:
    """Why no steady state was found; for a warm-up that was planned, what changes in the steps after it."""
    times = np.asarray([s["step_s"] for s in steps], dtype=np.float64)
    if not window.settled:
        return why_unsettled(times)
    plan = raw.last("plan") or {}
    planned = plan.get("procedure") == "throughput" and isinstance(plan.get("warmup"), int)
    return change_of(times[window.warmup_steps :]) if planned else None


def warmup_steps(raw: RawLines) -> int:
    """How many leading steps are warm-up: what the trainer decided, else its plan, else found here."""
    return _window(raw, raw.steps()).warmup_steps


def _window(raw: RawLines, steps: Sequence[Line]) -> _Window:
    steady, plan = raw.last("steady"), raw.last("plan") or {}
    if steady is not None:
        return _Window(int(steady["warmup_steps"]), bool(steady.get("settled", True)))
    planned = plan.get("warmup")
    if isinstance(planned, int):
        short_training = plan.get("procedure") == "time-to-target" and planned >= len(steps)
        return _Window(0 if short_training else planned, not short_training)
    found = warmup_length(np.asarray([s["step_s"] for s in steps], dtype=np.float64))
    return _Window(found or 0, found is not None or len(steps) < _JUDGED_FROM)


def _header(raw: RawLines) -> list[dict[str, Any]]:
    return next((list(x["header"]["devices"]) for x in raw.telemetry if "header" in x), [])


def device_peak_bytes(raw: RawLines) -> int | None:
    """The largest device-wide memory reading over the accelerators in use; None where there is none."""
    used = {d["device"] for d in _header(raw) if d["in_use"] and d["device"] != "cpu"}
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
        for d in _header(raw)
    )


def _unwatched_s(raw: RawLines) -> float:
    """Seconds from the last sample of the telemetry to the end of the last step."""
    samples = [x["t"] for x in raw.telemetry if "t" in x]
    steps = raw.steps()
    return float(steps[-1]["t"] - samples[-1]) if samples and steps else 0.0


def telemetry_warnings(devices: Sequence[DeviceTelemetry], raw: RawLines) -> tuple[RunWarning, ...]:
    """What a reader must know of the telemetry: a device that fell off, none at all, an early end."""
    found = [
        RunWarning(
            code="device-lost", message=f"{d.device} ({d.name}) stopped answering in mid-run; its series ends there"
        )
        for d in devices
        if d.lost
    ]
    if not devices:
        found.append(RunWarning(code="telemetry-missing", message="no telemetry was recorded in this repeat"))
    found += [
        RunWarning(code="telemetry-missing", message=f"no sample of {d.device} ({d.name}) was recorded in this repeat")
        for d in devices
        if d.in_use and d.samples == 0 and not d.lost
    ]
    late_s = _unwatched_s(raw)
    if late_s > _UNWATCHED_S:
        message = (
            f"the telemetry ends {late_s:.1f} s before the last step; utilization, power and energy miss that part"
        )
        found.append(RunWarning(code="telemetry-missing", message=message))
    return tuple(found)
