"""The answers that a model finds in held-out contexts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from benchbench.workload.batches import Batch
from benchbench.workload.examples import IGNORED, Examples
from benchbench.workload.spans import best_spans, span_loss_sums
from benchbench.workload.task import HeldOut


@dataclass(frozen=True, kw_only=True)
class Answered:
    """Of the held-out rows.

    Attributes:
        true: the answers.
        found: those of the model, in the same order.
        loss: its mean over the windows; `nan` without any.
    """

    true: Sequence[str]
    found: Sequence[str]
    loss: float


@dataclass(kw_only=True)
class _Row:
    """What a row's windows say so far: the best span, and the least that speaks for no answer."""

    true: str
    text: str = ""
    score: float = -math.inf
    none: float = math.inf


def answered(model: torch.nn.Module, held_out: HeldOut) -> Answered:
    """The best span of each row, over all its windows.

    No answer is a choice only where some row has none: it is taken if in every window the first token has more than
    the best span of all.

    Args:
        model: with one logit a token for an answer's first and one for its last.
        held_out: windows as `tasks/question_answering.py` makes them.
    """
    loss_sum, rows = 0.0, dict[int, _Row]()
    for batch in held_out.batches:
        output = model(**batch.inputs)
        loss_sum += float(sum(span_loss_sums(output, batch).values()))
        _read(output.start_logits, output.end_logits, batch, held_out.examples, rows)
    may_be_empty = any(not row.true.strip() for row in rows.values())
    found = ["" if may_be_empty and row.none > row.score else row.text for row in rows.values()]
    windows = len(held_out.examples)
    loss = loss_sum / windows if windows else math.nan
    return Answered(true=[row.true for row in rows.values()], found=found, loss=loss)


def _read(
    first_bs: torch.Tensor, last_bs: torch.Tensor, batch: Batch, examples: Examples, rows: dict[int, _Row]
) -> None:
    """Takes in what some windows say."""
    spans = best_spans(first_bs, last_bs, batch.labels["begins"] != IGNORED)
    none = first_bs[:, 0].float() + last_bs[:, 0].float()
    values = (spans.first.tolist(), spans.last.tolist(), spans.score.tolist(), none.tolist())
    for window, first, last, score, empty in zip(batch.rows, *values, strict=True):
        example = int(examples.scalars["example"][window])
        row = rows.setdefault(example, _Row(true=examples.texts["answer"][window]))
        row.none = min(row.none, empty)
        if score > row.score:
            begin, end = examples.columns["begins"][window][first], examples.columns["ends"][window][last]
            row.score, row.text = score, examples.texts["context"][window][begin:end].strip()
