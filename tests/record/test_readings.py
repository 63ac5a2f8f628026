"""Telemetry -> means over the measured steps, of the devices in use."""

from typing import Any

import pytest

from benchbench.record.figures import figures
from benchbench.record.types import Figures
from tests.record.lines import CPU, GPU, Line, header, raw, steady, steps

SECOND = {**GPU, "device": "cuda:1", "uuid": "GPU-1"}


def measured(telemetry: list[Line], events: list[Line] | None = None) -> Figures:
    """Figures of ten steps from 100 s to 101 s, or of other events."""
    found = figures(raw([*(events or steps(10)), steady(0)], telemetry), 0.95, None)
    assert found is not None
    return found


def samples(device: str, begin: float, end: float, every: float = 0.1, **columns: Any) -> list[Line]:
    """Readings from `begin` to `end`; a column that is a function is given the time."""
    count = round((end - begin) / every) + 1
    times = [begin + i * every for i in range(count)]
    return [{"t": t, "device": device, **{k: v(t) if callable(v) else v for k, v in columns.items()}} for t in times]


def test_readings_outside_of_the_measured_steps_do_not_count() -> None:
    telemetry = [
        header(CPU, GPU),
        *samples("cuda:0", 90.0, 99.9, power_w=9999.0, utilization=0.0),
        *samples("cuda:0", 100.05, 100.95, power_w=300.0, utilization=0.9),
        *samples("cuda:0", 101.1, 105.0, power_w=50.0, utilization=0.0),
    ]
    found = measured(telemetry)
    assert (found.power_w, found.utilization) == pytest.approx((300.0, 0.9))


def test_power_is_added_up_over_the_devices_in_use_and_utilization_averaged() -> None:
    idle = {**GPU, "device": "nvml:2", "in_use": False}
    telemetry = [
        header(CPU, GPU, SECOND, idle),
        *samples("cuda:0", 100.05, 100.95, power_w=300.0, utilization=1.0),
        *samples("cuda:1", 100.05, 100.95, power_w=200.0, utilization=0.5),
        *samples("nvml:2", 100.05, 100.95, power_w=100.0, utilization=0.1),
        *samples("cpu", 100.05, 100.95, power_w=70.0, utilization=0.2, process_utilization=0.1),
    ]
    found = measured(telemetry)
    assert (found.power_w, found.utilization) == pytest.approx((500.0, 0.75))
    assert found.energy_j_per_sample == pytest.approx(500.0 * 1.0 / 320)


def test_one_device_that_does_not_tell_its_power_makes_the_sum_unknown() -> None:
    telemetry = [
        header(GPU, SECOND),
        *samples("cuda:0", 100.0, 101.0, power_w=300.0),
        *samples("cuda:1", 100.0, 101.0, utilization=0.5),
    ]
    found = measured(telemetry)
    assert (found.power_w, found.energy_j_per_sample) == (None, None)


def test_on_the_cpu_utilization_is_the_runs_own_share() -> None:
    telemetry = [
        header({**CPU, "in_use": True}),
        *samples("cpu", 100.0, 101.0, utilization=1.0, process_utilization=0.6),
    ]
    found = measured(telemetry)
    assert found.utilization == pytest.approx(0.6)
    assert found.power_w is None


def test_energy_is_the_counters_where_there_is_one() -> None:
    counter = {"power_w": 1.0, "energy_j": lambda t: 5e6 + 400.0 * (t - 90)}
    telemetry = [header(GPU), *samples("cuda:0", 99.0, 102.0, every=0.07, **counter)]
    assert measured(telemetry).energy_j_per_sample == pytest.approx(400.0 * 1.0 / 320)


def test_sparse_readings_do_not_shrink_the_energy() -> None:
    telemetry = [header(GPU), *samples("cuda:0", 100.3, 100.7, every=0.2, power_w=400.0)]
    assert measured(telemetry).energy_j_per_sample == pytest.approx(400.0 / 320)
    counter = [header(GPU), *samples("cuda:0", 100.3, 100.7, every=0.2, energy_j=lambda t: 400.0 * t)]
    assert measured(counter).energy_j_per_sample == pytest.approx(400.0 / 320)


@pytest.mark.parametrize("energy", [lambda _t: 7.0, lambda t: -t])
def test_a_counter_that_stands_still_or_runs_backwards_is_not_believed(energy: Any) -> None:
    telemetry = [header(GPU), *samples("cuda:0", 100.0, 101.0, power_w=300.0, energy_j=energy)]
    assert measured(telemetry).energy_j_per_sample == pytest.approx(300.0 / 320)


def test_a_counter_that_was_reset_once_is_believed_around_it() -> None:
    telemetry = [
        header(GPU), *samples("cuda:0", 100.0, 101.0, energy_j=lambda t: 400.0 * t if t < 100.5 else 400.0 * (t - 100)),
    ]  # fmt: skip
    assert measured(telemetry).energy_j_per_sample == pytest.approx(400.0 / 320)


def test_an_evaluation_between_two_stretches_is_left_out() -> None:
    events = [*steps(10), *steps(10, begin=105.0, first=11)]

    def power(t: float) -> float:
        return 50.0 if 101.0 < t < 105.0 else 300.0

    def energy(t: float) -> float:
        first, gap, second = min(t, 101.0) - 100.0, max(0.0, min(t, 105.0) - 101.0), max(0.0, t - 105.0)
        return 300.0 * first + 50.0 * gap + 300.0 * second

    telemetry = [header(GPU), *samples("cuda:0", 100.01, 105.96, every=0.05, power_w=power, energy_j=energy)]
    found = measured(telemetry, events)
    assert found.power_w == pytest.approx(300.0)
    assert found.energy_j_per_sample == pytest.approx(300.0 * 2.0 / 640)


def test_no_reading_is_unknown() -> None:
    found = measured([header(GPU)])
    assert (found.utilization, found.power_w, found.energy_j_per_sample) == (None, None, None)
