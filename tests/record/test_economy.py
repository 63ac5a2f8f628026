"""Utilizations, energy, money and carbon of a summary: in closed form, and unknown where a part is."""

from __future__ import annotations

from typing import Any

import pytest

from benchbench.record.peaks import Peak
from benchbench.record.summary import Summary, summarize
from benchbench.record.types import Outcome, Reach, Repeat
from tests.record.lines import figures_of, reached, repeat, run

H100 = "NVIDIA H100 80GB HBM3"
TARGET: dict[str, Any] = {
    "measure": {"procedure": "time-to-target"}, "target": {"metric": "accuracy", "at_least": 0.8},
}  # fmt: skip
COSTS: dict[str, Any] = {"hardware": {"device": "cuda", "price_per_hour": 3.6, "carbon_g_per_kwh": 360.0}}


def worked(index: int = 0, step_s: float = 0.1, device: str | None = H100, peak: float | None = None) -> Repeat:
    """A repeat of 9.89e12 model FLOPs a step, 12e12 with recomputation."""
    measured = None if peak is None else Peak(device="cuda", precision="bf16", flops_per_s=peak, bytes_per_s=1e12)
    facts = {"flops_per_step": 12e12, "model_flops_per_step": 9.89e12, "device_name": device}
    return repeat(index, figures=figures_of(step_s), facts=facts, peak=measured)


def of(*repeats: Repeat, precision: str = "bf16", **sections: Any) -> Summary:
    return summarize(run(*repeats, precision=precision, **sections))


def test_mfu_is_model_flops_over_the_datasheets_peak_and_over_the_measured_one() -> None:
    found = of(*(worked(i, peak=494.5e12) for i in range(3)))
    assert found.mfu is not None
    assert found.mfu_measured is not None
    assert (found.mfu.value, found.mfu.unit, found.mfu.n) == (pytest.approx(0.1), "fraction", 3)
    assert found.mfu_measured.value == pytest.approx(0.2)
    assert (found.flops_per_step, found.model_flops_per_step) == (12e12, 9.89e12)


def test_one_repeats_utilization_is_known_as_well_as_its_step_time() -> None:
    found = of(worked())
    assert found.step_s is not None
    assert found.step_s.low is not None
    assert found.mfu is not None
    assert found.mfu.high == pytest.approx(9.89e12 / 989e12 / found.step_s.low)


def test_the_peak_is_that_of_the_precision_and_of_all_devices() -> None:
    found = of(worked(), precision="tf32", hardware={"device": "cuda", "devices": 2}, parallelism={"data": 2})
    assert found.mfu is not None
    assert found.mfu.value == pytest.approx(98.9e12 / (2 * 494.5e12))


@pytest.mark.parametrize("device", [None, "NVIDIA H100", "a GPU that nobody knows"])
def test_without_a_datasheet_mfu_is_unknown_and_the_measured_one_stands(device: str | None) -> None:
    found = of(worked(device=device, peak=989e12))
    assert found.mfu is None
    assert found.mfu_measured is not None
    assert found.mfu_measured.value == pytest.approx(0.1)


def test_a_precision_that_the_datasheet_lacks_is_unknown() -> None:
    found = of(worked(device="Tesla V100-SXM2-16GB"))
    assert found.mfu is None


def test_without_counted_flops_nothing_is_said() -> None:
    found = of(repeat())
    assert (found.mfu, found.mfu_measured, found.flops_per_step) == (None, None, None)


def of_targets(*reaches: Reach, **sections: Any) -> Summary:
    return of(*(repeat(i, reach=r) for i, r in enumerate(reaches)), **{**TARGET, **COSTS, **sections})


def energy(time_s: float, energy_j: float | None) -> Reach:
    return reached(time_s, 10).model_copy(update={"energy_j": energy_j})


def test_energy_cost_and_carbon_to_the_target_are_medians() -> None:
    found = of_targets(energy(100.0, 1e4), energy(200.0, 3e4), energy(300.0, 9e4))
    assert found.energy_j_to_target is not None
    assert (found.energy_j_to_target.value, found.energy_j_to_target.unit) == (3e4, "J")
    assert found.cost_per_target is not None
    assert found.cost_per_target.value == pytest.approx(200.0 * 3.6 / 3600)
    assert found.carbon_g_per_target is not None
    assert (found.carbon_g_per_target.value, found.carbon_g_per_target.unit) == (pytest.approx(3.0), "g")


def test_a_miss_costs_without_end() -> None:
    missed = Reach(reached=False)
    found = of_targets(energy(100.0, 1e4), missed, missed)
    assert (found.energy_j_to_target, found.cost_per_target, found.carbon_g_per_target) == (None, None, None)
    once = of_targets(energy(100.0, 1e4), energy(120.0, 2e4), missed)
    assert once.energy_j_to_target is not None
    assert (once.energy_j_to_target.value, once.energy_j_to_target.high) == (2e4, None)


def test_energy_that_one_repeat_does_not_know_is_unknown() -> None:
    assert of_targets(energy(100.0, 1e4), energy(100.0, None)).energy_j_to_target is None


def test_a_million_samples_cost_what_the_throughput_makes_of_them() -> None:
    found = of(repeat(), **COSTS)
    assert found.cost_per_million_samples is not None
    assert found.cost_per_million_samples.value == pytest.approx(1e6 / 320 / 3600 * 3.6)
    assert found.carbon_g_per_million_samples is not None
    assert found.carbon_g_per_million_samples.value == pytest.approx(0.6e6 / 3.6e6 * 360)


def test_without_a_price_and_an_intensity_there_is_no_cost() -> None:
    found = of(repeat(reach=energy(100.0, 1e4)), **TARGET)
    costs = (found.cost_per_target, found.cost_per_million_samples, found.carbon_g_per_target)
    assert {*costs, found.carbon_g_per_million_samples} == {None}
    assert found.energy_j_to_target is not None


def test_a_price_of_nothing_is_a_cost_of_nothing() -> None:
    free: dict[str, Any] = {"hardware": {"price_per_hour": 0, "carbon_g_per_kwh": 0}}
    missed = Reach(reached=False)
    once = of_targets(energy(100.0, 1e4), energy(120.0, 2e4), missed, **free)
    assert once.time_to_target_s is not None
    assert once.time_to_target_s.high is None
    costs = (once.cost_per_target, once.cost_per_million_samples, once.carbon_g_per_target)
    for cost in (*costs, once.carbon_g_per_million_samples):
        assert cost is not None
        assert (cost.low, cost.value, cost.high) == (0.0, 0.0, 0.0), "nothing, whatever the bounds of the amount"
    assert of_targets(missed, missed, **free).cost_per_target is None, "no time, no price"


def test_the_largest_error_of_an_energy_is_told() -> None:
    figures = [figures_of(energy_relative_error=error) for error in (0.06, 0.08, None)]
    assert of(*(repeat(i, figures=f) for i, f in enumerate(figures))).energy_relative_error == 0.08
    failed = repeat(1, Outcome.CRASHED, figures=figures_of(energy_relative_error=0.5))
    assert of(repeat(0, figures=figures[0]), failed).energy_relative_error == 0.06
