"""Causal language modelling: each token is predicted from those before it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, islice, pairwise
from typing import TYPE_CHECKING

import numpy as np

from benchbench.errors import UnsupportedError
from benchbench.workload.documents import documents, pieces
from benchbench.workload.examples import IGNORED, Examples, Longs, Ragged
from benchbench.workload.task import Encoding, HeldOut, Objective, Task

if TYPE_CHECKING:
    import torch

    from benchbench.workload.batches import Batch
    from benchbench.workload.rows import Rows


class CausalLm(Task):
    """See `Task`.

    The rows of a document are joined by line ends, put between the begin and the end token, and cut into pieces.
    `labels` holds the token that follows each position, across the pieces' borders: every token of a document but
    the first is predicted once.
    """

    head = "AutoModelForCausalLM"
    roles = ("text",)
    tokenizer = "bytes"
    metrics = ("accuracy", "loss", "perplexity", "bits_per_byte")
    losses = ("loss", "perplexity", "bits_per_byte")
    packs = True

    def encode(self, rows: Rows, encoding: Encoding) -> Examples:
        """See `Task.encode`."""
        longest = encoding.sequence_length
        ids: list[Sequence[int]] = []
        labels: list[Sequence[int]] = []
        sizes: list[int] = []
        for document in _documents(rows, encoding):
            ids += pieces(document.tokens[:-1], longest)
            labels += pieces(document.tokens[1:], longest)
            sizes += [sum(part) for part in pieces(document.sizes, longest)]
        examples = Examples(columns={"ids": Ragged.of(ids), "labels": Ragged.of(labels)})
        return _sized(examples, sizes) if encoding.held_out else examples

    def synthetic(self, ids: Ragged, encoding: Encoding, generator: np.random.Generator) -> Examples:
        """See `Task.synthetic`: what follows a row's last token is not known, and a token stands for a byte."""
        del generator
        following = np.roll(ids.values, -1)
        following[ids.offsets[1:] - 1] = IGNORED
        examples = Examples(columns={"ids": ids, "labels": Ragged(values=following, offsets=ids.offsets)})
        return _sized(examples, ids.lengths) if encoding.held_out else examples

    def check_model(self, model: torch.nn.Module) -> None:
        """See `Task.check_model`: a model that sees the next token would learn to copy it."""
        from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

        config = getattr(model, "config", None)
        family = getattr(config, "model_type", "")
        encoder = family in MODEL_FOR_MASKED_LM_MAPPING_NAMES and not getattr(config, "is_decoder", False)
        if encoder or getattr(config, "attn_type", None) == "bi":
            raise UnsupportedError(
                f"{family} attends to the tokens that follow, so it would see what it is to predict; choose gpt2, "
                "llama, qwen2 or another decoder, or task: masked-lm",
                key="model.family",
            )

    def loss_sums(self, model: torch.nn.Module, batch: Batch, objective: Objective) -> Mapping[str, torch.Tensor]:
        """The summed cross-entropy of a micro-batch's next tokens."""
        from benchbench.workload.losses import cross_entropy_sum

        logits_bsv = model(**batch.inputs).logits
        return {"labels": cross_entropy_sum(logits_bsv, batch.labels["labels"], objective)}

    def score(self, model: torch.nn.Module, held_out: HeldOut) -> Mapping[str, float]:
        """Mean cross-entropy, perplexity and accuracy over the next tokens; bits per byte of the text."""
        from benchbench.workload.token_scores import language_scores

        scores = language_scores(model, held_out)
        size_bytes = int(held_out.examples.scalars["bytes"].sum())
        return {
            "accuracy": scores.accuracy,
            "loss": scores.loss,
            "perplexity": scores.perplexity,
            "bits_per_byte": scores.loss_sum / math.log(2) / size_bytes if size_bytes else math.nan,
        }


@dataclass(frozen=True, kw_only=True)
class _Document:
    """A document.

    Attributes:
        tokens: with those at its ends.
        sizes: UTF-8 bytes that each token but the first stands for; empty for training rows.
    """

    tokens: Sequence[int]
    sizes: Sequence[int]


def _sized(examples: Examples, sizes: Sequence[int] | Longs) -> Examples:
    """With the bytes that the labels of each row stand for."""
    return replace(examples, scalars={"bytes": np.asarray(sizes, dtype=np.int64)})


def _documents(rows: Rows, encoding: Encoding) -> Iterator[_Document]:
    """The documents that have tokens."""
    vocabulary = encoding.vocabulary
    texts = documents(rows)
    lines = [line + "\n" * (number < len(text)) for text in texts for number, line in enumerate(text, start=1)]
    encoded = zip(lines, vocabulary.encode(lines, special=False), strict=True)
    for text in texts:
        ids: list[int] = []
        sizes: list[int] = []
        for line, found in islice(encoded, len(text)):
            ids += found.ids
            if encoding.held_out:
                sizes += _sizes(line, found.offsets)
        if ids:
            yield _Document(tokens=[vocabulary.begin, *ids, vocabulary.end], sizes=[*sizes, 0])


def _sizes(text: str, offsets: Sequence[tuple[int, int]]) -> list[int]:
    """UTF-8 bytes that each token stands for; what stands before one and belongs to none is the next one's.

    Args:
        text: what was encoded.
        offsets: where each token begins and ends, in characters.
    """
    places = [0, *accumulate(len(character.encode()) for character in text)]
    ends = [0, *accumulate((places[end] for _, end in offsets), max)]
    return [after - before for before, after in pairwise(ends)]


PLUGIN = CausalLm()
