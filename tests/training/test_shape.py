"""The shape that a model without weights has, and that the closed forms from it are what a forward pass saves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.theory.memory import ModelShape, memory
from benchbench.training import assembly
from benchbench.training.memory_phases import Saved
from benchbench.training.shape import shape_of
from benchbench.workload.preparing import Prepared
from tests.training.small import Recorder, prepared, scenario

DIMENSIONS = {"layers": 2, "hidden": 64, "heads": 4, "ffn": 256, "vocab": 600}
ROWS, TOKENS = 4, 48


def asked(family: str, task: str, **changes: Any) -> Scenario:
    """Synthetic rows of one length."""
    plain = Scenario.model_validate({
        "name": "s", "model": {"family": family, **DIMENSIONS}, "task": task,
        "data": {"source": "synthetic", "sequence_length": TOKENS},
        "training": {"global_batch": ROWS, "micro_batch": ROWS}, "hardware": {"device": "cpu"},
    })  # fmt: skip
    return vary(plain, {key.replace("__", "."): value for key, value in changes.items()})


def on_meta(wanted: Scenario, rows: Prepared) -> ModelShape | None:
    with torch.device("meta"):
        return shape_of(assembly.build_model(wanted, assembly.task_of(wanted), rows), rows)


def saved_bytes(wanted: Scenario, rows: Prepared) -> int:
    """What a forward pass saves for its backward pass, the weights left out."""
    parts = assembly.assemble(wanted, rows, torch.device("cpu"), Recorder()).parts
    (batch,) = parts.batches.recipe.batch(0)
    parts.model.train()
    saved = Saved([*parts.model.parameters(), *parts.model.buffers()])
    kept: list[torch.Tensor] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(saved.pack(tensor))  # held, so that no storage takes the place of another
        return kept[-1]

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor), parts.arithmetic.autocast():
        parts.task.loss_sums(parts.model, batch, parts.objective)
    return saved.total_bytes


def test_a_berts_numbers() -> None:
    rows, wanted = prepared(), scenario()
    with torch.device("meta"):
        model = assembly.build_model(wanted, assembly.task_of(wanted), rows)
    shape = shape_of(model, rows)
    assert shape is not None
    assert shape.parameters == shape.trainable_parameters == sum(p.numel() for p in model.parameters())
    (stack,) = shape.stacks
    assert (stack.layers, stack.hidden, stack.heads, stack.queries, stack.keys, stack.ffn) == (2, 32, 2, 32, 32, 48)
    assert shape.matrix_parameters == 2 * stack.matrices + 32 * 32 + 32 * 3  # pooler and classifier
    assert (shape.hidden_dropout, shape.attention_dropout, shape.inner_dropout) == (False, False, False)
    assert (shape.logits_per_token, shape.tied_parameters, shape.target_tokens) == (0, 0, 0)
    assert shape.row_tokens == rows.train.lengths.max()
    assert shape.mean_tokens == pytest.approx(np.mean(rows.train.lengths))
    assert shape.process_bytes > 50e6


def test_grouped_heads_gates_and_a_tied_output_are_seen() -> None:
    wanted = asked("qwen2", "causal-lm", model__kv_heads=2)
    shape = on_meta(wanted, assembly.load_data(wanted))
    assert shape is not None
    (stack,) = shape.stacks
    assert (stack.queries, stack.keys, stack.gated, stack.inner, stack.norm) == (64, 32, True, 4, 2)
    tied = asked("gpt2", "causal-lm")
    shape = on_meta(tied, assembly.load_data(tied))
    assert shape is not None
    assert shape.tied_parameters == 600 * 64


def test_what_is_frozen_has_no_gradients_and_no_activations() -> None:
    wanted = asked("bert", "masked-lm", training__frozen_layers=1)
    shape = on_meta(wanted, assembly.load_data(wanted))
    assert shape is not None
    assert shape.stacks[0].layers == 1
    assert shape.tied_parameters == 0
    assert shape.trainable_parameters < shape.parameters


def test_an_encoder_and_a_decoder_are_two_stacks() -> None:
    wanted = asked("t5", "seq2seq-lm")
    shape = on_meta(wanted, assembly.load_data(wanted))
    assert shape is not None
    assert [stack.crossed for stack in shape.stacks] == [False, True]
    assert (shape.row_tokens, shape.target_tokens) == (TOKENS, TOKENS)


@pytest.mark.parametrize(("family", "task"), [("mixtral", "causal-lm"), ("albert", "masked-lm")])
def test_other_matrices_than_a_plain_transformers_have_no_shape(family: str, task: str) -> None:
    wanted = asked(family, task)
    assert on_meta(wanted, assembly.load_data(wanted)) is None


def test_a_model_without_layers_that_can_be_counted_has_no_shape() -> None:
    assert shape_of(torch.nn.Linear(2, 2), prepared()) is None


@pytest.mark.parametrize(
    ("family", "task", "changes"),
    [
        ("bert", "sequence-classification", {}),
        ("bert", "sequence-classification", {"training__dropout": 0.0}),
        ("bert", "masked-lm", {"training__attention": "eager"}),
        ("bert", "masked-lm", {"precision": "bf16"}),
        ("bert", "masked-lm", {"precision": "bf16", "training__dropout": 0.0}),
        ("bert", "masked-lm", {"training__frozen_layers": 1}),
        ("bert", "masked-lm", {"training__adapter": "lora"}),
        ("roberta", "masked-lm", {}),
        ("distilbert", "sequence-classification", {}),
        ("gpt2", "causal-lm", {}),
        ("gpt2", "causal-lm", {"precision": "bf16"}),
        ("llama", "causal-lm", {}),
        ("llama", "causal-lm", {"model__kv_heads": 2, "precision": "bf16"}),
        ("llama", "causal-lm", {"training__attention": "eager"}),
        ("qwen2", "causal-lm", {}),
        ("t5", "seq2seq-lm", {}),
        ("t5", "seq2seq-lm", {"precision": "bf16"}),
        ("bart", "seq2seq-lm", {}),
    ],
)
def test_the_closed_form_is_what_a_forward_pass_saves(family: str, task: str, changes: dict[str, Any]) -> None:
    wanted = asked(family, task, **changes)
    rows = assembly.load_data(wanted)
    shape = on_meta(wanted, rows)
    assert shape is not None
    assert memory(wanted, shape, ROWS, on_gpu=False).activations_bytes == pytest.approx(
        saved_bytes(wanted, rows), rel=0.07
    )


@pytest.mark.parametrize(("family", "task"), [("bert", "masked-lm"), ("llama", "causal-lm"), ("gpt2", "causal-lm")])
def test_full_checkpoints_keep_the_inputs_of_the_layers(family: str, task: str) -> None:
    wanted = asked(family, task, training__activation_checkpointing="full")
    rows = assembly.load_data(wanted)
    shape = on_meta(wanted, rows)
    assert shape is not None
    found = memory(wanted, shape, ROWS, on_gpu=False).activations_bytes
    assert found == pytest.approx(saved_bytes(wanted, rows), rel=0.15)
