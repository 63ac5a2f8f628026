"""How well the tokens of held-out rows were predicted.

Shape letters: B rows, S tokens, V vocabulary, N labelled positions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from benchbench.workload.examples import IGNORED
from benchbench.workload.losses import cross_entropy_sum
from benchbench.workload.task import HeldOut

_LOGITS = 2**26  # at a time: 256 MiB in float32
Tensors = Mapping[str, torch.Tensor]


def small_parts(model: torch.nn.Module, held_out: HeldOut) -> Iterator[tuple[Tensors, Tensors]]:
    """The inputs and labels of held-out rows, so few at a time that logits over the model's vocabulary have room."""
    logits = int(getattr(getattr(model, "config", None), "vocab_size", held_out.encoding.vocabulary.size))
    for batch in held_out.batches:
        rows = len(batch.rows)
        width = max(tensor.shape[1] for tensor in (*batch.inputs.values(), *batch.labels.values()) if tensor.ndim > 1)
        step = max(1, _LOGITS // (width * logits))
        for begin in range(0, rows, step):
            cut = slice(begin, begin + step)
            yield (
                {name: tensor[cut] for name, tensor in batch.inputs.items()},
                {name: tensor[cut] for name, tensor in batch.labels.items()},
            )


@dataclass
class TokenScores:
    """Adds up, over labelled positions: the cross-entropies (in nats), how many were predicted, their number."""

    loss_sum: float = 0.0
    hits: int = 0
    positions: int = 0

    def add(self, logits_bsv: torch.Tensor, labels_bs: torch.Tensor) -> None:
        """Adds some rows."""
        labelled = labels_bs != IGNORED
        logits_nv, labels_n = logits_bsv[labelled], labels_bs[labelled]
        self.loss_sum += float(cross_entropy_sum(logits_nv, labels_n))
        self.hits += int((logits_nv.argmax(dim=-1) == labels_n).sum())
        self.positions += len(labels_n)

    @property
    def loss(self) -> float:
        """The mean cross-entropy, in nats; `nan` without any position."""
        return self.loss_sum / self.positions if self.positions else math.nan

    @property
    def accuracy(self) -> float:
        """The share of positions whose likeliest token is the true one; `nan` without any position."""
        return self.hits / self.positions if self.positions else math.nan

    @property
    def perplexity(self) -> float:
        """The exponential of the loss; `inf` where that is too large for a number."""
        try:
            return math.exp(self.loss)
        except OverflowError:
            return math.inf


def language_scores(model: torch.nn.Module, held_out: HeldOut) -> TokenScores:
    """The scores of a language model over the held-out rows' `labels`."""
    scores = TokenScores()
    for inputs, labels in small_parts(model, held_out):
        scores.add(model(**inputs).logits, labels["labels"])
    return scores
