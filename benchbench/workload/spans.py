"""Spans of tokens that a model points at with one number a token for the first and one for the last.

Shape letters: B rows, S tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from benchbench.workload.batches import Batch
from benchbench.workload.task import Objective

LONGEST = 30  # tokens of an answer, as in the evaluation of Devlin et al. 2019 (their code's `max_answer_length`)


def position_loss_sum(
    logits_bs: torch.Tensor, mask_bs: torch.Tensor, positions_b: torch.Tensor, objective: Objective | None = None
) -> torch.Tensor:
    """The sum of the cross-entropies of positions, padding being no choice. Scalar, float32.

    So a row's loss does not depend on how far it is filled up.

    Args:
        logits_bs: of each position.
        mask_bs: 0 at padding.
        positions_b: the true ones.
        objective: smoothing, which is spread over a row's tokens; None for none.
    """
    there = mask_bs.bool()
    logs_bs = logits_bs.float().masked_fill(~there, -torch.inf).log_softmax(dim=1)
    true = -logs_bs.gather(1, positions_b[:, None]).sum()
    smoothing = objective.label_smoothing if objective else 0.0
    if not smoothing:
        return true
    every_b = -logs_bs.masked_fill(~there, 0.0).sum(dim=1) / there.sum(dim=1)
    return (1 - smoothing) * true + smoothing * every_b.sum()


class Pointers(Protocol):
    """What a model for extractive question answering gives.

    Attributes:
        start_logits: of each token, to be an answer's first. Shape (B, S).
        end_logits: of each token, to be an answer's last. Shape (B, S).
    """

    start_logits: torch.Tensor
    end_logits: torch.Tensor


def span_loss_sums(output: Pointers, batch: Batch, objective: Objective | None = None) -> dict[str, torch.Tensor]:
    """Half of the summed cross-entropies of the first tokens, and of the last tokens, by the name of their label."""
    mask_bs = batch.inputs["attention_mask"]
    return {
        "start": position_loss_sum(output.start_logits, mask_bs, batch.labels["start"], objective) / 2,
        "end": position_loss_sum(output.end_logits, mask_bs, batch.labels["end"], objective) / 2,
    }


@dataclass(frozen=True, kw_only=True)
class Spans:
    """The best span of each row.

    Attributes:
        first: its first token. Shape (B,).
        last: its last token. Shape (B,).
        score: the sum of their logits, minus infinity where no token may be chosen. Shape (B,).
    """

    first: torch.Tensor
    last: torch.Tensor
    score: torch.Tensor


def best_spans(first_bs: torch.Tensor, last_bs: torch.Tensor, inside_bs: torch.Tensor) -> Spans:
    """The spans of at most `LONGEST` tokens with the largest sum of logits.

    Args:
        first_bs: how much each token looks like a span's first.
        last_bs: how much each token looks like a span's last.
        inside_bs: which tokens a span may begin and end with.
    """
    first_bs, last_bs = (logits.float().masked_fill(~inside_bs, -torch.inf) for logits in (first_bs, last_bs))
    rows, width = first_bs.shape
    first, last = (torch.zeros(rows, dtype=torch.long, device=first_bs.device) for _ in range(2))
    score = torch.full((rows,), -torch.inf, device=first_bs.device)
    for more in range(min(LONGEST, width)):
        sums, places = (first_bs[:, : width - more] + last_bs[:, more:]).max(dim=1)
        better = sums > score
        first = torch.where(better, places, first)
        last = torch.where(better, places + more, last)
        score = torch.where(better, sums, score)
    return Spans(first=first, last=last, score=score)
