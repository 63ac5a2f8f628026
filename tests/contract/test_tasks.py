"""What every task keeps to. A new plug-in is found and tested without an edit."""

import math
from dataclasses import replace
from typing import cast

import pytest
import torch

from benchbench import registry
from benchbench.scenario.types import Model
from benchbench.workload import models
from benchbench.workload.batches import Batch, held_out
from benchbench.workload.task import Task
from tests.training.small import prepared, split


@pytest.fixture(params=registry.names(registry.TASKS))
def task(request: pytest.FixtureRequest) -> Task:
    return cast(Task, registry.load(registry.TASKS, request.param))


@pytest.fixture
def model(task: Task) -> torch.nn.Module:
    torch.manual_seed(0)
    tiny = Model(family="bert", layers=1, hidden=16, heads=2, ffn=32, vocab=60)
    return models.build(models.configuration(tiny, 0.0, 3), task.head, "auto")


def rows_of(batch: Batch, begin: int, end: int) -> Batch:
    return replace(
        batch, ids_bs=batch.ids_bs[begin:end], mask_bs=batch.mask_bs[begin:end], labels_b=batch.labels_b[begin:end]
    )


def test_the_loss_is_a_sum_over_rows_and_not_a_mean(task: Task, model: torch.nn.Module) -> None:
    (batch,) = held_out(split(12, 1), 0)
    with torch.inference_mode():
        whole, first, rest = (task.loss_sum(model, rows_of(batch, *ends)) for ends in ((0, 12), (0, 5), (5, 12)))
    assert whole.shape == ()
    torch.testing.assert_close(whole, first + rest)
    assert float(whole) > 2 * float(first)


def test_the_loss_is_fp32_under_autocast_and_has_gradients(task: Task, model: torch.nn.Module) -> None:
    (batch,) = held_out(split(12, 1), 0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = task.loss_sum(model, batch)
    assert loss.dtype is torch.float32
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())


def test_the_scores_have_the_declared_names_and_do_not_depend_on_the_batching(
    task: Task, model: torch.nn.Module
) -> None:
    model.eval()
    found = []
    with torch.inference_mode():
        for size in (1, 7, 30):
            found.append(task.score(model, held_out(prepared().validation, 0, size)))
    assert all(set(scores) == set(task.metrics) for scores in found)
    assert "loss" in task.metrics
    for name in task.metrics:
        assert all(math.isfinite(scores[name]) for scores in found)
        assert found[0][name] == pytest.approx(found[1][name], rel=1e-4) == pytest.approx(found[2][name], rel=1e-4)


def test_accuracy_and_loss_of_classification_against_a_plain_loop() -> None:
    task = cast(Task, registry.load(registry.TASKS, "sequence-classification"))
    torch.manual_seed(0)
    tiny = Model(family="bert", layers=1, hidden=16, heads=2, ffn=32, vocab=60)
    model = models.build(models.configuration(tiny, 0.0, 3), task.head, "auto").eval()
    rows = prepared().validation
    right, losses = 0, []
    with torch.inference_mode():
        for row in range(len(rows)):
            ids = torch.tensor([rows.ids[rows.offsets[row] : rows.offsets[row + 1]].tolist()])
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
            label = int(rows.labels[row])
            right += int(logits.argmax()) == label
            losses.append(-float(torch.log_softmax(logits, dim=0)[label]))
        scores = task.score(model, held_out(rows, 0, 8))
    assert scores["accuracy"] == right / len(rows)
    assert scores["loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-5)
