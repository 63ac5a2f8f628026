"""BERT's pretraining: masked language modelling and next-sentence prediction at once (Devlin et al. 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from benchbench.errors import ScenarioError, UnsupportedError
from benchbench.workload.documents import sentences
from benchbench.workload.examples import Examples, Ragged
from benchbench.workload.masking import check_mask, with_masks
from benchbench.workload.sentence_pairs import Pair, sentence_pairs
from benchbench.workload.task import Encoding, HeldOut, Objective, Task

if TYPE_CHECKING:
    import torch

    from benchbench.workload.batches import Batch
    from benchbench.workload.rows import Rows

_PAIR_SEED = 20_260_203  # pairs, and the masks of held-out rows, never move with the training's seed
_SPECIAL = 3  # tokens of a row that are of neither segment
_SHORTEST = _SPECIAL + 2
_NEXT_HEAD = "seq_relationship"


class BertPretraining(Task):
    """See `Task`.

    Half of the rows are two segments that follow each other, half are of two documents. The pairs are drawn once,
    the masks anew each time that a row is seen. Rows cannot be packed: the head for the next sentence reads the
    first token of each.
    """

    head = "AutoModelForPreTraining"
    roles = ("text",)
    metrics = ("accuracy", "nsp_accuracy", "loss", "perplexity")
    losses = ("loss", "perplexity")

    def encode(self, rows: Rows, encoding: Encoding) -> Examples:
        """See `Task.encode`."""
        check_mask(encoding.vocabulary)
        if encoding.sequence_length < _SHORTEST:
            raise ScenarioError(f"a pair of sentences takes {_SHORTEST} tokens or more", key="data.sequence_length")
        generator = np.random.default_rng([_PAIR_SEED, int(rows.numbers[0]) if len(rows) else 0])
        return _masked_if_held_out(_examples(_pairs(rows, encoding, generator), encoding), encoding, generator)

    def synthetic(self, ids: Ragged, encoding: Encoding, generator: np.random.Generator) -> Examples:
        """See `Task.synthetic`: each row's second half is its second segment."""
        columns = {"ids": ids}
        if encoding.vocabulary.pairs:
            place = np.arange(ids.offsets[-1]) - np.repeat(ids.offsets[:-1], ids.lengths)
            second = (2 * place >= np.repeat(ids.lengths, ids.lengths)).astype(np.int32)
            columns["type_ids"] = Ragged(values=second, offsets=ids.offsets)
        not_next = generator.integers(0, 2, size=len(ids), dtype=np.int64)
        return _masked_if_held_out(Examples(columns=columns, scalars={"not_next": not_next}), encoding, generator)

    def afresh(self, examples: Examples, encoding: Encoding, generator: np.random.Generator) -> Examples:
        """Masks the rows of a global batch."""
        return with_masks(examples, encoding.vocabulary, generator)

    def check_model(self, model: torch.nn.Module) -> None:
        """See `Task.check_model`."""
        if not any(name.rpartition(".")[2] == _NEXT_HEAD for name, _ in model.named_modules()):
            raise UnsupportedError(
                "this family has no head for the next sentence; choose bert (or ernie, megatron-bert, mobilebert, "
                "big_bird, fnet), or task: masked-lm",
                key="model.family",
            )

    def loss_sums(self, model: torch.nn.Module, batch: Batch, objective: Objective) -> Mapping[str, torch.Tensor]:
        """The summed cross-entropies of the masked tokens and of the pairs."""
        from benchbench.workload.losses import cross_entropy_sum

        found = model(**batch.inputs)
        return {
            "labels": cross_entropy_sum(found.prediction_logits, batch.labels["labels"], objective),
            "not_next": cross_entropy_sum(found.seq_relationship_logits, batch.labels["not_next"], objective),
        }

    def score(self, model: torch.nn.Module, held_out: HeldOut) -> Mapping[str, float]:
        """The loss of both, perplexity and accuracy over the masked tokens, the share of pairs told apart."""
        from benchbench.workload.token_scores import TokenScores, small_parts

        tokens, pairs = TokenScores(), TokenScores()
        for inputs, labels in small_parts(model, held_out):
            found = model(**inputs)
            tokens.add(found.prediction_logits, labels["labels"])
            pairs.add(found.seq_relationship_logits, labels["not_next"])
        return {
            "accuracy": tokens.accuracy,
            "nsp_accuracy": pairs.accuracy,
            "loss": tokens.loss + pairs.loss,
            "perplexity": tokens.perplexity,
        }


def _pairs(rows: Rows, encoding: Encoding, generator: np.random.Generator) -> list[Pair]:
    """The pairs of a split's documents.

    Raises:
        ScenarioError: it has fewer than two documents, or none of two sentences.
    """
    texts = sentences(rows)
    every = [sentence for document in texts for sentence in document]
    ids = iter(encoding.vocabulary.encode(every, special=False))
    documents = [[found for _ in document if (found := next(ids).ids)] for document in texts]
    filled = sum(1 for document in documents if document)
    which = "held-out" if encoding.held_out else "training"
    if len(rows) and filled < 2:
        raise ScenarioError(
            f"the {len(rows)} {which} rows hold {filled} document{'s' * (filled != 1)}, and next-sentence "
            "prediction draws false sentences from another one; give more or shorter documents, parted by blank lines",
            key="data.source",
        )
    pairs = list(sentence_pairs(documents, encoding.sequence_length - _SPECIAL, generator))
    if len(rows) and not pairs:
        raise ScenarioError(
            f"no document of the {which} rows has two sentences, so there is no next one to predict; a sentence is a "
            "line, or ends with a full stop",
            key="data.source",
        )
    return pairs


def _examples(pairs: list[Pair], encoding: Encoding) -> Examples:
    vocabulary = encoding.vocabulary
    begin, end = vocabulary.begin, vocabulary.end
    columns = {"ids": Ragged.of([[begin, *pair.first, end, *pair.second, end] for pair in pairs])}
    if vocabulary.pairs:
        columns["type_ids"] = Ragged.of([[0] * (len(p.first) + 2) + [1] * (len(p.second) + 1) for p in pairs])
    return Examples(columns=columns, scalars={"not_next": np.array([pair.not_next for pair in pairs], dtype=np.int64)})


def _masked_if_held_out(examples: Examples, encoding: Encoding, generator: np.random.Generator) -> Examples:
    return with_masks(examples, encoding.vocabulary, generator) if encoding.held_out else examples


PLUGIN = BertPretraining()
