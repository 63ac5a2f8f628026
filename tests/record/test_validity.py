"""Numbers that cannot be are found, and those that only look odd are not."""

from __future__ import annotations

from typing import Any

import pytest

from benchbench.record.machine import Device
from benchbench.record.peaks import Peak
from benchbench.record.types import DeviceTelemetry, Repeat
from benchbench.record.validity import impossible, negative_steps
from benchbench.scenario.scenario import Scenario
from tests.record.lines import MACHINE, figures_of, raw, reached, repeat, steps

SCENARIO = Scenario.model_validate({
    "name": "t", "model": {"family": "bert"}, "task": "sequence-classification", "precision": "bf16",
})  # fmt: skip
LIMITED = MACHINE.model_copy(update={"devices": (Device(index=0, uuid="GPU-0", name="a GPU", power_limit_w=300.0),)})
GPU = DeviceTelemetry(device="cuda:0", name="a GPU", uuid="GPU-0", in_use=True)


def kind(found: Repeat, machine: Any = MACHINE) -> str | None:
    problem = impossible(found, SCENARIO, machine)
    return None if problem is None else problem.kind


def computing(flops_per_s: float, measured: float | None = None, device: str | None = None) -> Repeat:
    peak = None if measured is None else Peak(device="cuda", precision="bf16", flops_per_s=measured, bytes_per_s=1.0)
    facts = {"flops_per_step": flops_per_s * 0.1, "model_flops_per_step": flops_per_s * 0.09, "device_name": device}
    return repeat(figures=figures_of(0.1), facts=facts, peak=peak)


def test_a_repeat_in_order_is_possible() -> None:
    assert kind(repeat()) is None
    assert kind(repeat(figures=None)) is None
    assert kind(repeat(reach=reached(3.0, 3).model_copy(update={"best": -1.0}))) is None, "a metric may be negative"


@pytest.mark.parametrize(
    "found",
    [
        repeat(figures=figures_of(energy_j_per_sample=-0.1)),
        repeat(figures=figures_of(tokens_per_step=-1.0)),
        repeat(reach=reached(-3.0, 3)),
    ],
)
def test_what_is_below_zero_cannot_be(found: Repeat) -> None:
    assert kind(found) == "negative"


@pytest.mark.parametrize("name", ["data_wait_fraction", "communication_fraction", "utilization"])
def test_a_share_above_the_whole_cannot_be(name: str) -> None:
    assert kind(repeat(figures=figures_of(**{name: 1.0}))) is None
    assert kind(repeat(figures=figures_of(**{name: 1.2}))) == "above-whole"


def test_no_device_is_faster_than_its_datasheet() -> None:
    h100 = "NVIDIA H100 80GB HBM3"
    assert kind(computing(988e12, device=h100)) is None
    assert kind(computing(990e12, device=h100)) == "above-datasheet-peak"
    assert kind(computing(990e12, device="a GPU that nobody knows")) is None
    problem = impossible(computing(990e12, device=h100), SCENARIO, MACHINE)
    assert problem is not None
    assert "990 TFLOP/s in bf16 is above the datasheet's peak of H100-SXM-80GB, 989 TFLOP/s" in problem.message


def test_a_measured_peak_leaves_a_quarter() -> None:
    assert kind(computing(124.0, measured=100.0)) is None
    assert kind(computing(126.0, measured=100.0)) == "above-measured-peak"


def test_no_device_uses_more_than_its_power_limit() -> None:
    def drawing(watts: float, *telemetry: DeviceTelemetry) -> Repeat:
        return repeat(figures=figures_of(energy_w=watts), telemetry=telemetry)

    assert kind(drawing(329.0, GPU), LIMITED) is None, "a sensor may be off by so much"
    assert kind(drawing(331.0, GPU), LIMITED) == "above-power-limit"
    assert kind(drawing(331.0, GPU), MACHINE) is None, "a limit that is not known"
    assert kind(drawing(331.0), LIMITED) is None, "the CPU's energy is not the GPU's"
    second = GPU.model_copy(update={"device": "cuda:1", "uuid": "GPU-1"})
    assert kind(drawing(331.0, GPU, second), LIMITED) is None, "of one of two the limit is not known"


@pytest.mark.parametrize("field", ["step_s", "samples", "tokens"])
def test_a_step_below_zero_is_found_among_others(field: str) -> None:
    assert negative_steps(raw(steps(5))) is None
    problem = negative_steps(raw([*steps(2), *steps(1, first=3, **{field: -1.0}), *steps(2, first=4)]))
    assert problem is not None
    assert problem.message == f"step 3 reports {field} = -1, below zero"
