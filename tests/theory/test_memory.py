"""The closed forms of a training's memory: each part grows with what it is for, and none with anything else."""

from __future__ import annotations

from typing import Any

import pytest

from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.theory.memory import Memory, ModelShape, Stack, expected_bytes, memory, process_bytes

STACK = Stack(layers=2, hidden=64, heads=4, queries=64, keys=64, ffn=256, gated=False, inner=2, norm=1)
SHAPE = ModelShape(
    parameters=1000, trainable_parameters=1000, matrix_parameters=800, tied_parameters=0, stacks=(STACK,), fused=True,
    hidden_dropout=False, attention_dropout=False, inner_dropout=False, logits_per_token=0, row_tokens=32,
    target_tokens=0, mean_tokens=16.0, process_bytes=10_000,
)  # fmt: skip
BASE = Scenario.model_validate({
    "name": "s", "model": {"family": "bert"}, "task": "masked-lm", "hardware": {"device": "cpu"},
    "training": {"global_batch": 8, "micro_batch": 8},
})  # fmt: skip


def found(shape: ModelShape = SHAPE, rows: int = 8, **settings: Any) -> Memory:
    scenario = vary(BASE, {key.replace("__", "."): value for key, value in settings.items()})
    return memory(scenario, shape, rows, on_gpu=False)


def test_weights_and_gradients_take_four_bytes_each() -> None:
    assert found().weights_bytes == found().gradients_bytes == 4000
    frozen = SHAPE.model_copy(update={"trainable_parameters": 10})
    assert (found(frozen).weights_bytes, found(frozen).gradients_bytes) == (4000, 40)


@pytest.mark.parametrize(
    ("rule", "numbers"), [("sgd", 0), ("momentum", 1), ("lion", 1), ("adam", 2), ("adamw", 2), ("lamb", 2)]
)
def test_the_optimizers_state_by_its_rule(rule: str, numbers: int) -> None:
    assert found(training__optimizer__name=rule).optimizer_bytes == 4 * numbers * 1000


def test_muon_keeps_one_number_of_a_matrix_and_two_of_the_rest() -> None:
    shape = SHAPE.model_copy(update={"trainable_parameters": 2 * STACK.matrices + 100})
    assert found(shape, training__optimizer__name="muon").optimizer_bytes == 4 * (2 * STACK.matrices + 2 * 100)


def test_an_average_and_masks_are_counted() -> None:
    assert found().averages_bytes == 0
    assert found(training__ema=0.9).averages_bytes == 4000
    assert found(training__compression={"prune": 0.5, "quantize": "none"}).averages_bytes == 800


def test_a_standard_layer_without_dropout_or_scores_keeps_sixteen_widths() -> None:
    # attention: norm's input, products' input, query, key, value, result; then norm's input, products' input, 2 x 4 H
    one, two = (found(SHAPE.model_copy(update={"stacks": (STACK.model_copy(update={"layers": n}),)})) for n in (1, 2))
    tokens = 8 * 32
    assert two.activations_bytes - one.activations_bytes == tokens * (4 * 16 * 64 + 4 * STACK.heads)


def test_scores_grow_with_the_square_of_a_row_and_dropout_triples_them() -> None:
    def scores(shape: ModelShape) -> int:
        eager, fused = (found(shape, training__attention=kernel) for kernel in ("eager", "sdpa"))
        logsumexp = 4 * STACK.heads * 8 * shape.row_tokens * STACK.layers
        return eager.activations_bytes - fused.activations_bytes + logsumexp

    longer = SHAPE.model_copy(update={"row_tokens": 64})
    assert scores(SHAPE) == 2 * 8 * 4 * 4 * 32**2
    assert scores(longer) == 4 * scores(SHAPE)
    dropped = SHAPE.model_copy(update={"attention_dropout": True})
    assert found(dropped, training__attention="eager").activations_bytes - found(
        SHAPE, training__attention="eager"
    ).activations_bytes == 2 * scores(SHAPE)


def test_on_the_cpu_dropout_takes_attention_out_of_the_fused_kernel() -> None:
    dropped = SHAPE.model_copy(update={"attention_dropout": True})
    here, there = (memory(BASE, dropped, 8, on_gpu=gpu).activations_bytes for gpu in (False, True))
    scores, logsumexp = 3 * 2 * 8 * 4 * 4 * 32**2, 4 * STACK.heads * 8 * 32 * STACK.layers
    assert here - there == scores - logsumexp


def test_sixteen_bits_halve_products_and_copy_the_matrices() -> None:
    half = found(precision="bf16")
    assert found().activations_bytes / 2 < half.activations_bytes < found().activations_bytes
    wide = SHAPE.model_copy(update={"matrix_parameters": 800 + 10_000})
    assert found(wide, precision="bf16").activations_bytes - half.activations_bytes == 2 * 10_000
    assert found(wide).activations_bytes == found().activations_bytes


def test_checkpoints_keep_less_the_more_is_computed_again() -> None:
    deep = SHAPE.model_copy(update={"stacks": (STACK.model_copy(update={"layers": 20}),)})
    none, some, full = (found(deep, training__activation_checkpointing=way) for way in ("none", "selective", "full"))
    assert none.activations_bytes > some.activations_bytes > full.activations_bytes
    assert full.temporary_bytes > some.temporary_bytes > none.temporary_bytes
    assert none.peak_bytes > some.peak_bytes > full.peak_bytes


def test_a_language_models_logits_are_of_its_last_stack() -> None:
    head = SHAPE.model_copy(update={"logits_per_token": 5000})
    assert found(head).activations_bytes - found().activations_bytes == 8 * 32 * (4 * 5000 + 2 * 4 * 2 * 64 // 2)
    both = head.model_copy(update={"stacks": (STACK, STACK.model_copy(update={"crossed": True})), "target_tokens": 4})
    assert found(both).temporary_bytes == 2 * 4 * 8 * 4 * 5000


def test_cross_attention_takes_keys_and_scores_of_what_it_looks_at() -> None:
    crossed = SHAPE.model_copy(
        update={"stacks": (STACK, STACK.model_copy(update={"crossed": True})), "target_tokens": 16}
    )
    longer = crossed.model_copy(update={"row_tokens": 64})
    encoder, decoder = SHAPE, SHAPE.model_copy(update={"row_tokens": 64})
    grown = found(longer).activations_bytes - found(crossed).activations_bytes
    alone = found(decoder).activations_bytes - found(encoder).activations_bytes
    assert grown - alone == 2 * 8 * (64 - 32) * 4 * 2 * STACK.keys


def test_accumulation_keeps_the_gradients_during_the_backward_pass() -> None:
    whole, split = found(), found(rows=4, training__micro_batch=4)
    assert split.activations_bytes < whole.activations_bytes
    assert (
        split.temporary_bytes - found(rows=4, training__global_batch=4, training__micro_batch=4).temporary_bytes == 4000
    )


def test_packed_rows_are_fewer() -> None:
    padded, packed = found(), found(data__batching="pack")
    assert packed.activations_bytes < 0.7 * padded.activations_bytes, "rows are half full"


def test_the_peak_is_of_the_backward_pass_or_of_the_update() -> None:
    few, many = found(), found(SHAPE.model_copy(update={"parameters": 10**9, "trainable_parameters": 10**9}))
    assert few.peak_bytes == 4000 + 8000 + few.activations_bytes + few.temporary_bytes
    assert many.peak_bytes == 4 * 4 * 10**9
    tied = SHAPE.model_copy(update={"trainable_parameters": 10**9, "parameters": 10**9, "tied_parameters": 10**8})
    assert found(tied).peak_bytes - many.peak_bytes == 2 * 4 * 10**8


def test_ranks_on_the_host_take_a_process_each_and_one_to_start_them() -> None:
    half = vary(BASE, {"training.global_batch": 4, "training.micro_batch": 4})
    ranks = vary(BASE, {"hardware.devices": 2, "parallelism.data": 2, "training.micro_batch": 4})
    one, beside = expected_bytes(half, SHAPE, 4, on_gpu=False), process_bytes(half, SHAPE, on_gpu=False)
    assert expected_bytes(ranks, SHAPE, 4, on_gpu=False) == 2 * one + beside
    assert expected_bytes(ranks, SHAPE, 4, on_gpu=True) == expected_bytes(half, SHAPE, 4, on_gpu=True)


def test_a_run_takes_its_process_and_its_tensors() -> None:
    tensors = memory(BASE, SHAPE, 8, on_gpu=False).peak_bytes
    assert expected_bytes(BASE, SHAPE, 8, on_gpu=False) >= process_bytes(BASE, SHAPE, on_gpu=False) + tensors
    compiled = vary(BASE, {"training.compile": "default"})
    assert process_bytes(compiled, SHAPE, on_gpu=False) > process_bytes(BASE, SHAPE, on_gpu=False) > 10_000
    assert process_bytes(BASE, SHAPE.model_copy(update={"process_bytes": 0}), on_gpu=True) > 0
