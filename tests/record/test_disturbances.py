"""What disturbed a repeat, told by its telemetry: each thing by its own name, and nothing of a quiet one."""

from __future__ import annotations

from typing import Any

import pytest

from benchbench.record.disturbances import disturbances
from tests.record.lines import CPU, GPU, Line, header, plan, raw, steady, steps

COUNT, STEP_S, BEGIN = 200, 0.1, 100.0
WARMUP = 20
MEASURED_S = (COUNT - WARMUP) * STEP_S
FIRST_S = BEGIN + WARMUP * STEP_S


def found(telemetry: list[Line], events: list[Line] | None = None) -> list[tuple[str, bool]]:
    told = disturbances(raw(events or [*steps(COUNT, STEP_S, BEGIN), steady(WARMUP)], telemetry))
    assert all(one.warning.message for one in told)
    return [(one.warning.code, one.suspect) for one in told]


def readings(device: str, count: int = 180, begin: float = FIRST_S, every_s: float = 0.1, **columns: Any) -> list[Line]:
    """Readings in the measured steps; a callable column is a function of the share of the time that passed."""
    return [
        {
            "t": begin + (i + 0.5) * every_s,
            "device": device,
            **{name: value(i / count) if callable(value) else value for name, value in columns.items()},
        }
        for i in range(count)
    ]


def cpu(cpus: int = 2, *lines: Line, **columns: Any) -> list[Line]:
    quiet = {
        "utilization": 1.0, "process_utilization": 1.0, "foreign_cpus": 0.01, "stopped_processes": 0.0,
        "swap_traffic_bytes": 5e9, "clock_offset_s": 1.7e9, "suspended_s": 0.0, "cpu_clock_mhz": 3000.0,
    }  # fmt: skip
    top = header({**CPU, "in_use": True})
    top["header"]["cpus"] = cpus
    return [top, *readings("cpu", **{**quiet, **columns}), *lines]


def gpu(**columns: Any) -> list[Line]:
    return [header(CPU, GPU), *readings("cuda:0", **columns)]


def test_a_quiet_repeat_has_none() -> None:
    assert found(cpu()) == []
    assert found(gpu(throttle_reasons=0x1, sm_clock_mhz=1980.0, temperature_c=60.0, foreign_processes=0.0)) == []
    assert found([]) == []
    assert disturbances(raw([], cpu())) == ()


@pytest.mark.parametrize(
    ("cpus", "foreign", "utilization", "told"),
    [
        (2, 1.0, 1.0, [("foreign-process", True)]),
        (2, 0.2, 0.95, [("foreign-process", True)]),
        (2, 0.05, 1.0, []),
        (64, 0.5, 1.0, []),
        (64, 1.0, 1.0, [("foreign-process", True)]),
        (64, 8.0, 0.2, [("foreign-process", False)]),
        (64, 4.0, 0.2, []),
        (2, 0.15, 0.5, []),
    ],
)
def test_others_on_the_cpus_are_told_and_suspect_where_they_take_from_the_run(
    cpus: int, foreign: float, utilization: float, told: list[tuple[str, bool]]
) -> None:
    assert found(cpu(cpus, foreign_cpus=foreign, utilization=utilization)) == told


def test_a_burst_counts_by_its_share_of_the_time() -> None:
    assert found(cpu(foreign_cpus=lambda share: 1.0 if share < 0.2 else 0.0)) == [("foreign-process", True)]
    assert found(cpu(foreign_cpus=lambda share: 1.0 if share < 0.05 else 0.0)) == []


def test_what_happens_in_the_warm_up_disturbs_a_training_to_a_target_alone() -> None:
    lines = cpu(
        2, *readings("cpu", 20, BEGIN, foreign_cpus=1.9, utilization=1.0, process_utilization=0.05, suspended_s=0.0)
    )
    assert found(lines) == []
    trains = [plan(WARMUP, "time-to-target"), *steps(COUNT, STEP_S, BEGIN)]
    assert found(lines, trains) == [("foreign-process", True)]


def test_others_on_the_gpu() -> None:
    assert found(gpu(foreign_processes=lambda share: float(share > 0.9))) == [("foreign-process", True)]
    hidden = [header(CPU, {**GPU, "in_use": False}), *readings("cuda:0", foreign_processes=1.0)]
    assert found(hidden) == []


@pytest.mark.parametrize(
    ("reasons", "told"),
    [
        (0x20, [("throttled", True)]), (0x40, [("throttled", True)]), (0x80 | 0x4, [("throttled", True)]),
        (0x8, [("throttled", True)]), (0x4, [("throttled", False)]), (0x1, []), (0x2, []),
    ],
)  # fmt: skip
def test_clocks_that_are_held_down(reasons: int, told: list[tuple[str, bool]]) -> None:
    assert found(gpu(throttle_reasons=float(reasons))) == told
    assert found(gpu(throttle_reasons=lambda share: float(reasons) if share < 0.005 else 0.0)) == []


def test_a_clock_that_falls() -> None:
    def fall(share: float) -> float:
        return 1980.0 if share < 0.5 else 1500.0

    assert found(gpu(sm_clock_mhz=fall)) == [("throttled", True)]
    assert found(cpu(cpu_clock_mhz=fall)) == [("throttled", True)]
    assert found(gpu(sm_clock_mhz=lambda share: 1500.0 if share < 0.5 else 1980.0)) == []


def test_a_device_that_warms_up_and_slows_down() -> None:
    slower = [{**s, "step_s": 0.1 * (1 + 0.0005 * i)} for i, s in enumerate(steps(COUNT, STEP_S, BEGIN))]
    warming = gpu(temperature_c=lambda share: 55.0 + 20.0 * share)
    assert found(warming, [*slower, steady(WARMUP)]) == [("thermal-drift", False)]
    assert found(warming) == [], "as fast as before"


def test_swapping() -> None:
    assert found(cpu(swap_traffic_bytes=lambda share: 5e9 + 1e8 * share)) == [("swapping", True)]
    assert found(cpu(swap_traffic_bytes=lambda share: 5e9 + 1e6 * share)) == []


def test_a_run_that_was_stopped_and_a_machine_that_slept() -> None:
    assert found(cpu(stopped_processes=lambda share: float(0.3 < share < 0.5))) == [("suspended", True)]
    slept = cpu(suspended_s=lambda share: 9.0 * (share > 0.5), clock_offset_s=lambda share: 1.7e9 + 9.0 * (share > 0.5))
    assert found(slept) == [("suspended", True)], "the clock on the wall went on, and was not set"


@pytest.mark.parametrize(("used", "told"), [(0.01, [("suspended", True)]), (0.9, [])])
def test_a_hole_in_the_telemetry_in_which_nothing_ran(used: float, told: list[tuple[str, bool]]) -> None:
    lines = [x for x in cpu() if "t" not in x or not FIRST_S + 5 < x["t"] < FIRST_S + 9]
    after = next(x for x in lines if x.get("t", 0.0) > FIRST_S + 8)
    after["process_utilization"] = used
    assert found(lines) == told


def test_a_clock_that_is_set() -> None:
    assert found(cpu(clock_offset_s=lambda share: 1.7e9 - 3600.0 * (share > 0.5))) == [("clock-jump", False)]
    assert found(cpu(clock_offset_s=lambda share: 1.7e9 + 0.009 * share)) == [], "one that is made to run faster"


def test_a_counter_is_read_from_before_the_first_step() -> None:
    before = {"t": FIRST_S - 0.2, "device": "cpu", "swap_traffic_bytes": 5e9}
    only = {"t": FIRST_S + 0.8, "device": "cpu", "swap_traffic_bytes": 6e9}
    top = header({**CPU, "in_use": True})
    assert found([top, before, only]) == [("swapping", True)]
    assert found([top, only]) == []
