"""Bytes are those of the tensors that go into an operator and come out of it, each where it really lies."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from benchbench.training.moving import Moved

A, B = torch.zeros(4, 8), torch.zeros(8, 2)


def bytes_of(call: Callable[[], object]) -> int:
    with Moved() as moved:
        call()
    return moved.total_bytes


@pytest.mark.parametrize(
    ("call", "floats"),
    [
        (lambda: A @ B, 32 + 16 + 8),
        (lambda: A + A, 32 + 32),  # one tensor, read once
        (lambda: A.t().view(8, 4).unsqueeze(0), 0),
        (lambda: A.add_(1.0), 32 + 32),
        (lambda: torch.empty(1000), 0),
        (lambda: torch.zeros(10), 10),
        (lambda: B[:1].expand(100, 2).clone(), 2 + 200),  # what is expanded is read once
        (lambda: torch.split(A.clone(), 2), 32 + 32),
        (lambda: torch._foreach_add([A.clone(), A.clone()], 1.0), 2 * 64 + 64 + 64),
    ],
)
def test_operators_move_what_they_read_and_write(call: Callable[[], object], floats: int) -> None:
    assert bytes_of(call) == 4 * floats


def test_a_fused_optimizer_is_taken_at_its_word() -> None:
    # reads weight, gradient and two moments; declares that it writes all four, as it does where gradients are scaled
    weights = torch.nn.Parameter(torch.zeros(1000))
    weights.grad = torch.ones(1000)
    optimizer = torch.optim.AdamW([weights], fused=True)
    optimizer.step()
    assert bytes_of(optimizer.step) == pytest.approx(4 * 8 * 1000, rel=0.01)
