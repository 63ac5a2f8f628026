"""The L1 penalty, and label smoothing: in the gradients, and nowhere else."""

from __future__ import annotations

import numpy as np
import torch

from benchbench.training.penalties import L1
from benchbench.training.procedures import evaluate
from benchbench.workload.batches import held_out
from tests.training.small import CPU, ENCODING, loop_of, losses, prepared, scenario, take

SGD = {"name": "sgd", "learning_rate": 0.1, "weight_decay": 0.0}


def first_step(**training: object) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    settings = {"optimizer": SGD, "schedule": {"name": "constant", "warmup_fraction": 0.0}, "gradient_clip": None}
    loop, _ = loop_of(scenario(training=settings | training))
    before = {name: p.detach().clone() for name, p in loop.parts.model.named_parameters()}
    loop.start()
    loop.step()
    return before, {name: p.detach().clone() for name, p in loop.parts.model.named_parameters()}


def test_l1_adds_the_sign_of_every_matrix_to_its_gradient() -> None:
    before, plain = first_step()
    _, pulled = first_step(optimizer=SGD | {"l1": 0.03})
    for name, weight in before.items():
        pull = 0.1 * 0.03 * weight.sign() if weight.ndim >= 2 else torch.zeros_like(weight)
        torch.testing.assert_close(plain[name] - pulled[name], pull, rtol=1e-4, atol=1e-7)


def test_l1_is_pulled_before_the_gradient_is_clipped() -> None:
    before, after = first_step(optimizer=SGD | {"l1": 100.0}, gradient_clip=1.0)
    moved = torch.cat([(before[name] - after[name]).flatten() for name in before])
    assert float(moved.norm()) <= 0.1 * 1.0 + 1e-5


def test_l1_leaves_zeros_and_what_is_not_trained_alone() -> None:
    model = torch.nn.Linear(3, 2)
    with torch.no_grad():
        model.weight[0, 0] = 0.0
    model.weight.grad = torch.zeros_like(model.weight)
    L1(model, 0.5)()
    assert float(model.weight.grad[0, 0]) == 0.0
    assert float(model.weight.grad.abs().sum()) == 0.5 * 5
    model.weight.requires_grad_(False)
    model.weight.grad = torch.zeros_like(model.weight)
    L1(model, 0.5)()
    assert float(model.weight.grad.abs().sum()) == 0.0


def test_l1_makes_weights_small() -> None:
    def size(l1: float) -> float:
        loop, _ = loop_of(scenario(training={"optimizer": {"learning_rate": 1e-2, "weight_decay": 0.0, "l1": l1}}))
        loop.start()
        take(loop, 20)
        return float(loop.parts.model.bert.encoder.layer[0].intermediate.dense.weight.detach().abs().sum())

    assert size(1.0) < 0.8 * size(0.0)


def test_smoothing_is_that_of_torch_in_training() -> None:
    smoothed = losses(scenario(training={"label_smoothing": 0.2}), steps=1)[0]
    loop, _ = loop_of(scenario())
    (batch,) = next(loop.parts.batches)
    with torch.no_grad():
        logits = loop.parts.model(**batch.inputs).logits
    expected = torch.nn.functional.cross_entropy(logits, batch.labels["label"], label_smoothing=0.2)
    np.testing.assert_allclose(smoothed, float(expected), rtol=1e-6)
    assert smoothed != losses(scenario(), steps=1)[0]


def test_an_evaluation_is_without_smoothing() -> None:
    rows = held_out(prepared().validation, ENCODING, CPU)
    found = [evaluate(*loop_of(scenario(training={"label_smoothing": s})), rows)["loss"] for s in (0.0, 0.3)]
    assert found[0] == found[1]
