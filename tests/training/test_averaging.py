"""The moving average of the weights: its recursion, what an evaluation sees, what it costs the training (nothing)."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchbench.training.averaging import Average
from benchbench.training.loop import Loop
from benchbench.training.procedures import evaluate
from benchbench.workload.batches import held_out
from tests.training.small import CPU, ENCODING, loop_of, losses, prepared, scenario, take


def weights(loop: Loop) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in loop.parts.model.named_parameters()}


def judged(loop: Loop) -> dict[str, torch.Tensor]:
    with loop.parts.judged() as model:
        return {name: p.detach().clone() for name, p in model.named_parameters()}


def test_an_evaluation_sees_the_exact_recursion_in_float64() -> None:
    decay = 0.8
    loop, _ = loop_of(scenario(training={"ema": decay}))
    expected = {name: p.double() for name, p in weights(loop).items()}
    loop.start()
    for _ in range(12):
        loop.step()
        now = weights(loop)
        expected = {name: decay * a + (1 - decay) * now[name].double() for name, a in expected.items()}
    found = judged(loop)
    for name, average in expected.items():
        torch.testing.assert_close(found[name].double(), average, rtol=1e-5, atol=1e-7)
    assert not torch.allclose(found["classifier.weight"], now["classifier.weight"])


def test_the_training_goes_on_bit_for_bit_with_and_without_it() -> None:
    assert losses(scenario(training={"ema": 0.9})) == losses(scenario())
    loop, events = loop_of(scenario(training={"ema": 0.9}))
    loop.start()
    for _ in range(10):
        take(loop, 2)
        before = weights(loop)
        judged(loop)
        assert all(torch.equal(value, before[name]) for name, value in weights(loop).items())
    assert events.losses == losses(scenario())


def test_the_weights_come_back_when_an_evaluation_fails() -> None:
    loop, _ = loop_of(scenario(training={"ema": 0.5}))
    loop.start()
    take(loop, 2)
    before = weights(loop)
    with pytest.raises(ZeroDivisionError), loop.parts.judged():
        raise ZeroDivisionError
    assert all(torch.equal(value, before[name]) for name, value in weights(loop).items())


def test_the_metrics_are_those_of_the_average() -> None:
    loop, events = loop_of(scenario(training={"ema": 0.9}))
    loop.start()
    take(loop, 15)
    rows = held_out(prepared().validation, ENCODING, CPU)
    found = evaluate(loop, events, rows)
    average = judged(loop)
    plain, other = loop_of(scenario())
    with torch.no_grad():
        for name, parameter in plain.parts.model.named_parameters():
            parameter.copy_(average[name])
    assert evaluate(plain, other, rows) == found
    with torch.inference_mode():
        assert loop.parts.task.score(loop.parts.model.eval(), rows)["loss"] != found["loss"]


def test_frozen_parameters_are_not_copied() -> None:
    model = torch.nn.Linear(2, 2)
    model.weight.requires_grad_(False)
    assert set(Average(model, 0.9).state_dict()) == {"bias"}


def test_a_saved_average_goes_on_as_if_it_had_not_stopped() -> None:
    wanted = scenario(training={"ema": 0.7})
    loop, _ = loop_of(wanted)
    loop.start()
    take(loop, 5)
    saved = {name: tensor.clone() for name, tensor in loop.parts.states["average"].state_dict().items()}
    resumed = Average(loop.parts.model, 0.7)
    resumed.load_state_dict(saved)
    take(loop, 3)
    expected = judged(loop)
    other = Average(loop.parts.model, 0.7)
    other.load_state_dict(resumed.state_dict())
    for name, tensor in saved.items():
        np.testing.assert_array_equal(resumed.state_dict()[name].numpy(), tensor.numpy())
        assert not torch.equal(tensor, expected[name])
