"""The parts of a step: on profiles that are written by hand, and on a real one."""

from __future__ import annotations

import math

import pytest

from benchbench.record.breakdown import PARTS
from benchbench.training import profiling
from benchbench.training.profiling import Happening, on_cpu, on_device
from tests.training.small import loop_of, scenario


def host(name: str, begin_s: float, end_s: float, own_s: float = 0.0) -> Happening:
    return Happening(name, begin_s, end_s, own_s, on_device=False)


def kernel(name: str, begin_s: float, end_s: float) -> Happening:
    return Happening(name, begin_s, end_s, 0.0, on_device=True)


def test_on_the_cpu_operators_own_time_is_sorted_and_the_rest_is_overhead() -> None:
    found = on_cpu([
        host("benchbench.step", 0.0, 10.0, 2.0),
        host("benchbench.data", 0.0, 1.5, 1.0),
        host("aten::stack", 0.1, 0.6, 0.5),  # a batch is made: data
        host("aten::linear", 2.0, 4.0, 0.25),  # starts others
        host("aten::addmm", 2.1, 3.9, 1.75),
        host("aten::_scaled_dot_product_flash_attention_for_cpu", 4.0, 5.0, 1.0),
        host("aten::gelu", 5.0, 5.5, 0.5),
        host("aten::_to_copy", 5.5, 5.75, 0.25),
        host("autograd::engine::evaluate_function: AddmmBackward0", 6.0, 8.0, 0.5),
        host("aten::mm", 6.5, 8.0, 1.5),
        host("benchbench.update", 8.0, 9.5, 0.0),
        host("aten::mul_", 8.0, 9.0, 1.0),
        host("gloo:all_reduce", 9.0, 9.5, 0.5),
    ])  # fmt: skip
    assert found.wall_s == 10.0
    parts = {part: seconds for part, seconds in found.seconds.items() if seconds}
    assert parts == {
        "data": 1.5, "matrix-products": 3.25, "attention": 1.0, "elementwise": 0.5, "copies": 0.25, "optimizer": 1.0,
        "communication": 0.5, "overhead": 2.0,
    }  # fmt: skip


def test_on_a_device_kernels_are_sorted_and_what_is_behind_computation_is_hidden() -> None:
    found = on_device([
        host("benchbench.step", 0.0, 5.0),
        host("benchbench.data", 0.0, 1.0),
        host("benchbench.update", 3.0, 4.0),
        kernel("Memcpy HtoD (Pinned -> Device)", 0.5, 1.0),  # the wait for data is seen behind it
        kernel("sm90_xmma_gemm_bf16bf16_tn", 1.5, 3.5),
        kernel("ncclDevKernel_AllReduce_Sum", 3.0, 4.5),
        kernel("void pytorch_flash::flash_fwd_kernel<...>", 5.0, 6.0),
        kernel("benchbench.update", 6.5, 8.0),  # the range on the device: no kernel
        kernel("vectorized_elementwise_kernel<4>", 7.0, 8.0),  # starts within the update
        kernel("vectorized_layer_norm_kernel", 8.5, 9.0),
    ])  # fmt: skip
    assert found.wall_s == 9.0
    parts = {part: seconds for part, seconds in found.seconds.items() if seconds}
    assert parts == {
        "copies": 0.5, "data": 0.5, "matrix-products": 2.0, "communication": 1.0, "attention": 1.0, "optimizer": 1.0,
        "elementwise": 0.5, "overhead": 2.5,
    }  # fmt: skip
    assert found.hidden_communication_s == 0.5


@pytest.mark.parametrize("name", ["aten::view", "aten::empty", "AddmmBackward0", "torch::autograd::AccumulateGrad"])
def test_what_computes_nothing_is_overhead(name: str) -> None:
    found = on_cpu([host("benchbench.step", 0.0, 1.0), host(name, 0.0, 1.0, 1.0)])
    assert found.seconds["overhead"] == 1.0


def test_a_real_profile_adds_up() -> None:
    loop, events = loop_of(scenario())
    loop.start()
    profiling.report(loop, events, 2)
    assert not events.of("step")
    (found,) = events.of("profile")
    seconds = found["seconds"]
    assert set(seconds) == set(PARTS)
    assert math.isclose(sum(seconds.values()), found["step_s"], rel_tol=1e-6)
    assert all(seconds[part] > 0 for part in ("matrix-products", "attention", "elementwise", "optimizer", "data"))
    assert seconds["communication"] == 0
    assert (found["device"], found["steps"]) == ("cpu", 2)
