"""Each precision computes as it says, keeps what must be kept in float32, and is refused where there is none."""

import copy
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import torch

from benchbench.errors import UnsupportedError
from benchbench.training import float8, precision, program
from benchbench.training.checking import problems
from tests.training.small import CPU, Recorder, loop_of, losses, scenario, take

SGD = {"optimizer": {"name": "sgd", "learning_rate": 1e-2}, "schedule": {"name": "constant", "warmup_fraction": 0.0}}
CUDA = torch.device("cuda")
NATIVE = {"avx512_fp16": True, "avx512_bf16": True}


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the CPU one with certain instructions."""

    def has(capabilities: Mapping[str, bool]) -> None:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: MappingProxyType(dict(capabilities)))

    has(NATIVE)
    return has


@pytest.mark.parametrize(("name", "near"), [("bf16", 0.05), ("fp16", 0.01)])
def test_half_precisions_are_close_to_fp32_and_not_the_same(cpu: Any, name: str, near: float) -> None:
    half, whole = (losses(scenario(precision=p, training=SGD)) for p in (name, "fp32"))
    assert half != whole
    np.testing.assert_allclose(half, whole, rtol=near)


@pytest.mark.parametrize("name", ["bf16", "fp16"])
def test_weights_gradients_and_loss_stay_in_fp32(cpu: Any, name: str) -> None:
    loop, _ = loop_of(scenario(precision=name))
    seen: list[torch.dtype] = []
    layer = loop.parts.model.get_submodule("bert.encoder.layer.0.intermediate.dense")
    layer.register_forward_hook(lambda _module, _inputs, output: seen.append(output.dtype))
    loop.start()
    assert loop.accumulate(next(loop.parts.batches)).dtype is torch.float32
    assert {p.dtype for p in loop.parts.model.parameters()} == {torch.float32}
    assert {p.grad.dtype for p in loop.parts.model.parameters() if p.grad is not None} == {torch.float32}
    assert seen == [{"bf16": torch.bfloat16, "fp16": torch.float16}[name]]


def test_fp16_takes_the_steps_of_a_plain_loop_with_a_scaler(cpu: Any) -> None:
    """Unscaled before it is clipped: a clip on scaled gradients would hold every step to almost nothing."""
    training = {**SGD, "gradient_clip": 0.05}
    loop, events = loop_of(scenario(precision="fp16", training=training))
    model, task = copy.deepcopy(loop.parts.model), loop.parts.task
    loop.start()
    take(loop, 10)
    again = loop_of(scenario(precision="fp16", training=training))[0]
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    scaler, found = torch.amp.GradScaler("cpu"), []
    for _ in range(10):
        (batch,) = next(again.parts.batches)
        with torch.autocast("cpu", dtype=torch.float16):
            loss = task.loss_sums(model, batch, again.parts.objective)["label"] / batch.samples
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.05)
        for p in matrices:
            assert p.grad is not None
            p.grad += 0.01 * p.detach()  # the scenario's L2 decay of matrices
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        found.append(loss.item())
    np.testing.assert_allclose(events.losses, found, rtol=1e-4)


def test_a_step_whose_gradients_overflow_is_left_out_and_is_no_divergence(cpu: Any) -> None:
    loop, events = loop_of(scenario(precision="fp16", training=SGD))
    scaler = loop.parts.arithmetic.scaler
    assert scaler is not None
    weights = [p.detach().clone() for p in loop.parts.model.parameters()]
    poison = loop.parts.model.classifier.weight.register_hook(lambda gradient: gradient * torch.inf)
    loop.start()
    loop.step()
    assert all(torch.equal(a, b) for a, b in zip(weights, loop.parts.model.parameters(), strict=True))
    assert scaler.get_scale() == 2.0**15, "half of where it began"
    poison.remove()
    loop.step()
    assert not all(torch.equal(a, b) for a, b in zip(weights, loop.parts.model.parameters(), strict=True))
    assert np.isfinite(events.losses).all()


def test_fp16_without_its_arithmetic_is_refused_before_anything_runs(cpu: Any) -> None:
    cpu({"avx512_f": True})
    with pytest.raises(UnsupportedError, match="no fp16 arithmetic") as caught:
        precision.arithmetic("fp16", CPU)
    assert caught.value.key == "precision"
    (problem,) = problems([scenario(precision="fp16", data={"source": "synthetic", "sequence_length": 8})])
    assert problem is not None
    assert problem["key"] == "precision"


@pytest.mark.parametrize("instructions", ["avx512_fp16", "amx_fp16", "fp16_arith"])
def test_fp16_runs_where_its_arithmetic_is(cpu: Any, instructions: str) -> None:
    cpu({instructions: True})
    assert precision.arithmetic("fp16", CPU).scaler is not None


@pytest.mark.parametrize(
    ("capabilities", "emulated"),
    [({}, False), ({"avx512_f": True}, True), ({"avx512_bf16": True}, False), ({"amx_bf16": True}, False),
     ({"bf16": True}, False)],
)  # fmt: skip
def test_bf16_that_a_cpu_emulates_is_a_warning_of_the_run(
    cpu: Any, capabilities: Mapping[str, bool], emulated: bool
) -> None:
    cpu(capabilities)
    events = Recorder()
    wanted = scenario(
        precision="bf16", data={"source": "synthetic", "sequence_length": 8}, model={"vocab": 120},
        measure={"warmup": 0, "steps": 1},
    )  # fmt: skip
    program.run(wanted, events, program.Limits(timeout_s=60.0, deadline_s=float("inf")))
    found = events.of("warning")
    assert [line["code"] for line in found] == (["emulated-precision"] if emulated else [])
    assert precision.emulation("fp32", CPU) is None


def test_bf16_that_a_gpu_emulates_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def supported(*, including_emulation: bool) -> bool:
        assert not including_emulation
        return False

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert "GPU" in str(precision.emulation("bf16", CUDA))


@pytest.mark.parametrize(("capability", "refused"), [((8, 0), True), ((8, 9), False), ((9, 0), False)])
def test_fp8_needs_a_gpu_that_has_it(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], refused: bool
) -> None:
    with pytest.raises(UnsupportedError, match=r"8\.9 on; cpu has none"):
        float8.check(CPU)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: capability)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "a GPU")
    if refused:
        with pytest.raises(UnsupportedError, match=r"a GPU has 8\.0"):
            float8.check(CUDA)
    else:
        float8.check(CUDA)


def test_fp8_is_refused_here_before_anything_runs() -> None:
    (problem,) = problems([scenario(precision="fp8", data={"source": "synthetic", "sequence_length": 8})])
    assert problem is not None
    assert problem["key"] == "precision"


def test_emulated_fp8_rounds_the_layers_of_the_body_and_trains() -> None:
    loop, _ = loop_of(scenario(precision="bf16", model={"ffn": 64}))
    model = loop.parts.model
    rounded = float8.converted(copy.deepcopy(model), emulate=True)
    (batch,) = next(loop.parts.batches)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        plain, found = (m(**batch.inputs).logits.float() for m in (model, rounded))
    assert not torch.equal(plain, found)
    torch.testing.assert_close(found, plain, rtol=0.2, atol=0.01)
    found.sum().backward()
    kinds = {name: type(module).__name__ for name, module in rounded.named_modules()}
    assert kinds["bert.encoder.layer.0.intermediate.dense"] == "Float8Linear"
    assert kinds["classifier"] == "Linear"
    weight = rounded.get_submodule("bert.encoder.layer.0.intermediate.dense").weight
    assert isinstance(weight, torch.nn.Parameter)
    assert weight.grad is not None
    assert weight.grad.dtype is weight.dtype is torch.float32


def test_a_model_without_a_layer_for_fp8_is_refused() -> None:
    model = loop_of(scenario(model={"hidden": 40, "heads": 2, "ffn": 44}))[0].parts.model
    with pytest.raises(UnsupportedError, match="multiples of 16"):
        float8.converted(model)
