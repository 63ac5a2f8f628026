"""Raw lines -> figures, whichever of the lines are there."""

import math
from typing import Any

import numpy as np
import pytest

from benchbench.record.figures import (
    RawLines,
    device_peak_bytes,
    figures,
    gradient_noise_scale,
    process_peak_bytes,
    seen_devices,
    telemetry_warnings,
    warmup_steps,
)
from tests.record.lines import CPU, GPU, Line, header, plan, raw, steady, steps


def test_figures_are_over_the_steps_after_the_warm_up() -> None:
    events = [*steps(5, step_s=9.0, begin=50.0), *steps(20, first=6), steady(5)]
    found = figures(raw(events), 0.95, 123)
    assert found is not None
    assert (found.warmup_steps, found.measured_steps, found.peak_memory_bytes) == (5, 20, 123)
    assert (found.step_s, found.measured_s) == pytest.approx((0.1, 2.0))
    assert (found.samples_per_step, found.tokens_per_step) == (32.0, 320.0)
    assert found.data_wait_fraction == pytest.approx(0.1)
    assert found.settled
    assert (found.utilization, found.power_w, found.energy_j_per_sample) == (None, None, None)


def test_the_mean_step_has_its_stalls_in_it() -> None:
    events = [*steps(30), *steps(1, step_s=3.0, begin=103.0, first=31), *steps(30, begin=106.0, first=32), steady(0)]
    found = figures(raw(events), 0.95, None)
    assert found is not None
    assert found.step_s == pytest.approx((60 * 0.1 + 3.0) / 61)


def test_batches_that_differ_are_averaged() -> None:
    events = [*steps(2), *steps(2, begin=100.2, samples=16, tokens=100), steady(0)]
    found = figures(raw(events), 0.95, None)
    assert found is not None
    assert (found.samples_per_step, found.tokens_per_step) == (24.0, 210.0)


@pytest.mark.parametrize(
    ("events", "warmup"),
    [
        ([plan(3), *steps(10), steady(7)], 7),
        ([plan(3), *steps(10)], 3),
        ([plan("auto"), *steps(10)], 0),
        ([*steps(10)], 0),
        ([plan(30), *steps(10)], 30),
        ([plan(30, "time-to-target"), *steps(10)], 0),
        ([plan(3, "time-to-target"), *steps(10)], 3),
    ],
)
def test_the_warm_up_is_the_trainers_word_else_its_plan(events: list[Line], warmup: int) -> None:
    assert warmup_steps(raw(events)) == warmup


def test_without_a_word_the_warm_up_is_found_in_the_times() -> None:
    noise = 1 + 0.02 * np.random.default_rng(0).standard_normal(200)
    events = [{**s, "step_s": s["step_s"] * n} for s, n in zip(steps(200), noise, strict=True)]
    for event in events[:20]:
        event["step_s"] *= 3
    assert 20 <= warmup_steps(raw([plan("auto"), *events])) <= 50
    drifting = [{**s, "step_s": 0.1 + 0.001 * i} for i, s in enumerate(steps(200))]
    found = figures(raw([plan("auto", "time-to-target"), *drifting]), 0.95, None)
    assert found is not None
    assert not found.settled


@pytest.mark.parametrize("events", [[], [plan(5)], [plan(5), *steps(5)], [plan(5), *steps(3)], [steady(5), *steps(5)]])
def test_a_repeat_killed_before_its_first_measured_step_has_no_figures(events: list[Line]) -> None:
    assert figures(raw(events), 0.95, None) is None


def test_a_repeat_killed_midway_has_the_figures_of_what_it_measured() -> None:
    found = figures(raw([plan(5), *steps(5, step_s=1.0, begin=90.0), *steps(7)]), 0.95, None)
    assert found is not None
    assert (found.measured_steps, found.step_s) == (7, pytest.approx(0.1))


def test_an_unsettled_trainer_says_so() -> None:
    found = figures(raw([*steps(10), steady(5, settled=False)]), 0.95, None)
    assert found is not None
    assert not found.settled


@pytest.mark.parametrize(
    "broken", [{"step_s": None}, {"step_s": "fast"}, {"t": math.nan}, {"samples": True}, {"tokens": [1]}]
)
def test_a_step_without_its_numbers_is_no_step(broken: dict[str, Any]) -> None:
    events = [*steps(4), {**steps(1, begin=100.4)[0], **broken}, {"event": "step"}, steady(0)]
    found = figures(raw(events), 0.95, None)
    assert found is not None
    assert found.measured_steps == 4


def test_a_step_whose_loss_is_unknown_still_took_its_time() -> None:
    found = figures(raw([*steps(3), *steps(1, begin=100.3, loss=None), steady(0)]), 0.95, None)
    assert found is not None
    assert found.measured_steps == 4


@pytest.mark.parametrize("count", [1, 3, 4])
def test_the_within_run_interval_is_unknown_for_a_few_steps(count: int) -> None:
    found = figures(raw([*steps(count), steady(0)]), 0.95, None)
    assert found is not None
    assert (found.step_s_halfwidth is None) is (count < 4)


def test_data_waits_that_were_not_told_are_unknown() -> None:
    without = [{k: v for k, v in s.items() if k != "data_wait_s"} for s in steps(3)]
    found = figures(raw([*without, steady(0)]), 0.95, None)
    assert found is not None
    assert found.data_wait_fraction is None


def test_the_peaks_of_memory() -> None:
    telemetry = [
        header(CPU, GPU, {**GPU, "device": "cuda:1", "in_use": False}),
        {"t": 1.0, "device": "cuda:0", "memory_used_bytes": 10.0},
        {"t": 1.0, "device": "cuda:1", "memory_used_bytes": 99.0},
        {"t": 2.0, "device": "cuda:0", "memory_used_bytes": 30.0},
        {"t": 2.0, "device": "cpu", "process_memory_bytes": 7.0, "memory_used_bytes": 1000.0},
        {"t": 3.0, "device": "cpu", "process_memory_bytes": 5.0},
    ]
    assert device_peak_bytes(raw(telemetry=telemetry)) == 30
    assert process_peak_bytes(raw(telemetry=telemetry)) == 7
    assert device_peak_bytes(raw(telemetry=[header(CPU)])) is None
    assert process_peak_bytes(raw()) is None


def test_every_device_has_its_entry_in_use_or_not() -> None:
    telemetry = [
        header(CPU, GPU),
        *({"t": float(i), "device": "cuda:0", "power_w": 1.0} for i in range(3)),
        {"t": 4.0, "device": "cuda:0", "lost": True},
    ]
    cpu, gpu = seen_devices(raw(telemetry=telemetry))
    assert (cpu.device, cpu.samples, cpu.missing, cpu.in_use, cpu.lost) == ("cpu", 0, ("power",), False, False)
    assert (gpu.device, gpu.uuid, gpu.samples, gpu.lost) == ("cuda:0", "GPU-0", 3, True)


def codes(telemetry: list[Line]) -> list[str]:
    lines = raw(telemetry=telemetry)
    return [w.code for w in telemetry_warnings(seen_devices(lines), lines)]


def test_telemetry_warns_of_what_it_lacks() -> None:
    sample = {"t": 1.0, "device": "cuda:0", "power_w": 1.0}
    assert codes([]) == ["telemetry-missing"]
    assert codes([header(GPU)]) == ["telemetry-missing"]
    assert codes([header(CPU, GPU), sample]) == []
    assert codes([header(GPU), sample, {"t": 2.0, "device": "cuda:0", "lost": True}]) == ["device-lost"]
    assert codes([header(GPU), {"t": 2.0, "device": "cuda:0", "lost": True}]) == ["device-lost"]


def test_telemetry_that_ends_before_the_steps_do_is_told() -> None:
    header = {"header": {"devices": [{"device": "cpu", "name": "c", "in_use": True, "missing": []}]}}
    steps = tuple(
        {"event": "step", "t": float(n), "step": n, "step_s": 1.0, "samples": 1, "tokens": 1, "loss": 1.0}
        for n in range(1, 11)
    )
    for last_s, codes in ((9.5, []), (4.0, ["telemetry-missing"])):
        lines = RawLines(events=steps, telemetry=(header, {"t": 0.0, "device": "cpu"}, {"t": last_s, "device": "cpu"}))
        found = telemetry_warnings(seen_devices(lines), lines)
        assert [w.code for w in found] == codes
    assert "6.0 s" in found[0].message


def norms(**fields: float | None) -> Line:
    values: Line = {"chunk_rows": 4, "chunk_square": 15.0, "rows": 32, "whole_square": 5.0}
    return {"event": "noise-scale", "t": 1.0, "step": 10, "noise_scale_s": 0.1, **values, **fields}


def test_the_noise_scale_is_that_of_the_whole_training() -> None:
    """At the first |G|^2 = (32 x 5 - 4 x 15) / 28, tr(Sigma) = (15 - 5) / (1/4 - 1/32); at the second 15 and 0."""
    assert gradient_noise_scale(raw([norms()])) == pytest.approx(320 / 25)
    assert gradient_noise_scale(raw([norms(), norms(whole_square=15.0)])) == pytest.approx(320 / (25 + 105))


@pytest.mark.parametrize("broken", [{"rows": 4}, {"chunk_rows": 0}, {"chunk_square": None}, {"whole_square": 0.0}])
def test_broken_or_drowned_norms_leave_it_unknown(broken: dict[str, float | None]) -> None:
    assert gradient_noise_scale(raw([norms(**broken)])) is None


def test_it_stands_in_the_figures() -> None:
    found = figures(raw([*steps(10), norms()]), 0.95, None)
    assert found is not None
    assert found.gradient_noise_scale == pytest.approx(320 / 25)
