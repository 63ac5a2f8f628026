"""FLOPs of a step: those of its batches, in closed form, and nothing is changed by counting them."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from benchbench.theory import flops
from benchbench.training import counting
from benchbench.training.loop import Loop
from tests.training.small import loop_of, scenario, take

LAYER = flops.Layer(hidden=32, attention=32, keys=32, ffn=48)


def forward(rows: int, tokens: int) -> int:
    head = flops.dense_flops(32, 32, rows) + flops.dense_flops(32, 3, rows)
    return flops.layers_flops(LAYER, 2, rows, tokens) + head


def widths(loop: Loop) -> list[tuple[int, int]]:
    recipe = loop.parts.batches.recipe
    batches = [batch for number in range(counting.BATCHES) for batch in recipe.batch(number)]
    return [tuple(batch.inputs["input_ids"].shape) for batch in batches]  # type: ignore[misc]


def of(**training: Any) -> tuple[counting.StepFlops, float]:
    """What is counted, and the closed form of the same batches."""
    loop, _ = loop_of(scenario(training=training))
    shapes = widths(loop)
    return counting.step_flops(loop), flops.PASSES * sum(forward(*shape) for shape in shapes) / counting.BATCHES


@pytest.mark.parametrize("micro_batch", [8, 2])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_model_flops_are_the_closed_form_over_the_batches_widths(attention: str, micro_batch: int) -> None:
    found, expected = of(attention=attention, micro_batch=micro_batch)
    assert found.model_flops == expected


def test_what_a_fused_kernel_computes_again_is_counted_apart() -> None:
    loop, _ = loop_of(scenario(training={"attention": "sdpa"}))
    scores = sum(2 * 2 * rows * tokens * tokens * 32 for rows, tokens in widths(loop)) / counting.BATCHES
    found = counting.step_flops(loop)
    assert found.flops == found.model_flops + scores


def test_checkpoints_compute_more_and_the_model_does_not() -> None:
    plain, checkpointed = (of(attention="eager", activation_checkpointing=m)[0] for m in ("none", "full"))
    assert plain.flops == plain.model_flops == checkpointed.model_flops
    assert 1.25 < checkpointed.flops / plain.flops <= 4 / 3
    loop, _ = loop_of(scenario(training={"activation_checkpointing": "full"}))
    counting.step_flops(loop)
    assert counting.step_flops(loop).flops > counting.step_flops(loop).model_flops, "the checkpoints are back"


def test_weights_that_are_not_trained_have_no_gradients_to_compute() -> None:
    everything, some = of()[0], of(frozen_layers=1)[0]
    assert some.model_flops < everything.model_flops


def test_whole_batches_come_to_the_same_as_single_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, _ = loop_of(scenario())
    monkeypatch.setattr(counting, "BATCHES", counting.WHOLE_BATCHES)
    assert counting.step_flops(loop, whole=True) == counting.step_flops(loop)


def test_counting_leaves_a_training_as_it_was() -> None:
    losses = []
    for counts in (False, True):
        loop, events = loop_of(scenario(training={"dropout": 0.1}))
        loop.start()
        take(loop, 2)
        if counts:
            counting.step_flops(loop)
        take(loop, 3)
        losses.append(events.losses)
    assert losses[0] == losses[1]
    assert all(p.grad is None for p in loop.parts.model.parameters())


def test_a_compiled_model_is_counted_as_it_is_written() -> None:
    loop, _ = loop_of(scenario())
    entered = []

    class Plain:
        def plain(self) -> Any:
            entered.append(True)
            return nullcontext()

    watched = replace(loop.parts, compiler=Plain())  # type: ignore[arg-type]
    counting.step_flops(replace(loop, parts=watched))
    assert entered
