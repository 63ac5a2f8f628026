"""Energy: by counters, by power with its error, with what is drawn when idle left out on request."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchbench.record.energy import SENSOR_ERROR, power
from benchbench.record.figures import figures
from benchbench.record.reaching import reach
from benchbench.scenario.types import Target
from benchbench.stats.intervals import series_halfwidth
from tests.record.lines import CPU, GPU, Line, evaluation, header, raw, steady, steps

MEASURED = [(100.0, 101.0)]
IDLE = (90.0, 92.0)
TIMES = np.arange(90.05, 101.0, 0.1)


def telemetry(watts: float, idle_w: float = 0.0, noise_w: float = 0.0, *, counter: bool = False) -> list[Line]:
    """A GPU that draws `idle_w` before 95 s and `watts` from then on."""
    generator, energy_j, lines = np.random.default_rng(0), 0.0, []
    for t in TIMES:
        drawn = (idle_w if t < 95.0 else watts) + noise_w * float(generator.standard_normal())
        energy_j += 0.1 * drawn
        counted = {"energy_j": 1e6 + energy_j} if counter else {}
        lines.append({"t": float(t), "device": "cuda:0", "power_w": drawn, **counted})
    return [header(CPU, GPU), *lines]


def test_a_counter_needs_no_error() -> None:
    found = power(telemetry(200.0, counter=True), MEASURED, 0.95)
    assert found.watts == pytest.approx(200.0)
    assert (found.by, found.relative_error, found.idle_w) == ("counter", None, None)


def test_power_over_time_has_the_error_of_its_samples_and_of_the_sensor() -> None:
    lines = telemetry(200.0, noise_w=20.0)
    found = power(lines, MEASURED, 0.95)
    inside = np.asarray([x["power_w"] for x in lines[1:] if 100.0 <= x["t"] <= 101.0])
    sampling = series_halfwidth(inside, 0.95) / found.watts
    assert found.by == "power"
    assert found.relative_error == pytest.approx(math.hypot(sampling, SENSOR_ERROR))
    assert found.relative_error is not None
    assert found.relative_error > SENSOR_ERROR
    wide, narrow = (power(telemetry(200.0, noise_w=w), MEASURED, 0.95).relative_error for w in (40.0, 10.0))
    assert wide is not None
    assert narrow is not None
    assert wide > narrow


def test_power_is_integrated_over_time_however_unevenly_it_was_looked_at() -> None:
    """Ten seconds: 100 W looked at once a second, then in the last second 400 W looked at ten times."""
    slow, quick = [(float(t), 100.0) for t in range(10)], [(9.0 + 0.1 * k, 400.0) for k in range(1, 11)]
    lines = [{"t": 100.0 + t, "device": "cuda:0", "power_w": watts} for t, watts in (*slow, *quick)]
    found = power([header(CPU, GPU), *lines], [(100.0, 110.0)], 0.95)
    assert found.watts == pytest.approx((9 * 100 + 0.1 * 250 + 0.9 * 400) / 10)


def test_a_reading_of_power_that_is_no_number_counts_for_nothing() -> None:
    lines = telemetry(200.0)
    broken = [{**line, "power_w": math.nan} if index % 7 == 3 else line for index, line in enumerate(lines)]
    assert power(broken, MEASURED, 0.95).watts == pytest.approx(200.0)


def test_idle_power_is_subtracted_only_where_that_is_asked_for() -> None:
    events = [*steps(10), steady(0)]
    lines = telemetry(200.0, idle_w=60.0)
    plain, less = (figures(raw(events, lines), 0.95, None, idle) for idle in (None, IDLE))
    assert plain is not None
    assert less is not None
    assert (plain.energy_j_per_sample, plain.idle_power_w) == (pytest.approx(200.0 / 320), None)
    assert less.energy_j_per_sample == pytest.approx(140.0 / 320)
    assert less.idle_power_w == pytest.approx(60.0)
    assert plain.energy_w == less.energy_w == pytest.approx(200.0)


def test_what_cannot_be_subtracted_leaves_no_energy() -> None:
    found = figures(raw([*steps(10), steady(0)], telemetry(200.0)), 0.95, None, (10.0, 12.0))
    assert found is not None
    assert found.energy_j_per_sample is None
    assert found.energy_w == pytest.approx(200.0)


@pytest.mark.parametrize(("idle", "watts"), [(None, 200.0), (IDLE, 140.0)])
def test_energy_to_target_is_that_of_the_steps_up_to_the_crossing(
    idle: tuple[float, float] | None, watts: float
) -> None:
    events = [
        *steps(4), evaluation(4, 0.4, accuracy=0.5), *steps(4, first=5, begin=100.5),
        evaluation(8, 0.8, accuracy=0.9), *steps(4, first=9, begin=101.5), evaluation(12, 1.2, accuracy=0.9),
    ]  # fmt: skip
    lines = telemetry(200.0, idle_w=60.0)
    lines += [{"t": 101.55, "device": "cuda:0", "power_w": 9000.0}]  # after the crossing
    lines += [{"t": 100.45, "device": "cuda:0", "power_w": 9000.0}]  # while an evaluation runs
    found = reach(raw(events, lines), Target(metric="accuracy", at_least=0.7), idle)
    assert found.time_to_target_s == pytest.approx(0.6)
    assert found.energy_j == pytest.approx(watts * 0.6)


def test_a_target_that_is_missed_has_no_energy() -> None:
    found = reach(raw([*steps(4), evaluation(4, 0.4, accuracy=0.5)]), Target(metric="accuracy", at_least=0.7))
    assert found.energy_j is None
