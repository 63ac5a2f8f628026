"""Sequence to sequence: one text is written from another, as in translation and summarisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from benchbench.workload.examples import Examples, Ragged
from benchbench.workload.task import Encoding, HeldOut, Objective, Task
from benchbench.workload.text_scores import TEXT_METRICS, text_scores

if TYPE_CHECKING:
    import torch

    from benchbench.workload.batches import Batch
    from benchbench.workload.rows import Rows


class Seq2SeqLm(Task):
    """See `Task`.

    `labels` holds the target and the end token; `decoder_ids` the same one place later, behind the token that the
    model's decoder begins with. A source or target that is too long loses its end.

    The metrics that compare texts are those of what the model writes by itself, for at most 200 of the held-out rows,
    spread evenly; the others are over all rows. As writing takes long, they are left out where they are not wanted.
    """

    head = "AutoModelForSeq2SeqLM"
    roles = ("source", "target")
    tokenizer = "bytes"
    metrics = ("accuracy", "loss", "perplexity", *TEXT_METRICS)
    losses = ("loss", "perplexity")
    highest: Mapping[str, float] = {"bleu": 100.0}

    def encode(self, rows: Rows, encoding: Encoding) -> Examples:
        """See `Task.encode`."""
        vocabulary, longest = encoding.vocabulary, encoding.sequence_length
        targets = rows.texts("target")
        labels = [[*found.ids[: longest - 1], vocabulary.end] for found in vocabulary.encode(targets, special=False)]
        return _examples(vocabulary.rows(rows.texts("source"), longest), Ragged.of(labels), targets, encoding)

    def synthetic(self, ids: Ragged, encoding: Encoding, generator: np.random.Generator) -> Examples:
        """See `Task.synthetic`: a row's target is another row's ids."""
        labels = ids.take(generator.permutation(len(ids)).astype(np.int64))
        targets = (
            [encoding.vocabulary.decode(labels[row].tolist()) for row in range(len(labels))]
            if encoding.held_out
            else []
        )
        return _examples(ids, labels, targets, encoding)

    def loss_sums(self, model: torch.nn.Module, batch: Batch, objective: Objective) -> Mapping[str, torch.Tensor]:
        """The summed cross-entropy of a micro-batch's target tokens."""
        from benchbench.workload.losses import cross_entropy_sum

        logits_bsv = model(**batch.inputs).logits
        return {"labels": cross_entropy_sum(logits_bsv, batch.labels["labels"], objective)}

    def score(self, model: torch.nn.Module, held_out: HeldOut) -> Mapping[str, float]:
        """Mean cross-entropy, perplexity and accuracy over the target tokens; where wanted, those of whole texts."""
        from benchbench.workload.token_scores import language_scores

        scores = language_scores(model, held_out)
        of_tokens = {"accuracy": scores.accuracy, "loss": scores.loss, "perplexity": scores.perplexity}
        if held_out.wanted is not None and held_out.wanted.isdisjoint(TEXT_METRICS):
            return of_tokens
        return {**of_tokens, **_written_scores(model, held_out)}


def _examples(ids: Ragged, labels: Ragged, targets: list[str], encoding: Encoding) -> Examples:
    """Rows with what their decoder reads, and where they are held out with the true texts."""
    shifted = np.roll(labels.values, 1)
    shifted[labels.offsets[:-1]] = encoding.vocabulary.decoder_start
    decoder_ids = Ragged(values=shifted, offsets=labels.offsets)
    return Examples(
        columns={"ids": ids, "decoder_ids": decoder_ids, "labels": labels},
        texts={"target": targets} if encoding.held_out else {},
    )


def _written_scores(model: torch.nn.Module, held_out: HeldOut) -> Mapping[str, float]:
    from benchbench.workload.writing import sample, written

    rows = sample(len(held_out.examples))
    true = held_out.examples.texts["target"]
    return text_scores([true[row] for row in rows], written(model, held_out, rows))


PLUGIN = Seq2SeqLm()
