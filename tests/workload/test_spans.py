"""Spans and their loss, against plain loops."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from benchbench.workload.spans import LONGEST, best_spans, position_loss_sum
from benchbench.workload.task import Objective

ROWS, WIDTH = 6, 50


@pytest.fixture
def logits() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(ROWS, WIDTH, generator=generator), torch.randn(ROWS, WIDTH, generator=generator)


def test_the_best_span_is_that_of_a_loop_over_all_spans(logits: tuple[torch.Tensor, torch.Tensor]) -> None:
    first_bs, last_bs = logits
    inside = torch.zeros(ROWS, WIDTH, dtype=torch.bool)
    for row in range(ROWS):
        inside[row, 4 + row : 50 - 7 * row] = True
    found = best_spans(first_bs, last_bs, inside)
    for row in range(ROWS):
        tokens = inside[row].nonzero()[:, 0].tolist()
        spans = [(a, b) for a in tokens for b in tokens if a <= b < a + LONGEST]
        best = max(spans, key=lambda span: float(first_bs[row, span[0]] + last_bs[row, span[1]]))
        assert (int(found.first[row]), int(found.last[row])) == best
        assert float(found.score[row]) == pytest.approx(float(first_bs[row, best[0]] + last_bs[row, best[1]]))


def test_a_span_has_at_most_thirty_tokens_and_does_not_run_backwards() -> None:
    first, last = torch.zeros(2, WIDTH), torch.zeros(2, WIDTH)
    first[0, 2], last[0, 32], last[0, 31] = 9.0, 9.0, 5.0
    first[1, 20], last[1, 10], last[1, 25] = 9.0, 9.0, 5.0
    found = best_spans(first, last, torch.ones(2, WIDTH, dtype=torch.bool))
    assert LONGEST == 30
    assert (found.first.tolist(), found.last.tolist()) == ([2, 20], [31, 25])


def test_no_token_to_choose_has_no_score() -> None:
    found = best_spans(torch.ones(1, 3), torch.ones(1, 3), torch.zeros(1, 3, dtype=torch.bool))
    assert found.score.tolist() == [-torch.inf]


def test_without_padding_the_loss_is_the_cross_entropy(logits: tuple[torch.Tensor, torch.Tensor]) -> None:
    positions = torch.tensor([0, 49, 3, 7, 7, 20])
    mask = torch.ones(ROWS, WIDTH, dtype=torch.long)
    for smoothing in (0.0, 0.3):
        found = position_loss_sum(logits[0], mask, positions, Objective(label_smoothing=smoothing))
        wanted = cross_entropy(logits[0], positions, reduction="sum", label_smoothing=smoothing)
        torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(
        position_loss_sum(logits[0], mask, positions), position_loss_sum(logits[0], mask, positions, Objective())
    )


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_padding_changes_neither_loss_nor_gradient(smoothing: float, logits: tuple[torch.Tensor, torch.Tensor]) -> None:
    positions, objective = torch.tensor([0, 19, 3, 7, 7, 10]), Objective(label_smoothing=smoothing)
    mask = (torch.arange(WIDTH) < 20).long().expand(ROWS, WIDTH)
    wide = logits[0].clone().requires_grad_()
    narrow = logits[0][:, :20].clone().requires_grad_()
    pairs = ((wide, mask), (narrow, mask[:, :20]))
    losses = [position_loss_sum(logits_bs, mask_bs, positions, objective) for logits_bs, mask_bs in pairs]
    torch.testing.assert_close(*losses)
    for loss in losses:
        loss.backward()  # type: ignore[no-untyped-call]
    assert wide.grad is not None
    assert narrow.grad is not None
    torch.testing.assert_close(wide.grad[:, :20], narrow.grad)
    assert not wide.grad[:, 20:].any()


def test_the_loss_is_of_float32() -> None:
    loss = position_loss_sum(torch.ones(2, 4, dtype=torch.bfloat16), torch.ones(2, 4), torch.tensor([1, 2]))
    assert loss.dtype == torch.float32
