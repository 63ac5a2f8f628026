"""Token classification: one class a word, such as the parts of speech or named entities."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchbench.errors import ScenarioError
from benchbench.workload.classes import CLASS_METRICS, class_number, classification_scores
from benchbench.workload.entities import entity_f1, is_iob2
from benchbench.workload.examples import IGNORED, Examples, Longs, Ragged
from benchbench.workload.task import Encoding, HeldOut, Objective, Task
from benchbench.workload.vocabulary import kept

if TYPE_CHECKING:
    import torch

    from benchbench.workload.batches import Batch
    from benchbench.workload.rows import Rows, Value

_ENTITY_F1 = "f1_entity"


class TokenClassification(Task):
    """See `Task`.

    `text` is a list of words, or a text whose words stand between spaces; `label` is as many tags, in the same form.
    A word's tag stands at its first token. A text that is too long loses its end, with the tags there.
    """

    head = "AutoModelForTokenClassification"
    roles = ("text", "label")
    labelled_by = "label"
    labels_words = True
    metrics = ("accuracy", "f1_macro", "loss")
    class_metrics = CLASS_METRICS
    packs = True

    def metric_names(self, labels: Sequence[str]) -> tuple[str, ...]:
        """See `Task.metric_names`; tags that mark entities have an F1 of whole entities too."""
        return (*super().metric_names(labels), *((_ENTITY_F1,) if is_iob2(labels) else ()))

    def classes(self, value: Value) -> Sequence[str]:
        """See `Task.classes`."""
        return _words(value)

    def encode(self, rows: Rows, encoding: Encoding) -> Examples:
        """See `Task.encode`."""
        texts = [_words(value) for value in rows.columns["text"]]
        place = {label: number for number, label in enumerate(encoding.labels)}
        # A word but the first is encoded with the space before it: byte-level vocabularies tell the two apart.
        spaced = [[" " * (number > 0) + word for number, word in enumerate(words)] for words in texts]
        ids, labels = [], []
        for row, found in enumerate(encoding.vocabulary.encode(spaced, words=True)):
            tags = _tags(rows, row, len(texts[row]), place)
            places = kept(found, encoding.sequence_length)
            ids.append([found.ids[i] for i in places])
            labels.append(_at_first_tokens([found.word_ids[i] for i in places], tags))
        return Examples(columns={"ids": Ragged.of(ids), "labels": Ragged.of(labels)})

    def synthetic(self, ids: Ragged, encoding: Encoding, generator: np.random.Generator) -> Examples:
        """See `Task.synthetic`: every token but the last is a word."""
        tags = generator.integers(0, len(encoding.labels), size=len(ids.values), dtype=np.int32)
        tags[ids.offsets[1:] - 1] = IGNORED
        return Examples(columns={"ids": ids, "labels": Ragged(values=tags, offsets=ids.offsets)})

    def loss_sums(self, model: torch.nn.Module, batch: Batch, objective: Objective) -> Mapping[str, torch.Tensor]:
        """The summed cross-entropy of a micro-batch's words."""
        from benchbench.workload.losses import cross_entropy_sum

        logits_bsc = model(**batch.inputs).logits
        return {"labels": cross_entropy_sum(logits_bsc, batch.labels["labels"], objective)}

    def score(self, model: torch.nn.Module, held_out: HeldOut) -> Mapping[str, float]:
        """Accuracy, F1 and the mean cross-entropy over the words, and F1 over the entities that tags mark."""
        from benchbench.workload.losses import cross_entropy_sum

        loss, words, predicted, true = 0.0, [], [], []
        for batch in held_out.batches:
            labels_bs = batch.labels["labels"]
            labelled_bs = labels_bs != IGNORED
            logits_bsc = model(**batch.inputs).logits
            loss += float(cross_entropy_sum(logits_bsc, labels_bs))
            words += labelled_bs.sum(dim=1).tolist()
            predicted += logits_bsc.argmax(dim=2)[labelled_bs].tolist()
            true += labels_bs[labelled_bs].tolist()
        labels = held_out.encoding.labels
        scores = {**classification_scores(true, predicted, labels), "loss": loss / len(true) if true else math.nan}
        if is_iob2(labels):
            ends = np.cumsum(words)[:-1]
            scores[_ENTITY_F1] = entity_f1(_named(true, ends, labels), _named(predicted, ends, labels))
        return scores


def _words(value: Value) -> Sequence[str]:
    return value.split() if isinstance(value, str) else value


def _tags(rows: Rows, row: int, words: int, place: Mapping[str, int]) -> list[int]:
    """The tags of a row's words, as numbers.

    Raises:
        ScenarioError: there are more or fewer than words, or one that no training row has.
    """
    number = int(rows.numbers[row])
    tags = _words(rows.columns["label"][row])
    if len(tags) != words:
        raise ScenarioError(
            f"row {number + 1} has {words} words, but tags for {len(tags)}; every word needs one",
            key="data.label_column",
        )
    return [class_number(tag, place, number) for tag in tags]


def _at_first_tokens(word_ids: Sequence[int | None], tags: Sequence[int]) -> list[int]:
    """Each word's tag at its first token, `IGNORED` at the others and at special tokens.

    Args:
        word_ids: the word that each token is of; None for a special token.
        tags: one a word.
    """
    before = [None, *word_ids[:-1]]
    return [
        IGNORED if word is None or word == last else tags[word] for last, word in zip(before, word_ids, strict=True)
    ]


def _named(tags: Sequence[int], ends: Longs, labels: Sequence[str]) -> list[list[str]]:
    """The tags of each row by name, from those of all rows one after another."""
    return [[labels[tag] for tag in row] for row in np.split(np.asarray(tags, dtype=np.int64), ends)]


PLUGIN = TokenClassification()
