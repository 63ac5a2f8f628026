"""Masked language modelling: some tokens are hidden and are to be predicted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from benchbench.workload.documents import pieces
from benchbench.workload.examples import Examples, Ragged
from benchbench.workload.masking import check_mask, with_masks
from benchbench.workload.task import Encoding, HeldOut, Objective, Task

if TYPE_CHECKING:
    import torch

    from benchbench.workload.batches import Batch
    from benchbench.workload.rows import Rows

_MASK_SEED = 20_260_202  # held-out rows are masked once, so that every evaluation and every repeat sees the same


class MaskedLm(Task):
    """See `Task`.

    A text that is too long is cut into pieces. Training rows are masked anew each time that they are seen (Liu et al.
    2019), held-out rows once.
    """

    head = "AutoModelForMaskedLM"
    roles = ("text",)
    metrics = ("accuracy", "loss", "perplexity")
    losses = ("loss", "perplexity")
    packs = True

    def encode(self, rows: Rows, encoding: Encoding) -> Examples:
        """See `Task.encode`."""
        vocabulary = encoding.vocabulary
        check_mask(vocabulary)
        room = encoding.sequence_length - 2
        found = [
            [vocabulary.begin, *piece, vocabulary.end]
            for row in vocabulary.encode(rows.texts("text"), special=False)
            for piece in pieces(row.ids, room)
        ]
        first = int(rows.numbers[0]) if len(rows) else 0
        return self.synthetic(Ragged.of(found), encoding, np.random.default_rng([_MASK_SEED, first]))

    def synthetic(self, ids: Ragged, encoding: Encoding, generator: np.random.Generator) -> Examples:
        """See `Task.synthetic`."""
        examples = Examples(columns={"ids": ids})
        return with_masks(examples, encoding.vocabulary, generator) if encoding.held_out else examples

    def afresh(self, examples: Examples, encoding: Encoding, generator: np.random.Generator) -> Examples:
        """Masks the rows of a global batch."""
        return with_masks(examples, encoding.vocabulary, generator)

    def loss_sums(self, model: torch.nn.Module, batch: Batch, objective: Objective) -> Mapping[str, torch.Tensor]:
        """The summed cross-entropy of the masked tokens of a micro-batch."""
        from benchbench.workload.losses import cross_entropy_sum

        logits_bsv = model(**batch.inputs).logits
        return {"labels": cross_entropy_sum(logits_bsv, batch.labels["labels"], objective)}

    def score(self, model: torch.nn.Module, held_out: HeldOut) -> Mapping[str, float]:
        """Mean cross-entropy, perplexity and accuracy over the masked tokens."""
        from benchbench.workload.token_scores import language_scores

        scores = language_scores(model, held_out)
        return {"accuracy": scores.accuracy, "loss": scores.loss, "perplexity": scores.perplexity}


PLUGIN = MaskedLm()
