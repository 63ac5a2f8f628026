"""The shape that a model without weights has, and that the estimate from it stays above what a step really takes."""

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from benchbench.theory.footprint import training_bytes
from benchbench.training import assembly
from benchbench.training.shape import shape_of
from tests.training.small import loop_of, prepared, scenario


def test_a_berts_numbers() -> None:
    rows, wanted = prepared(), scenario()
    with torch.device("meta"):
        model = assembly.build_model(wanted, assembly.task_of(wanted), rows)
    shape = shape_of(model, rows)
    assert shape is not None
    assert shape.parameters == shape.trainable_parameters == sum(p.numel() for p in model.parameters())
    assert shape.linear_features == 2 * (4 * 64 + 2 * 80) + (64 + 35)  # two layers, pooler and classifier
    assert (shape.score_heads, shape.logits_per_token) == (4, 0)
    assert shape.row_tokens == rows.train.lengths.max()
    assert shape.process_bytes > 50e6


def test_a_model_without_layers_that_can_be_counted_has_no_shape() -> None:
    assert shape_of(torch.nn.Linear(2, 2), prepared()) is None


@pytest.mark.parametrize("family", ["bert", "gpt2", "llama", "roberta", "distilbert", "qwen2"])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_the_estimate_is_above_what_a_step_takes(family: str, attention: str) -> None:
    rows = prepared()
    wanted = scenario(model={"family": family}, training={"attention": attention, "dropout": 0.1})
    parts = loop_of(wanted, rows)[0].parts
    shape = shape_of(parts.model, rows)
    assert shape is not None
    (batch,) = next(parts.batches)
    width = batch.inputs["input_ids"].shape[1]
    parts.model.train()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        loss = parts.task.loss_sums(parts.model, batch, parts.objective)["label"]
    kept = sum(event.self_cpu_memory_usage for event in seen.events() or ())
    loss.backward()  # type: ignore[no-untyped-call]
    real = kept + 4 * 4 * shape.parameters  # weights, gradients and two moments
    estimate = training_bytes(shape.model_copy(update={"row_tokens": width}), "adamw", batch.samples)
    assert real < estimate < 4 * real
