"""The compressed model: what it computes, that the target looks at it, what it costs, what is said of it."""

from __future__ import annotations

import copy
import math
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from benchbench.errors import UnsupportedError
from benchbench.training import effect, levers, program, quantization
from benchbench.training.checking import problems
from benchbench.training.compression import inference_samples_per_s, size
from benchbench.training.layers import linear_layers, matrices
from benchbench.training.loop import Loop
from benchbench.training.precision import Arithmetic
from benchbench.training.procedures import evaluate, time_to_target
from benchbench.workload.batches import held_out
from tests.training.small import CPU, ENCODING, Recorder, loop_of, losses, prepared, scenario, take

ROWS = held_out(prepared().validation, ENCODING, CPU)
KINDS = ("int8-dynamic", "int8-qat")
SLOW = pytest.mark.slow


def trained(steps: int = 10, **training: Any) -> tuple[Loop, Recorder]:
    loop, events = loop_of(scenario(training=training))
    loop.start()
    take(loop, steps)
    loop.stop()
    return loop, events


def logits(model: nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model.eval()(**ROWS.batches[0].inputs).logits
    return found


def rounded(values: torch.Tensor, low: int, scale: torch.Tensor, zero: torch.Tensor | float) -> torch.Tensor:
    """Values as a grid of 256 levels holds them."""
    return ((values / scale + zero).round().clamp(low, low + 255) - zero) * scale


def with_positive_ends(rows: torch.Tensor) -> torch.Tensor:
    """Rows whose largest value is positive: a negative one lies between two levels, and rounds either way."""
    ends = rows.gather(1, rows.abs().argmax(1, keepdim=True))
    return rows * ends.sign()


def by_hand(layer: nn.Linear, x: torch.Tensor, *, symmetric: bool) -> torch.Tensor:
    """An int8 product in float64: weights by output channel, activations by token."""
    w, x = layer.weight.detach().double(), x.double()
    weights = rounded(w, -128, w.abs().amax(1, keepdim=True) / 127.5, 0.0)
    if symmetric:
        inputs = rounded(x, -128, x.abs().amax(1, keepdim=True) / 127.5, 0.0)
    else:
        least, most = x.amin(1, keepdim=True).clamp(max=0), x.amax(1, keepdim=True).clamp(min=0)
        scale = (most - least) / 255
        inputs = rounded(x, -128, scale, -128 - (least / scale).round())
    return inputs @ weights.T + layer.bias.detach().double()


@pytest.mark.parametrize("kind", KINDS)
def test_an_int8_layer_computes_what_the_formula_says(kind: str) -> None:
    torch.manual_seed(0)
    layer, x = nn.Linear(24, 16), with_positive_ends(torch.randn(9, 24))
    layer.weight.data = with_positive_ends(layer.weight.data)
    model = nn.Sequential(copy.deepcopy(layer))
    if kind == "int8-qat":
        quantization.prepare(model)
    quantization.convert(model, kind)
    with torch.inference_mode():
        found = model(x).double()
    torch.testing.assert_close(found, by_hand(layer, x, symmetric=kind == "int8-dynamic"), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(found.float(), layer(x), rtol=1e-4, atol=1e-5)


def test_a_cpu_whose_sums_would_overflow_uses_half_of_the_levels(monkeypatch: pytest.MonkeyPatch) -> None:
    import torchao.utils

    monkeypatch.setattr(torchao.utils, "should_reduce_range", lambda _device: True)
    model = nn.Sequential(nn.Linear(24, 16))
    quantization.convert(model, "int8-dynamic")
    assert int(model[0].weight.qdata.abs().max()) <= 64


def test_a_training_for_int8_computes_what_the_converted_model_will() -> None:
    loop, _ = trained(compression={"quantize": "int8-qat"})
    ahead = logits(loop.parts.model)
    with loop.parts.judged() as compressed:
        np.testing.assert_allclose(logits(compressed).numpy(), ahead.numpy(), rtol=1e-4, atol=1e-5)
    assert loop.parts.compressor is not None
    with loop.parts.compressor.dense() as dense:
        assert not torch.allclose(logits(dense), ahead, rtol=1e-4, atol=1e-5)
        assert {type(layer) for layer in linear_layers(dense).values()} == {nn.Linear}


def test_a_training_for_int8_differs_and_one_that_is_converted_afterwards_does_not() -> None:
    plain = losses(scenario(training={"dropout": 0.1}))
    assert losses(scenario(training={"dropout": 0.1, "compression": {"quantize": "int8-dynamic"}})) == plain
    aware = losses(scenario(training={"dropout": 0.1, "compression": {"quantize": "int8-qat"}}))
    assert aware != plain
    np.testing.assert_allclose(aware[:5], plain[:5], rtol=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_every_layer_of_the_body_is_int8_and_nothing_else(kind: str) -> None:
    loop, _ = trained(compression={"quantize": kind})
    with loop.parts.judged() as compressed:
        whole = {name for name, p in compressed.named_parameters() if type(p.data).__name__ == "Int8Tensor"}
    assert whole == {f"{name}.weight" for name in linear_layers(loop.parts.model)}
    assert "classifier.weight" not in whole


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_int8_model_is_close_to_the_dense_one(kind: str, precision: str) -> None:
    loop, events = loop_of(scenario(precision=precision, training={"compression": {"quantize": kind}}))
    loop.start()
    take(loop, 15)
    found = evaluate(loop, events, ROWS)
    assert loop.parts.compressor is not None
    with loop.parts.compressor.dense() as model, torch.inference_mode(), loop.parts.arithmetic.autocast():
        dense = loop.parts.task.score(model.eval(), ROWS)
    assert found["loss"] == pytest.approx(dense["loss"], rel=0.05)
    assert found["loss"] != dense["loss"]


@pytest.mark.parametrize("quantize", ["none", *KINDS])
def test_what_is_judged_is_pruned_to_the_whole_fraction_before_the_training_is(quantize: str) -> None:
    loop, _ = trained(4, compression={"prune": 0.7, "quantize": quantize})
    for weight in matrices(loop.parts.model).values():
        assert 0 < int((weight == 0).sum()) < round(0.7 * weight.numel())
    with loop.parts.judged() as compressed:
        for layer in linear_layers(compressed).values():
            weight = layer.weight if quantize == "none" else layer.weight.dequantize()
            assert int((weight == 0).sum()) >= round(0.7 * weight.numel())
            if quantize == "none":
                assert int((weight == 0).sum()) == round(0.7 * weight.numel())


def test_the_average_is_what_is_compressed_and_what_was_pruned_stays_pruned_in_it() -> None:
    loop, _ = trained(16, ema=0.9, compression={"prune": 0.5})
    average = loop.parts.states["average"].state_dict()
    held = loop.parts.states["pruner"].state_dict()
    with loop.parts.judged() as compressed:
        for name, weight in matrices(compressed).items():
            expected = average[f"{name}.weight"].clone()
            assert (expected[held[name]] != 0).any(), "the average remembers what was pruned"
            expected[held[name]] = 0
            assert torch.equal(weight, expected)


def test_a_compressed_copy_leaves_the_training_as_it_was() -> None:
    wanted = {"dropout": 0.1, "compression": {"prune": 0.5, "quantize": "int8-qat"}}
    plain, disturbed = loop_of(scenario(training=wanted)), loop_of(scenario(training=wanted))
    for loop, events in (plain, disturbed):
        torch.manual_seed(5)
        for _ in range(8):
            loop.start()
            loop.step()
            loop.stop()
            if loop is disturbed[0]:
                evaluate(loop, events, ROWS)
    assert plain[1].losses == disturbed[1].losses


class _Timed:
    """A compressor whose conversions take what they are told to."""

    def __init__(self, model: nn.Module, times_s: list[float]) -> None:
        self._model, self._times_s = model, times_s
        self.conversion_s = 0.0

    @contextmanager
    def compressed(self) -> Iterator[nn.Module]:
        self.conversion_s = self._times_s.pop(0)
        yield self._model


def test_the_last_conversion_counts_as_training_and_no_earlier_one() -> None:
    loop, events = trained(2)
    steps_s = loop.training_s
    timed: Any = _Timed(loop.parts.model, [30.0, 20.0])
    loop.parts = replace(loop.parts, compressor=timed, judged=timed.compressed)
    for conversion_s in (30.0, 20.0):
        evaluate(loop, events, ROWS)
        assert loop.training_s == pytest.approx(steps_s + conversion_s)
    assert [e["conversion_s"] for e in events.of("eval")] == [30.0, 20.0]
    assert [e["training_s"] for e in events.of("eval")] == pytest.approx([steps_s + 30.0, steps_s + 20.0])


def test_a_conversion_is_not_counted_as_evaluation() -> None:
    loop, events = trained(2, compression={"quantize": "int8-dynamic"})
    evaluate(loop, events, ROWS)
    (line,) = events.of("eval")
    assert line["conversion_s"] > 0
    assert line["evaluation_s"] > 0
    plain, other = trained(2)
    evaluate(plain, other, ROWS)
    assert "conversion_s" not in other.of("eval")[0]


def test_the_target_is_met_by_the_compressed_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A conversion that ruins the model misses a target that the model itself would meet."""

    def ruin(model: nn.Module, _kind: str) -> None:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.zero_()

    monkeypatch.setattr(quantization, "convert", ruin)
    wanted = scenario(
        training={"max_steps": 60, "compression": {"quantize": "int8-dynamic"}},
        measure={"procedure": "time-to-target"},
        target={"metric": "loss", "at_most": 1.05, "eval_every": 20},
    )
    loop, events = loop_of(wanted)
    metrics = time_to_target(loop, wanted, events, ROWS, math.inf)
    assert loop.steps_taken == 60
    assert metrics["loss"] == pytest.approx(math.log(3), rel=1e-5)
    with torch.inference_mode():
        assert loop.parts.task.score(loop.parts.model.eval(), ROWS)["loss"] < 1.05


def test_sizes_are_those_of_the_weights_in_a_file() -> None:
    model = nn.Sequential(nn.Linear(32, 16), nn.LayerNorm(16))
    with torch.no_grad():
        model[0].weight[:4] = 0.0
    numbers, others = 32 * 16, 16 + 2 * 16
    assert size(model) == {"size_bytes": 4 * (numbers + others), "nonzero_parameters": _nonzero(model)}
    quantization.convert(model, "int8-dynamic")
    per_row = 4 + 1  # a scale in float32 and a zero point in int8
    assert size(model)["size_bytes"] == numbers + 16 * per_row + 4 * others


def _nonzero(model: nn.Module) -> int:
    return sum(int((p != 0).sum()) for p in model.parameters())


def test_tied_weights_are_counted_once() -> None:
    model = nn.Sequential(nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False))
    model[1].weight = model[0].weight
    assert size(model) == {"size_bytes": 4 * 64, "nonzero_parameters": 64}


class _Slow(nn.Module):
    """A model whose forward pass takes a given time on a clock that a test turns."""

    def __init__(self, clock: list[float], pass_s: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self._clock, self._pass_s = clock, pass_s

    def forward(self, **_: torch.Tensor) -> None:
        self._clock[0] += self._pass_s


def test_inference_is_timed_as_rows_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("benchbench.training.compression.time.monotonic", lambda: clock[0])
    batch = ROWS.batches[0]
    models = {"dense": _Slow(clock, 2.0), "compressed": _Slow(clock, 0.5)}
    found = inference_samples_per_s(models, batch, Arithmetic())
    assert found == {"dense": batch.samples / 2.0, "compressed": batch.samples / 0.5}


@pytest.mark.parametrize("compression", [{"prune": 0.5}, {"quantize": "int8-dynamic"}, {"quantize": "int8-qat"}])
def test_what_it_bought_is_told_dense_beside_compressed(compression: dict[str, Any]) -> None:
    loop, events = trained(6, compression=compression)
    metrics = evaluate(loop, events, ROWS)
    effect.report(loop, events, prepared(), metrics, ROWS)
    (told,) = events.of("compression")
    dense, compressed = told["dense"], told["compressed"]
    assert compressed["metrics"] == metrics
    assert dense["metrics"].keys() == metrics.keys()
    assert dense["metrics"]["loss"] != metrics["loss"]
    assert dense["inference_samples_per_s"] > 0
    assert compressed["inference_samples_per_s"] > 0
    if "prune" in compression:
        assert compressed["size_bytes"] == dense["size_bytes"]
        assert compressed["nonzero_parameters"] < dense["nonzero_parameters"]
    else:
        assert compressed["size_bytes"] < 0.7 * dense["size_bytes"]


def test_a_throughput_run_tells_size_and_speed_alone() -> None:
    loop, events = trained(2, compression={"quantize": "int8-dynamic"})
    effect.report(loop, events, prepared(), {}, None)
    (told,) = events.of("compression")
    assert told["dense"]["metrics"] == told["compressed"]["metrics"] == {}
    assert told["dense"]["size_bytes"] > told["compressed"]["size_bytes"]
    assert not events.of("eval")


@pytest.mark.parametrize(
    ("procedure", "source"), [("throughput", "synthetic"), pytest.param("time-to-target", "unicode-names", marks=SLOW)]
)
def test_every_run_with_a_compression_ends_with_what_it_bought(procedure: str, source: str) -> None:
    wanted = scenario(
        training={"max_steps": 4, "compression": {"prune": 0.5, "quantize": "int8-dynamic"}},
        model={"vocab": 400},
        data={"source": source, "sequence_length": 16},
        measure={"procedure": procedure, "warmup": 1, "steps": 3},
        target={"metric": "accuracy", "at_least": 0.99, "eval_every": 2},
    )
    events = Recorder()
    program.run(wanted, events, program.Limits(timeout_s=60.0, deadline_s=math.inf))
    (told,), (done,) = events.of("compression"), events.of("done")
    trains = procedure == "time-to-target"
    assert bool(told["compressed"]["metrics"]) is trains
    if trains:
        assert told["compressed"]["metrics"].items() <= done["final_metrics"].items()
        last = events.of("eval")[-1]
        assert last["training_s"] == pytest.approx(sum(s["step_s"] for s in events.of("step")) + last["conversion_s"])


def test_a_run_without_a_compression_tells_nothing_of_it() -> None:
    wanted = scenario(data={"source": "synthetic"}, measure={"warmup": 1, "steps": 2})
    events = Recorder()
    program.run(wanted, events, program.Limits(timeout_s=60.0, deadline_s=math.inf))
    assert not events.of("compression")


def test_gpt2_becomes_int8_though_its_weights_stand_on_their_sides() -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    model = GPT2LMHeadModel(
        GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=40, n_positions=16, bos_token_id=1, eos_token_id=2)
    ).eval()
    ids = torch.arange(3, 13).reshape(2, 5)
    prepared_model, dynamic = copy.deepcopy(model), copy.deepcopy(model)
    quantization.prepare(prepared_model)
    quantization.convert(dynamic, "int8-dynamic")
    with torch.inference_mode():
        dense = model(ids).logits
        for other in (prepared_model, dynamic):
            found = other(ids).logits
            torch.testing.assert_close(found, dense, atol=0.02, rtol=0.05)
            assert not torch.equal(found, dense)
    assert dynamic.lm_head.weight is dynamic.transformer.wte.weight


@pytest.mark.parametrize(
    ("device", "precision", "message"),
    [("mps", "fp32", "int8 kernels for cpu and cuda, not mps"), ("cuda", "fp8", "compute in fp8; use another")],
)
def test_what_cannot_be_quantised_is_refused(device: str, precision: str, message: str) -> None:
    wanted = scenario(precision=precision, training={"compression": {"quantize": "int8-dynamic"}})
    with pytest.raises(UnsupportedError, match=message) as caught:
        levers.check(wanted, torch.device(device))
    assert caught.value.key == "training.compression.quantize"
    levers.check(scenario(precision=precision), torch.device(device))


@pytest.mark.parametrize("compression", [{"prune": 0.5}, {"quantize": "int8-dynamic"}, {"quantize": "int8-qat"}])
def test_an_adapter_is_refused_before_anything_runs(compression: dict[str, Any]) -> None:
    wanted = scenario(training={"adapter": {"name": "lora"}, "compression": compression}, data={"source": "synthetic"})
    (problem,) = problems([wanted])
    assert problem is not None
    assert problem["key"] == "training.adapter"
    assert "pruning and quantisation change the weights" in problem["message"]


@pytest.mark.parametrize("compression", [{"prune": 0.5}, *({"quantize": kind} for kind in KINDS)])
def test_a_compression_passes_the_check_without_weights(compression: dict[str, Any]) -> None:
    assert problems([scenario(training={"compression": compression}, data={"source": "synthetic"})]) == [None]


def test_importing_torchao_says_nothing_of_kernels_that_are_not_used_here() -> None:
    code = "import torch, benchbench.training.quantization, torchao, torchao.quantization.qat"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stderr == ""
    code = "import logging, benchbench.training.quantization; logging.getLogger('torchao').warning('another thing')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert "another thing" in done.stderr
