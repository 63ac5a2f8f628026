"""Sums over labelled tokens."""

import math

import pytest
import torch

from benchbench.workload.examples import IGNORED
from benchbench.workload.token_scores import TokenScores


def test_only_labelled_positions_count() -> None:
    logits = torch.tensor([[[2.0, 0.0], [0.0, 2.0]], [[0.0, 2.0], [5.0, 5.0]]])
    scores = TokenScores()
    scores.add(logits, torch.tensor([[0, 0], [1, IGNORED]]))
    near, far = math.log1p(math.exp(-2)), math.log1p(math.exp(2))
    assert scores.positions == 3
    assert scores.loss == pytest.approx((2 * near + far) / 3)
    assert scores.accuracy == pytest.approx(2 / 3)
    assert scores.perplexity == pytest.approx(math.exp((2 * near + far) / 3))


def test_a_perplexity_too_large_for_a_number_is_infinite_and_of_nothing_unknown() -> None:
    assert TokenScores(loss_sum=1e6, positions=1).perplexity == math.inf
    empty = TokenScores()
    assert math.isnan(empty.loss)
    assert math.isnan(empty.accuracy)
    assert math.isnan(empty.perplexity)


def test_the_sums_are_in_float32_whatever_the_logits_are() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(4, 50, 30), torch.randint(30, (4, 50))
    half, full = TokenScores(), TokenScores()
    half.add(logits.bfloat16(), labels)
    full.add(logits.bfloat16().float(), labels)
    assert half.loss == full.loss
