"""What the trainer saw of its steps, read back; what is broken is left out, and what it took is not measured."""

from __future__ import annotations

import pytest

from benchbench.record.breakdown import PARTS, Breakdown
from benchbench.record.examined import breakdown, measured_part, memory_use, work
from benchbench.record.peaks import Work
from tests.record.lines import CPU, GPU, Line, header, raw

PROFILE: Line = {
    "event": "profile", "t": 1.0, "device": "cpu", "steps": 2, "step_s": 0.4,
    "seconds": {"matrix-products": 0.1, "attention": 0.1, "overhead": 0.2},
}  # fmt: skip
PHASES: Line = {
    "event": "memory-phases", "t": 1.0, "parameters_bytes": 10, "gradients_bytes": 9, "optimizer_bytes": 20,
    "averages_bytes": 0, "activations_bytes": 50, "temporary_bytes": None,
}  # fmt: skip


def test_a_breakdown_is_read_with_its_shares() -> None:
    found = breakdown(raw([PROFILE]))
    assert found is not None
    assert found.share("matrix-products", "attention") == pytest.approx(0.5)
    assert found.share(*PARTS) == pytest.approx(1.0)
    assert found.hidden_communication_s == 0.0
    assert Breakdown.model_validate(found.document()) == found


@pytest.mark.parametrize(
    "change",
    [{"step_s": 0.0}, {"step_s": "fast"}, {"seconds": {"data": -1.0}}, {"seconds": {"magic": 1.0}}, {"steps": None}],
)
def test_a_broken_breakdown_is_none(change: Line) -> None:
    assert breakdown(raw([{**PROFILE, **change}])) is None
    assert breakdown(raw([])) is None


def test_work_is_read() -> None:
    assert work(raw([{"event": "work", "t": 1.0, "flops": 10, "moved_bytes": 4}])) == Work(flops=10, moved_bytes=4)
    assert work(raw([])) is None


def test_memory_has_its_peaks_and_its_phases() -> None:
    done = {"event": "done", "t": 2.0, "peak_allocated_bytes": 70, "peak_reserved_bytes": 80}
    telemetry = [
        header(CPU, GPU),
        {"t": 0.5, "device": "cpu", "process_memory_bytes": 500.0},
        {"t": 0.5, "device": "cuda:0", "memory_used_bytes": 90.0},
    ]
    found = memory_use(raw([PHASES, done], telemetry), 600)
    assert (found.allocated_bytes, found.reserved_bytes, found.device_bytes, found.resident_bytes) == (70, 80, 90, 600)
    assert found.phases is not None
    assert found.phases.activations_bytes == 50
    assert found.phases.temporary_bytes is None
    nothing = memory_use(raw([]), None)
    assert set(nothing.model_dump().values()) == {None}


def test_what_examining_takes_is_no_part_of_the_measurement() -> None:
    events = [{"event": "phase", "name": "measure", "t": 1.0}, {"event": "phase", "name": "examine", "t": 2.0}]
    samples = [{"t": t, "device": "cpu", "process_memory_bytes": 100.0 * t} for t in (1.0, 1.9, 2.5, 3.0)]
    found = measured_part(raw(events, [header(CPU), *samples]))
    assert memory_use(found, None).resident_bytes == 190
    assert found.events == tuple(events)
    whole = raw(events[:1], [header(CPU), *samples])
    assert measured_part(whole) is whole
