"""What happened to a repeat from outside while it was measured: others at work, heat, swapping, a pause.

Each is told as a warning. Those that make a single repeat differ from the next one make it suspect, and worth measuring
again; what would only be there again (a power limit, a clock on the wall that is set) does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from benchbench.record.figures import RawLines, stretches, warmup_steps
from benchbench.record.readings import Line, Stretches, devices_in_use
from benchbench.record.types import RunWarning, WarningCode
from benchbench.units import human

# The CPUs are all in use above this; others then take from the run what they get.
_BUSY = 0.9
_FOREIGN_CPUS = 0.1
_FOREIGN_SHARE = 0.01  # of the machine's CPUs: daemons of a large one use more than a tenth of a CPU together
_FOREIGN_IDLE_SHARE = 0.1  # of them, where there are CPUs to spare: they still share caches, memory and heat
_SWAPPED_BYTES = 8 * 2**20
_PAUSE_S = 2.0
_PAUSED_UTILIZATION = 0.05
_SLEPT_S = 0.1
_CLOCK_JUMP_S = 0.1
_CLOCK_DROP = 0.1
_FEWEST_IN_A_THIRD = 3
_WARMED_C = 5.0
_SLOWED = 0.01
# Bits of NVML's clocks event reasons (nvml.h, nvmlClocksEventReason*).
_POWER_CAP = 0x4
_HELD_DOWN = {0x8: "hardware slowdown", 0x20: "heat", 0x40: "heat (hardware)", 0x80: "the power brake"}
_HELD_DOWN_SHARE = 0.01
_POWER_CAP_SHARE = 0.5


class Disturbance(NamedTuple):
    """A warning, and whether the repeat's numbers are suspect for it."""

    warning: RunWarning
    suspect: bool


def disturbances(raw: RawLines) -> tuple[Disturbance, ...]:
    """Everything that disturbed a repeat's steps: those that are measured; all of them in a training to a target."""
    steps = raw.steps()
    trains = (raw.last("plan") or {}).get("procedure") == "time-to-target"
    steps = steps if trains else steps[warmup_steps(raw) :]
    if not steps:
        return ()
    watched = _Watched(raw, steps)
    found = (_foreign_load, _foreign_processes, _held_down, _clock_drop, _warmed, _swapping, _stopped, _paused, _clock)
    return tuple(one for look in found for one in look(watched))


class _Watched:
    """The readings of the stretches that count."""

    def __init__(self, raw: RawLines, steps: Sequence[Line]) -> None:
        spans = stretches(steps)
        inside = Stretches(spans)
        self.step_s = np.asarray([s["step_s"] for s in steps], dtype=np.float64)
        self.cpus = next((int(x["header"].get("cpus", 1)) for x in raw.telemetry if "header" in x), 1)
        lines = [x for x in raw.telemetry if "t" in x]
        used = devices_in_use(raw.telemetry)
        self.of = {name: [x for x in lines if x.get("device") == name and inside.hold(x)] for name in used}
        self._begin_s, self._end_s = spans[0][0], spans[-1][1]
        self._cpu = [x for x in lines if x.get("device") == "cpu"]
        self.cpu = [x for x in self._cpu if inside.hold(x)]
        self.cpu_throughout = [x for x in self._cpu if self._begin_s <= x["t"] <= self._end_s]

    def counter(self, column: str) -> list[float]:
        """The readings of a counter of the CPU's, from the last one before the first step to the last one within."""
        known = [(x["t"], float(x[column])) for x in self._cpu if column in x and x["t"] <= self._end_s]
        before = sum(t <= self._begin_s for t, _ in known)
        return [value for _, value in known[max(0, before - 1) :]]

    def counted(self, column: str) -> float:
        """How much a counter of the CPU's grew."""
        values = self.counter(column)
        return values[-1] - values[0] if values else 0.0


def _foreign_load(watched: _Watched) -> Iterator[Disturbance]:
    """Others on the CPUs. With none to spare, they take theirs from the run."""
    lines = [x for x in watched.cpu if "foreign_cpus" in x and "utilization" in x]
    if not lines:
        return
    foreign = np.asarray([x["foreign_cpus"] for x in lines])
    busy = np.asarray([x["utilization"] for x in lines]) >= _BUSY
    taken, mean = float((foreign * busy).mean()), float(foreign.mean())
    if taken >= max(_FOREIGN_CPUS, _FOREIGN_SHARE * watched.cpus):
        yield _told(
            "foreign-process",
            f"others used {mean:.1f} of the machine's {watched.cpus} CPUs while it was measured, and none was left",
            suspect=True,
        )
    elif mean >= _FOREIGN_IDLE_SHARE * watched.cpus:
        yield _told(
            "foreign-process", f"others used {mean:.1f} of the machine's {watched.cpus} CPUs while it was measured"
        )


def _foreign_processes(watched: _Watched) -> Iterator[Disturbance]:
    """Others on the accelerators."""
    for device, lines in watched.of.items():
        if any(x.get("foreign_processes", 0) > 0 for x in lines):
            yield _told("foreign-process", f"other processes were on {device} while it was measured", suspect=True)


def _held_down(watched: _Watched) -> Iterator[Disturbance]:
    """What the driver says of the clocks."""
    for device, lines in watched.of.items():
        reasons = [int(x["throttle_reasons"]) for x in lines if "throttle_reasons" in x]
        if not reasons:
            continue
        shares = {name: sum(bool(r & bit) for r in reasons) / len(reasons) for bit, name in _HELD_DOWN.items()}
        why = [f"{name} ({share:.0%} of the time)" for name, share in shares.items() if share >= _HELD_DOWN_SHARE]
        if why:
            yield _told("throttled", f"the clocks of {device} were held down by {', '.join(why)}", suspect=True)
            continue
        capped = sum(bool(r & _POWER_CAP) for r in reasons) / len(reasons)
        if capped >= _POWER_CAP_SHARE:
            yield _told("throttled", f"{device} ran at its power limit for {capped:.0%} of the time")


def _clock_drop(watched: _Watched) -> Iterator[Disturbance]:
    """A clock that is lower at the end than at the beginning."""
    for device, lines in watched.of.items():
        found = _ends(lines, "cpu_clock_mhz" if device == "cpu" else "sm_clock_mhz")
        if found is not None and found.last < (1 - _CLOCK_DROP) * found.first:
            yield _told(
                "throttled",
                f"the clock of {device} fell from {found.first:.0f} to {found.last:.0f} MHz while it was measured",
                suspect=True,
            )


def _warmed(watched: _Watched) -> Iterator[Disturbance]:
    """A device that grew warmer, and slower with it."""
    third = len(watched.step_s) // 3
    if not third:
        return
    slowed = float(np.median(watched.step_s[-third:]) / np.median(watched.step_s[:third])) - 1
    for device, lines in watched.of.items():
        found = _ends(lines, "temperature_c")
        if found is not None and found.last - found.first >= _WARMED_C and slowed >= _SLOWED:
            yield _told(
                "thermal-drift",
                f"{device} went from {found.first:.0f} to {found.last:.0f} °C while it was measured, and the steps "
                f"became {slowed:.1%} slower",
            )


def _swapping(watched: _Watched) -> Iterator[Disturbance]:
    moved = watched.counted("swap_traffic_bytes")
    if moved >= _SWAPPED_BYTES:
        told = human(int(moved), "bytes")
        yield _told("swapping", f"the machine swapped {told} in and out while it was measured", suspect=True)


def _stopped(watched: _Watched) -> Iterator[Disturbance]:
    """A process of the run that was stopped, or a machine that slept."""
    count = sum(x.get("stopped_processes", 0) > 0 for x in watched.cpu_throughout)
    if count:
        share = count / len(watched.cpu_throughout)
        yield _told("suspended", f"the run was stopped from outside for about {share:.0%} of its time", suspect=True)
    slept_s = watched.counted("suspended_s")
    if slept_s >= _SLEPT_S:
        yield _told("suspended", f"the machine slept for {human(slept_s, 's')} while it was measured", suspect=True)


def _paused(watched: _Watched) -> Iterator[Disturbance]:
    """A hole in the telemetry in which the run used no CPU either: everything stood still."""
    holes = [
        after["t"] - before["t"]
        for before, after in pairwise(watched.cpu_throughout)
        if after["t"] - before["t"] >= _PAUSE_S and after.get("process_utilization", 1.0) < _PAUSED_UTILIZATION
    ]
    if holes:
        yield _told("suspended", f"nothing ran here for {human(sum(holes), 's')}: the machine was paused", suspect=True)


def _clock(watched: _Watched) -> Iterator[Disturbance]:
    """A clock on the wall that was set. Steps are timed by another one; a machine that slept is told of elsewhere."""
    if watched.counted("suspended_s") >= _SLEPT_S:
        return
    jumps = [abs(after - before) for before, after in pairwise(watched.counter("clock_offset_s"))]
    if jumps and max(jumps) >= _CLOCK_JUMP_S:
        yield _told(
            "clock-jump",
            f"the system's clock was set by {human(max(jumps), 's')} while it was measured; steps are timed by a clock "
            "that nobody sets",
        )


class _Ends(NamedTuple):
    first: float
    last: float


def _ends(lines: Sequence[Line], column: str) -> _Ends | None:
    """Medians of the first and of the last third of a series; None where it is too short for that."""
    values = [x[column] for x in lines if column in x]
    third = len(values) // 3
    if third < _FEWEST_IN_A_THIRD:
        return None
    return _Ends(float(np.median(values[:third])), float(np.median(values[-third:])))


def _told(code: WarningCode, message: str, *, suspect: bool = False) -> Disturbance:
    return Disturbance(RunWarning(code=code, message=message), suspect)
