"""A scenario without a space gets one from itself and the machine; every axis says why it is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from benchbench.errors import InputError, UnsupportedError
from benchbench.executors import preflight
from benchbench.record.machine import Device, Machine
from benchbench.scenario import engines
from benchbench.scenario.knobs import Factor, knobs_of
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.search_types import Range
from benchbench.scenario.training_types import Lora
from benchbench.training.assembly import strategy_of
from benchbench.tuning.derived import Derived, derived, with_space
from benchbench.tuning.legal import Legal, impossible
from benchbench.tuning.space import space_of
from tests.tuning.lab import MACHINE

BASE = Scenario.model_validate({
    "name": "s", "model": {"family": "bert"}, "task": "sequence-classification", "hardware": {"device": "cpu"},
    "target": {"metric": "accuracy", "at_least": 0.9},
    "training": {"global_batch": 64, "optimizer": {"learning_rate": 1e-3}},
})  # fmt: skip
GPU = MACHINE.model_copy(update={"devices": (Device(index=0, name="a GPU", memory_bytes=2**34),), "cpus_usable": 16})


def axes(machine: Machine = MACHINE, *, trains: bool = True, **changes: Any) -> dict[str, Derived]:
    scenario = vary(BASE, {key.replace("__", "."): value for key, value in changes.items()})
    return {axis.key: axis for axis in derived(scenario, machine, engines.check, trains=trains)}


def test_the_axes_of_a_cpu() -> None:
    found = axes()
    assert list(found) == [
        "precision", "training.global_batch", "training.micro_batch", "training.compile", "training.attention",
        "training.activation_checkpointing", "data.batching", "data.workers", "hardware.threads",
        "training.optimizer.learning_rate", "training.schedule.name",
    ] or "training.compile" not in found  # fmt: skip
    assert found["precision"].values == ("fp32", "bf16")
    assert found["training.global_batch"].values == (64, 16, 32, 128, 256)
    assert found["training.micro_batch"].values == ("auto", 16, 32)
    assert found["hardware.threads"].values == (None, 1, 2)
    assert found["data.workers"].values == (0, 1)
    assert all(axis.why for axis in found.values())


def test_each_axis_begins_with_what_is_run_today() -> None:
    found = axes(search__baseline={"training.global_batch": 32, "training.attention": "eager", "data.workers": 4})
    assert found["training.global_batch"].values[0] == 32
    assert found["training.attention"].values[0] == "eager"
    assert found["data.workers"].values[0] == 4


def test_the_factor_is_the_one_that_the_scenarios_types_declare() -> None:
    declared = {knob.key: knob.moves for knob in knobs_of(Scenario)}
    assert all(axis.moves is declared[key] for key, axis in axes().items())


def test_for_throughput_what_moves_the_steps_alone_is_left_out() -> None:
    found = axes(trains=False)
    assert "training.optimizer.learning_rate" not in found
    assert "training.schedule.name" not in found
    assert all(axis.moves is not Factor.STEPS for axis in found.values())


def test_the_learning_rates_range_is_as_much_wider_as_its_best_moves_with_the_batch() -> None:
    adam = axes()["training.optimizer.learning_rate"].values
    assert adam == Range(low=5e-5, high=2e-2, log=True), "a factor of ten, and the root of four"
    plain = axes(training__optimizer__name="sgd")["training.optimizer.learning_rate"].values
    assert plain == Range(low=2.5e-5, high=4e-2, log=True), "a factor of ten, and four"


def test_a_gpu_has_more_precisions_and_modes_and_no_threads() -> None:
    found = axes(GPU, hardware__device="auto")
    assert found["precision"].values == ("fp32", "tf32", "bf16", "fp16", "fp8")
    assert "reduce-overhead" in found["training.compile"].values
    assert "hardware.threads" not in found
    assert found["data.workers"].values == (0, 2, 4)


def test_what_cannot_be_had_alone_is_left_out() -> None:
    def admit(scenario: Scenario) -> None:
        engines.check(scenario)
        if scenario.precision != "fp32":
            raise UnsupportedError("fp32 alone")

    found = {axis.key for axis in derived(BASE, MACHINE, admit, trains=True)}
    assert "precision" not in found
    assert "training.global_batch" in found


def test_what_the_trainers_libraries_refuse_is_left_out() -> None:
    def judge(scenarios: Sequence[Scenario]) -> list[str | None]:
        return ["no" if s.data.batching == "pack" or s.training.attention != "auto" else None for s in scenarios]

    found = {axis.key: axis for axis in derived(BASE, MACHINE, engines.check, judge, trains=True)}
    assert found["data.batching"].values == ("pad", "bucket")
    assert "training.attention" not in found


def test_a_batch_is_offered_whatever_the_micro_batch_is() -> None:
    assert axes(training__micro_batch=64)["training.global_batch"].values == (64, 16, 32, 128, 256)
    assert axes(training__micro_batch=64)["training.micro_batch"].values == (64, "auto", 16, 32)


def test_an_adapter_is_for_trained_weights() -> None:
    assert "training.adapter" not in axes()
    found = axes(model__pretrained="some/weights")["training.adapter"]
    assert found.values == ("none", "lora")
    assert vary(BASE, {"training.adapter": "lora"}).training.adapter == Lora(name="lora")


def test_rows_of_one_length_need_no_batching() -> None:
    assert "data.batching" not in axes(data__source="synthetic", trains=False)


def test_several_devices_divide_and_talk_in_many_ways() -> None:
    scenario = vary(BASE, {"hardware.devices": 4, "parallelism.data": 4})
    found = {axis.key: axis for axis in derived(scenario, GPU, lambda _scenario: None, trains=True)}
    assert found["parallelism.shard"].values == ("none", "zero1", "zero2", "zero3")
    assert found["parallelism.communication"].values == ("none", "bf16", "powersgd")
    assert found["parallelism.bucket_mib"].values == (25.0, 1.0, 100.0)
    assert "parallelism.tensor" not in found, "four replicas were asked for"
    free = vary(scenario, {"parallelism.data": "auto"})
    found = {axis.key: axis for axis in derived(free, GPU, engines.check, trains=True)}
    assert found["parallelism.tensor"].values == (1, 2, 4)
    assert not [key for key in axes() if key.startswith("parallelism.")]


def test_what_the_strategies_cannot_carry_out_is_not_offered() -> None:
    """As the trainer says of real strategies, asked without a training."""
    scenario = vary(BASE, {"hardware.device": "cpu", "hardware.devices": 2, "parallelism.data": "auto"})

    def refusal(of: Scenario) -> str | None:
        try:
            strategy_of(of)
        except UnsupportedError as error:
            return error.message
        return None

    def judge(scenarios: Sequence[Scenario]) -> list[str | None]:
        return [refusal(of) for of in scenarios]

    found = derived(scenario, MACHINE, engines.check, trains=True, judge=judge)
    assert "training.compile" not in [axis.key for axis in found], "no strategy compiles yet"
    whole = with_space(scenario, found)
    space = space_of(whole)
    is_legal = Legal(whole, space, engines.check, impossible(whole, space, engines.check, judge))
    setups = [setup for setup in space.some(2_000) if is_legal(setup)]
    assert len(setups) > 50
    assert {setup["parallelism.shard"] for setup in setups} == {"none", "zero1", "zero2", "zero3"}
    assert judge([vary(scenario, setup) for setup in setups[:500]]) == [None] * len(setups[:500])


def test_the_scenario_with_its_space_is_an_ordinary_one() -> None:
    scenario = with_space(BASE, derived(BASE, MACHINE, engines.check, trains=True))
    engines.check_search(scenario)
    assert scenario.key == BASE.key
    assert space_of(scenario).size is None
    assert scenario.search.space["precision"] == ("fp32", "bf16")
    preflight.check(scenario, MACHINE)


def test_nothing_to_vary_is_wrong_input() -> None:
    def admit(scenario: Scenario) -> None:
        if scenario != BASE:
            raise UnsupportedError("as it stands, or not at all")

    with pytest.raises(InputError, match="nothing that could be varied"):
        derived(BASE, MACHINE, admit, trains=False)
