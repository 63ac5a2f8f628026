"""What a machine's devices can do, with what is known of it: several readings, on a machine that is watched."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager

from benchbench.executors.observation import observed
from benchbench.executors.peak_book import PeakBook
from benchbench.record.disturbances import disturbances
from benchbench.record.figures import RawLines
from benchbench.record.measured_peak import MeasuredPeak
from benchbench.record.peaks import Peak
from benchbench.record.readings import Line
from benchbench.record.types import RunWarning
from benchbench.scenario.scenario import Scenario
from benchbench.stats.estimate import Estimate
from benchbench.stats.intervals import of_repeats

READINGS = 5
_CONFIDENCE = 0.95
_NOISY_HALFWIDTH = 0.10
# The others speak of training steps.
_TOLD_OF_PROBES = frozenset({"foreign-process", "throttled", "swapping", "suspended"})

Watching = Callable[[int], AbstractContextManager[list[Line]]]
"""Watches the machine during a block; see `observed`."""


def measured_peaks(
    scenarios: Sequence[Scenario], book: PeakBook, devices: int, watching: Watching = observed
) -> list[MeasuredPeak]:
    """Measures the peak of each scenario's device in its precision, `READINGS` times each, a process a reading.

    Args:
        scenarios: name devices and precisions.
        book: measures, and keeps the best.
        devices: how many GPUs are used.
        watching: watches the machine meanwhile.

    Returns:
        Without those that cannot be measured.
    """
    spans: list[tuple[float, float]] = []
    found: list[tuple[Peak | None, tuple[Peak, ...]]] = []
    with watching(devices) as telemetry:
        for scenario in scenarios:
            begin_s = time.monotonic()
            readings = book.readings(scenario, READINGS)
            spans.append((begin_s, time.monotonic()))
            found.append((book.of(scenario) if readings else None, readings))
    return [
        _measured(best, readings, span, telemetry)
        for (best, readings), span in zip(found, spans, strict=True)
        if best is not None
    ]


def _measured(
    best: Peak, readings: tuple[Peak, ...], span: tuple[float, float], telemetry: Sequence[Line]
) -> MeasuredPeak:
    flops = _estimate([reading.flops_per_s for reading in readings], "FLOP/s")
    moved = _estimate([reading.bytes_per_s for reading in readings], "B/s")
    where = f"{best.device} in {best.precision}"
    warnings = (
        *_disturbed(where, span, telemetry),
        *_noisy(f"matrix products of {where}", flops),
        *_noisy(f"memory of {where}", moved),
    )
    return MeasuredPeak(best=best, readings=readings, flops_per_s=flops, bytes_per_s=moved, warnings=warnings)


def _estimate(values: Sequence[float], unit: str) -> Estimate:
    if len(values) > 1:
        return of_repeats(values, _CONFIDENCE, unit)
    return Estimate(value=values[0], low=None, high=None, confidence=_CONFIDENCE, n=1, unit=unit)


def _disturbed(where: str, span: tuple[float, float], telemetry: Sequence[Line]) -> Iterator[RunWarning]:
    """What happened to the machine meanwhile: all the readings are looked at as one step of a training."""
    if not telemetry:
        yield RunWarning(code="telemetry-missing", message=f"{where}: nobody watched the machine while it was measured")
        return
    begin_s, end_s = span
    step = {"event": "step", "step": 1, "t": end_s, "step_s": end_s - begin_s, "samples": 0, "tokens": 0}
    plan = {"event": "plan", "procedure": "throughput", "warmup": 0}
    for found in disturbances(RawLines(events=(plan, step), telemetry=tuple(telemetry))):
        if found.warning.code in _TOLD_OF_PROBES:
            yield found.warning.model_copy(update={"message": f"{where}: {found.warning.message}"})


def _noisy(what: str, estimate: Estimate) -> Iterator[RunWarning]:
    if estimate.low is None or estimate.high is None:
        return
    half = (estimate.high - estimate.low) / 2 / estimate.value
    if half > _NOISY_HALFWIDTH:
        yield RunWarning(
            code="noisy",
            message=f"{what}: the rate is known to within {half:.0%} only ({estimate.n} readings); measure again on a "
            "quiet machine",
        )
