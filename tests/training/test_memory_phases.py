"""Memory by phase: exact where it can be said on paper, by the allocator's word where there is one."""

from __future__ import annotations

from typing import Any

import torch

from benchbench.training import memory_phases
from tests.training.small import loop_of, scenario, take


def phases(allocator: memory_phases.Allocator | None = None, **training: Any) -> dict[str, Any]:
    loop, events = loop_of(scenario(training=training))
    loop.start()
    take(loop, 1)
    memory_phases.report(loop, events, allocator)
    assert len(events.of("step")) == 1, "the step that is looked at is no measured one"
    found = events.of("memory-phases")
    assert len(found) == 1
    return found[0] | {"weights": sum(p.numel() for p in loop.parts.model.parameters())}


def test_weights_gradients_and_state_are_exact() -> None:
    found = phases()
    buffers = found["parameters_bytes"] - 4 * found["weights"]
    assert 0 <= buffers < 2**14  # numbers of positions
    assert found["gradients_bytes"] == 4 * found["weights"]
    assert 0 <= found["optimizer_bytes"] - 8 * found["weights"] < 1000  # two moments, and a step a tensor
    assert found["averages_bytes"] == 0
    assert found["temporary_bytes"] is None


def test_levers_that_save_memory_are_seen_to() -> None:
    plain = phases()
    assert phases(optimizer={"name": "momentum", "learning_rate": 0.1})["optimizer_bytes"] == 4 * plain["weights"]
    assert phases(frozen_layers=2)["gradients_bytes"] < plain["gradients_bytes"]
    assert phases(ema=0.9)["averages_bytes"] == 4 * plain["weights"]
    assert phases(activation_checkpointing="full")["activations_bytes"] < plain["activations_bytes"] / 2
    assert 2 < plain["activations_bytes"] / phases(micro_batch=2)["activations_bytes"] < 6


def test_activations_are_what_autograd_saves() -> None:
    x, w = torch.randn(5, 3, requires_grad=True), torch.randn(3, 7, requires_grad=True)
    saved = memory_phases.Saved([w])
    with torch.autograd.graph.saved_tensors_hooks(saved.pack, lambda tensor: tensor):
        y = torch.exp(x @ w)  # keeps x for w's gradient, w for x's (left out), and its own result
        loss = (y * y).sum()  # keeps y once more
    assert saved.total_bytes == 4 * (15 + 35)
    loss.backward()
    torch.testing.assert_close(w.grad, x.detach().t() @ (2 * torch.exp(x @ w).detach() ** 2))


def test_a_compiled_model_is_not_watched() -> None:
    loop, events = loop_of(scenario())
    training = loop.parts.training.model_copy(update={"compile": "default"})
    loop.parts.__dict__["training"] = training
    take(loop, 1)
    memory_phases.report(loop, events, None)
    assert events.of("memory-phases")[0]["activations_bytes"] is None


class Allocator:
    """Answers as a script has it: bytes in use at each border, and the peak before each."""

    def __init__(self, now: list[int], peaks: list[int]) -> None:
        self.now, self.peaks = now, peaks

    def now_bytes(self) -> int:
        return self.now.pop(0)

    def peak_bytes(self) -> int:
        return self.peaks.pop(0)

    def reset(self) -> None:
        pass


def test_an_allocator_tells_activations_and_what_is_temporary() -> None:
    # start; after the forward pass; after the backward pass; after the update
    found = phases(Allocator([100, 350, 180, 100], [360, 400, 230]))
    assert found["activations_bytes"] == 250
    assert found["temporary_bytes"] == 50  # forward 360 - 350, backward 400 - 350, update 230 - 180
