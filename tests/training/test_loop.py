"""The measured loop against a plain PyTorch loop written by hand, and what each setting does to it."""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from benchbench.training.failures import DivergedError
from benchbench.training.loop import Loop
from benchbench.workload.batches import Batch
from benchbench.workload.feeding import MicroBatches
from benchbench.workload.preparing import Prepared
from benchbench.workload.task import Objective
from tests.training.small import LABELS, VOCABULARY, loop_of, losses, prepared, scenario, take

STEPS = 20


def by_hand(
    rows: Prepared,
    make: Callable[..., torch.optim.Optimizer],
    shape: Callable[[int], float],
    clip: float | None,
    attention: str = "sdpa",
) -> list[float]:
    """The losses of a loop that shares nothing with ours but torch, transformers and the data.

    Args:
        rows: the data.
        make: the optimizer of parameter groups.
        shape: the learning rate's factor in a step, from 1.
        clip: the largest gradient norm.
        attention: transformers' name of the kernel.
    """
    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, vocab_size=VOCABULARY,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, num_labels=len(LABELS),
    )  # fmt: skip
    config._attn_implementation = attention
    model = BertForSequenceClassification(config)
    model.train()
    plain = [p for name, p in model.named_parameters() if name.endswith("bias") or "LayerNorm" in name]
    decayed = [p for name, p in model.named_parameters() if not (name.endswith("bias") or "LayerNorm" in name)]
    optimizer = make([{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}], lr=1e-2)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: shape(done + 1))
    found: list[float] = []
    queue: list[int] = []
    epochs = count()
    for _ in range(STEPS):
        while len(queue) < 8:
            queue += np.random.default_rng([0, next(epochs)]).permutation(len(rows.train)).tolist()
        batch, queue = queue[:8], queue[8:]
        texts = [rows.train.columns["ids"][r].tolist() for r in batch]
        width = max(map(len, texts))
        ids = torch.tensor([text + [0] * (width - len(text)) for text in texts])
        mask = torch.tensor([[1] * len(text) + [0] * (width - len(text)) for text in texts])
        labels = torch.tensor([int(rows.train.scalars["label"][r]) for r in batch])
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        found.append(loss.item())
    return found


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": lambda groups, lr: torch.optim.SGD(groups, lr=lr, momentum=0.9),
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}
SHAPES: dict[str, Callable[[int], float]] = {
    "constant": lambda _step: 1.0,
    "linear": lambda step: (STEPS - (step - 1)) / (STEPS - 4),
    "cosine": lambda step: (1 + math.cos(math.pi * (step - 5) / (STEPS - 4))) / 2,
}


def warmed(shape: Callable[[int], float]) -> Callable[[int], float]:
    """Four steps of warm-up, then a shape."""
    return lambda step: step / 4 if step <= 4 else shape(step)


def settings(optimizer: str, schedule: str, **more: Any) -> dict[str, Any]:
    return {
        "optimizer": {"name": optimizer, "learning_rate": 1e-2, "weight_decay": 0.1},
        "schedule": {"name": schedule, "warmup_fraction": 0.2},
        **more,
    }


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_takes_the_steps_of_a_plain_loop(optimizer: str) -> None:
    ours = losses(scenario(training=settings(optimizer, "linear")))
    plain = by_hand(prepared(), OPTIMIZERS[optimizer], warmed(SHAPES["linear"]), clip=1.0)
    np.testing.assert_allclose(ours, plain, rtol=2e-5)
    assert ours[0] != ours[-1]


@pytest.mark.parametrize("schedule", SHAPES)
def test_every_schedule_takes_the_steps_of_a_plain_loop(schedule: str) -> None:
    ours = losses(scenario(training=settings("adamw", schedule)))
    np.testing.assert_allclose(ours, by_hand(prepared(), torch.optim.AdamW, warmed(SHAPES[schedule]), 1.0), rtol=2e-5)


@pytest.mark.parametrize("clip", [None, 0.05])
def test_clipping_is_that_of_a_plain_loop(clip: float | None) -> None:
    ours = losses(scenario(training=settings("sgd", "constant", gradient_clip=clip)))
    plain = by_hand(prepared(), torch.optim.SGD, warmed(SHAPES["constant"]), clip)
    np.testing.assert_allclose(ours, plain, rtol=2e-5)


def test_no_clipping_differs_from_clipping() -> None:
    free, held = (losses(scenario(training=settings("sgd", "constant", gradient_clip=c))) for c in (None, 0.05))
    assert not np.allclose(free, held, rtol=1e-3)


@pytest.mark.parametrize("micro_batch", [1, 2, 4])
def test_accumulation_gives_the_losses_of_one_batch(micro_batch: int) -> None:
    whole = losses(scenario())
    np.testing.assert_allclose(losses(scenario(training={"micro_batch": micro_batch})), whole, rtol=2e-4)


class _Uneven:
    """A task whose micro-batches differ in loss, to tell a mean from a mean of means."""

    def loss_sums(self, model: torch.nn.Module, batch: Batch, objective: Objective) -> dict[str, torch.Tensor]:
        return {name: (model.weight * values.float()).sum() for name, values in batch.labels.items()}


def batch_of(**labels: tuple[int, ...]) -> Batch:
    return Batch(
        inputs={},
        labels={name: torch.tensor(values) for name, values in labels.items()},
        counts={name: len(values) for name, values in labels.items()},
        rows=np.empty(0, np.int64),
        samples=1,
        tokens=1,
    )


def test_the_loss_is_the_mean_over_the_global_batch() -> None:
    loop, _ = loop_of(scenario())
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.ones_(model.weight)
    loop.parts = replace(loop.parts, model=model, task=_Uneven())
    parts = [batch_of(first=(10,)), batch_of(first=(2, 2, 2))]
    assert loop.accumulate(parts).item() == pytest.approx((10 + 3 * 2) / 4)
    assert model.weight.grad is not None
    assert model.weight.grad.item() == pytest.approx(4.0)


def test_a_loss_of_several_parts_is_the_sum_of_their_means() -> None:
    loop, _ = loop_of(scenario())
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.ones_(model.weight)
    loop.parts = replace(loop.parts, model=model, task=_Uneven())
    parts = [batch_of(first=(10,), second=(1, 1)), batch_of(first=(2, 2, 2), second=())]
    assert loop.accumulate(parts).item() == pytest.approx((10 + 3 * 2) / 4 + 1)


def test_bf16_is_close_to_fp32_and_not_the_same() -> None:
    bf16, fp32 = (losses(scenario(precision=p, training=settings("sgd", "constant"))) for p in ("bf16", "fp32"))
    assert bf16 != fp32
    np.testing.assert_allclose(bf16, fp32, rtol=0.05)


def test_bf16_keeps_weights_and_loss_in_fp32() -> None:
    loop, _ = loop_of(scenario(precision="bf16"))
    loop.start()
    loop.step()
    assert {p.dtype for p in loop.parts.model.parameters()} == {torch.float32}
    assert loop.accumulate(next(loop.parts.batches)).dtype is torch.float32


def test_the_seed_changes_the_weights_and_the_order() -> None:
    first, again, other = (loop_of(scenario(training={"seed": seed}))[0] for seed in (3, 3, 4))
    weights = [next(loop.parts.model.parameters()) for loop in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    labels = [next(loop.parts.batches)[0].inputs["input_ids"].tolist() for loop in (first, again, other)]
    assert labels[0] == labels[1]
    assert labels[0] != labels[2]


@pytest.mark.parametrize(
    "change",
    [
        {"training": {"micro_batch": 2}},
        {"training": {"dropout": 0.5}},
        {"training": {"optimizer": {"name": "sgd"}}},
        {"model": {"layers": 1}},
        {"precision": "bf16"},
    ],
)
def test_the_order_depends_on_data_and_seed_alone(change: dict[str, Any]) -> None:
    def order(loop: Loop) -> list[list[int]]:
        return [[label for b in next(loop.parts.batches) for label in b.labels["label"].tolist()] for _ in range(20)]

    assert order(loop_of(scenario(**change))[0]) == order(loop_of(scenario())[0])


def test_a_step_event_has_every_field_and_the_loop_adds_them_up() -> None:
    loop, events = loop_of(scenario(training={"micro_batch": 2}))
    loop.start()
    times = [s for _ in range(5) for s in loop.step()] + loop.stop()
    steps = events.of("step")
    assert [s["step"] for s in steps] == [1, 2, 3, 4, 5]
    assert [s["step_s"] for s in steps] == times
    assert loop.training_s == pytest.approx(sum(times))
    assert loop.last_loss == steps[-1]["loss"]
    assert {s["samples"] for s in steps} == {8}
    assert [s["learning_rate"] for s in steps] == pytest.approx([0.005, 0.01, 0.01, 0.01 * 17 / 18, 0.01 * 16 / 18])
    assert all(0 <= s["data_wait_s"] < s["step_s"] for s in steps)
    again = loop_of(scenario())[0]
    tokens = [sum(int(b.inputs["attention_mask"].sum()) for b in next(again.parts.batches)) for _ in range(5)]
    assert [s["tokens"] for s in steps] == tokens
    json.dumps(events.lines, allow_nan=False)


class _SlowBatches(MicroBatches):
    """Data that comes late."""

    def __next__(self) -> list[Batch]:
        time.sleep(0.02)
        return super().__next__()


def test_waiting_for_data_is_told_and_is_part_of_the_step() -> None:
    loop, events = loop_of(scenario())
    loop.parts = replace(loop.parts, batches=_SlowBatches(loop.parts.batches.recipe))
    loop.start()
    take(loop, 3)
    assert all(0.02 <= s["data_wait_s"] < s["step_s"] for s in events.of("step"))


def test_the_steps_agree_with_a_stopwatch_around_them() -> None:
    loop, events = loop_of(scenario(model={"hidden": 64, "ffn": 128}))
    loop.start()
    began_s = time.perf_counter()
    take(loop, 60)
    loop.stop()
    stopwatch_s = (time.perf_counter() - began_s) / 60
    assert np.mean([s["step_s"] for s in events.of("step")]) == pytest.approx(stopwatch_s, rel=0.03)


class _Poisoned:
    """The real task until a step, then a loss that is no number."""

    def __init__(self, loop: Loop, at_step: int, value: float) -> None:
        self._loop, self._task, self._at_step, self._value = loop, loop.parts.task, at_step, value

    def loss_sums(self, model: torch.nn.Module, batch: Batch, objective: Objective) -> dict[str, torch.Tensor]:
        factor = self._value if self._loop.steps_taken == self._at_step else 1.0
        return {name: part * factor for name, part in self._task.loss_sums(model, batch, objective).items()}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_training_with_its_step(value: float) -> None:
    loop, events = loop_of(scenario())
    loop.parts = replace(loop.parts, task=_Poisoned(loop, 3, value))
    loop.start()
    with pytest.raises(DivergedError, match="at step 3") as caught:
        take(loop, 10)
    assert caught.value.step == 3
    assert [s["loss"] is None for s in events.of("step")] == [False, False, True]
    json.dumps(events.lines, allow_nan=False)


def test_a_learning_rate_that_is_absurd_diverges() -> None:
    with pytest.raises(DivergedError):
        losses(scenario(training={**settings("sgd", "constant", gradient_clip=None), "optimizer": {
            "name": "sgd", "learning_rate": 1e30}}))  # fmt: skip


class _Small:
    """A device on which no more than so many rows fit."""

    def __init__(self, loop: Loop, rows: int) -> None:
        self._task, self._rows = loop.parts.task, rows

    def loss_sums(self, model: torch.nn.Module, batch: Batch, objective: Objective) -> Mapping[str, torch.Tensor]:
        if batch.samples > self._rows:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return self._task.loss_sums(model, batch, objective)


@pytest.mark.parametrize("micro_batch", [8, "auto", 4])
def test_memory_that_a_micro_batch_does_not_fit_in_is_an_error(micro_batch: Any) -> None:
    loop, _ = loop_of(scenario(training={"micro_batch": micro_batch}))
    loop.parts = replace(loop.parts, task=_Small(loop, 3))
    loop.start()
    with pytest.raises(torch.OutOfMemoryError):
        loop.step()
