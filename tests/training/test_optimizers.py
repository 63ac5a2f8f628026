"""Every update rule: its first step against its closed form, several against a plain implementation in float64."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from benchbench.scenario.training_types import Optimizer
from benchbench.training.optimizers import build
from tests.training.small import CPU, loop_of, losses, scenario

Array = npt.NDArray[np.float64]
RULES = ("sgd", "momentum", "adam", "adamw", "lamb", "lion", "adafactor", "muon")
RATE, DECAY = 0.01, 0.1


class Net(nn.Module):
    """An embedding, a layer of the body, a norm and a head, in float64, as a transformers model has them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.base_model = nn.Sequential(nn.Embedding(6, 4), nn.Linear(4, 3), nn.LayerNorm(3))
        self.head = nn.Linear(3, 2)
        for parameter in self.parameters():
            nn.init.normal_(parameter)
        self.double()


NAMES = {
    "embedding": "base_model.0.weight",
    "matrix": "base_model.1.weight",
    "bias": "base_model.1.bias",
    "norm": "base_model.2.weight",
    "head": "head.weight",
}


def gradients(model: nn.Module, steps: int) -> list[dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(7)
    return [
        {n: torch.randn(p.shape, generator=generator, dtype=torch.float64) for n, p in model.named_parameters()}
        for _ in range(steps)
    ]


def moved(optimizer: Mapping[str, Any], steps: int = 1) -> tuple[dict[str, Array], dict[str, Array], list[Any]]:
    """The weights before and after some steps of `RATE`, and the gradients on the way."""
    model = Net()
    before = {name: p.detach().numpy().copy() for name, p in model.named_parameters()}
    built = build(Optimizer.model_validate({"learning_rate": RATE, "weight_decay": DECAY, **optimizer}), model, CPU)
    given = gradients(model, steps)
    for gradient in given:
        for name, parameter in model.named_parameters():
            parameter.grad = gradient[name].clone()
        built.step()
        built.zero_grad()
    after = {name: p.detach().numpy().copy() for name, p in model.named_parameters()}
    return before, after, [{n: g.numpy() for n, g in gradient.items()} for gradient in given]


def decay_of(name: str, weights: Array) -> Array | float:
    """The decoupled decay's part of a step: of matrices and embeddings alone."""
    return RATE * DECAY * weights if weights.ndim >= 2 else 0.0


@pytest.mark.parametrize("name", ["sgd", "momentum"])
def test_the_first_step_of_gradient_descent_is_the_gradient_with_l2(name: str) -> None:
    before, after, (gradient,) = moved({"name": name})
    for key, weights in before.items():
        pull = DECAY * weights if weights.ndim >= 2 else 0.0
        np.testing.assert_allclose(after[key], weights - RATE * (gradient[key] + pull), rtol=1e-12)


def test_the_first_step_of_adamw_has_the_size_of_the_learning_rate_whatever_the_gradient() -> None:
    before, after, (gradient,) = moved({"name": "adamw"})
    for key, weights in before.items():
        expected = weights - decay_of(key, weights) - RATE * np.sign(gradient[key])
        np.testing.assert_allclose(after[key], expected, rtol=1e-6)


def test_the_first_step_of_adam_has_the_sign_of_the_gradient_with_l2() -> None:
    before, after, (gradient,) = moved({"name": "adam"})
    for key, weights in before.items():
        pulled = gradient[key] + (DECAY * weights if weights.ndim >= 2 else 0.0)
        np.testing.assert_allclose(after[key], weights - RATE * np.sign(pulled), rtol=1e-5)


def test_the_first_step_of_lion_is_a_sign() -> None:
    before, after, (gradient,) = moved({"name": "lion"})
    for key, weights in before.items():
        expected = weights - decay_of(key, weights) - RATE * np.sign(gradient[key])
        np.testing.assert_allclose(after[key], expected, rtol=1e-12)


def test_the_first_step_of_lamb_is_as_long_as_the_learning_rate_times_the_weights() -> None:
    before, after, (gradient,) = moved({"name": "lamb"})
    for key, weights in before.items():
        step = after[key] - weights
        if weights.ndim >= 2:
            assert np.linalg.norm(step) == pytest.approx(RATE * np.linalg.norm(weights), rel=1e-12)
            direction = np.sign(gradient[key]) + DECAY * weights
            np.testing.assert_allclose(-step / np.linalg.norm(step), direction / np.linalg.norm(direction), rtol=1e-4)
        else:
            np.testing.assert_allclose(step, -RATE * np.sign(gradient[key]), rtol=1e-4)


def test_lamb_leaves_a_matrix_of_zeros_at_the_plain_step() -> None:
    model = nn.Linear(3, 2, bias=False).double()
    nn.init.zeros_(model.weight)
    model.weight.grad = torch.ones_like(model.weight)
    build(Optimizer(name="lamb", learning_rate=RATE), model, CPU).step()
    np.testing.assert_allclose(model.weight.detach().numpy(), -RATE, rtol=1e-5)


def test_the_first_step_of_adafactor_is_relative_to_the_weights() -> None:
    before, after, (gradient,) = moved({"name": "adafactor"})
    for key, weights in before.items():
        g = gradient[key]
        squares = g * g
        if weights.ndim >= 2:
            squares = np.outer(squares.mean(1), squares.mean(0)) / squares.mean()
        update = g / np.sqrt(squares)
        update /= max(1.0, math.sqrt((update * update).mean()))
        size = RATE * max(1e-3, math.sqrt((weights * weights).mean()))
        np.testing.assert_allclose(after[key], weights - decay_of(key, weights) - size * update, rtol=1e-9)


def test_adafactor_takes_small_gradients_and_rows_without_any_for_what_they_are() -> None:
    model = nn.Embedding(4, 8)
    before = model.weight.detach().clone()
    model.weight.grad = torch.full_like(model.weight, 1e-6)
    model.weight.grad[2] = 0.0
    build(Optimizer(name="adafactor", learning_rate=RATE, weight_decay=0.0), model, CPU).step()
    moved_by = (before - model.weight.detach()) / (RATE * before.square().mean().sqrt())
    assert torch.equal(moved_by[2], torch.zeros(8))
    np.testing.assert_allclose(moved_by[[0, 1, 3]].numpy(), 1.0, rtol=1e-3)


def test_the_first_step_of_muon_is_orthogonal_in_the_body_and_that_of_adamw_elsewhere() -> None:
    before, after, (gradient,) = moved({"name": "muon"})
    for key, weights in before.items():
        step = -(after[key] - weights + decay_of(key, weights)) / RATE
        if key != NAMES["matrix"]:
            np.testing.assert_allclose(step, np.sign(gradient[key]), rtol=1e-5)
            continue
        scale = 0.2 * math.sqrt(max(weights.shape))
        u, singular, v = np.linalg.svd(step / scale, full_matrices=False)
        assert ((singular > 0.6) & (singular < 1.3)).all()
        left, _, right = np.linalg.svd(gradient[key], full_matrices=False)
        assert np.sum((u @ v) * (left @ right)) == pytest.approx(len(singular), rel=0.05)


def _plain(name: str, w: Array, gs: list[Array], **constants: float) -> Array:
    """Several steps of a rule, written from its paper, one weight matrix or vector at a time."""
    b1, b2, eps = constants["beta1"], constants["beta2"], constants["epsilon"]
    pull = DECAY if w.ndim >= 2 else 0.0
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, gradient in enumerate(gs, start=1):
        g = gradient + pull * w if name in ("sgd", "momentum", "adam") else gradient
        if name in ("sgd", "momentum"):
            m = constants["momentum"] * m + g
            w = w - RATE * m
        elif name == "lion":
            step = np.sign(b1 * m + (1 - b1) * g)
            w, m = w - RATE * (step + pull * w), b2 * m + (1 - b2) * g
        else:
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
            r = (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)
            if name == "lamb":
                r = r + pull * w
                ratio = np.linalg.norm(w) / np.linalg.norm(r) if w.ndim >= 2 else 1.0
                w = w - RATE * ratio * r
            else:
                w = w - RATE * r - (RATE * pull * w if name == "adamw" else 0.0)
    return w


PLAIN: dict[str, dict[str, float]] = {
    "sgd": {"momentum": 0.0},
    "momentum": {"momentum": 0.9},
    "adam": {},
    "adamw": {},
    "lamb": {"epsilon": 1e-6},
    "lion": {"beta2": 0.99},
}


@pytest.mark.parametrize("name", PLAIN)
def test_several_steps_are_those_of_a_plain_implementation(name: str) -> None:
    before, after, given = moved({"name": name}, steps=6)
    constants = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "momentum": 0.0} | PLAIN[name]
    for key, weights in before.items():
        expected = _plain(name, weights, [g[key] for g in given], **constants)
        np.testing.assert_allclose(after[key], expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "constants"),
    [
        ("momentum", {"momentum": 0.5}),
        ("adam", {"beta1": 0.5, "beta2": 0.7, "epsilon": 0.1}),
        ("adamw", {"beta1": 0.5, "beta2": 0.7, "epsilon": 0.1}),
        ("lamb", {"beta1": 0.5, "beta2": 0.7, "epsilon": 0.1}),
        ("lion", {"beta1": 0.0, "beta2": 0.3}),
    ],
)
def test_a_stated_constant_acts(name: str, constants: dict[str, float]) -> None:
    before, after, given = moved({"name": name, **constants}, steps=4)
    used = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "momentum": 0.0} | constants
    for key, weights in before.items():
        np.testing.assert_allclose(after[key], _plain(name, weights, [g[key] for g in given], **used), rtol=1e-9)


@pytest.mark.parametrize(
    ("constant", "acts_on"), [("momentum", "matrix"), ("beta1", "bias"), ("beta2", "head"), ("epsilon", "embedding")]
)
def test_a_constant_of_muon_acts_on_its_part(constant: str, acts_on: str) -> None:
    _, usual, _ = moved({"name": "muon"}, steps=3)
    _, other, _ = moved({"name": "muon", constant: 0.4}, steps=3)
    changed = {short for short, name in NAMES.items() if not np.allclose(usual[name], other[name], rtol=1e-9)}
    assert acts_on in changed
    assert ("matrix" in changed) == (constant == "momentum")


@pytest.mark.parametrize(
    ("name", "constant"), [("sgd", "momentum"), ("sgd", "beta1"), ("lion", "epsilon"), ("adafactor", "beta2")]
)
def test_a_constant_that_a_rule_lacks_is_refused(name: str, constant: str) -> None:
    with pytest.raises(ValidationError, match=f"{name} has none; leave it out, or choose one of"):
        Optimizer.model_validate({"name": name, constant: 0.5})


@pytest.mark.parametrize("name", RULES)
def test_biases_and_norms_do_not_decay(name: str) -> None:
    _, plain, _ = moved({"name": name, "weight_decay": 0.0}, steps=2)
    _, decayed, _ = moved({"name": name, "weight_decay": 0.2}, steps=2)
    changed = {short for short, key in NAMES.items() if not np.allclose(plain[key], decayed[key], rtol=1e-9)}
    assert changed == {"embedding", "matrix", "head"}


@pytest.mark.parametrize("name", RULES)
def test_a_learning_rate_that_is_set_in_the_groups_acts_at_once(name: str) -> None:
    model = Net()
    optimizer = build(Optimizer(name=name, learning_rate=RATE), model, CPU)
    for group in optimizer.param_groups:
        group["lr"] = 0.0
    before = copy.deepcopy(model.state_dict())
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(model.parameters()))


@pytest.mark.parametrize("name", RULES)
def test_a_saved_state_goes_on_as_if_it_had_not_stopped(name: str) -> None:
    model = Net()
    given = gradients(model, 4)

    def step(of: nn.Module, optimizer: torch.optim.Optimizer, gradient: dict[str, torch.Tensor]) -> None:
        for key, parameter in of.named_parameters():
            parameter.grad = gradient[key].clone()
        optimizer.step()
        optimizer.zero_grad()

    wanted = Optimizer(name=name, learning_rate=RATE)
    first = build(wanted, model, CPU)
    for gradient in given[:2]:
        step(model, first, gradient)
    resumed = copy.deepcopy(model)
    second = build(wanted, resumed, CPU)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for group in second.param_groups:
        group["lr"] = RATE / 2
    for group in first.param_groups:
        group["lr"] = RATE / 2
    for gradient in given[2:]:
        step(model, first, gradient)
        step(resumed, second, gradient)
    for key, value in model.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key


@pytest.mark.parametrize("name", RULES)
def test_only_what_is_trained_is_held(name: str) -> None:
    model = Net()
    model.base_model.requires_grad_(False)
    optimizer = build(Optimizer(name=name), model, CPU)
    assert sum(len(group["params"]) for group in optimizer.param_groups) == 2


def test_the_optimizers_that_torch_has_fused_are_fused() -> None:
    for name in ("sgd", "momentum", "adam", "adamw"):
        assert build(Optimizer(name=name), Net(), CPU).defaults["fused"] is True


@pytest.mark.parametrize("name", ["lamb", "lion", "adafactor", "muon"])
def test_a_training_learns(name: str) -> None:
    rate = {"lamb": 0.05, "lion": 1e-3, "adafactor": 0.05, "muon": 1e-2}[name]
    found = losses(scenario(training={"optimizer": {"name": name, "learning_rate": rate}, "max_steps": 60}), steps=60)
    assert np.mean(found[-10:]) < 0.8 * np.mean(found[:10])


def test_muon_moves_the_matrices_of_the_body_alone() -> None:
    loop, _ = loop_of(scenario(training={"optimizer": {"name": "muon"}}))
    names = {id(p): name for name, p in loop.parts.model.named_parameters()}
    muon = {names[id(p)] for g in loop.parts.optimizer.param_groups if "ns_steps" in g for p in g["params"]}
    assert len(muon) == 2 * 6 + 1
    assert all("encoder.layer" in name or "pooler" in name for name in muon)
