"""Texts -> splits -> token ids."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from benchbench.scenario.types import Data
from benchbench.workload.source import PAD_ID, Encoded, Longs, Prepared
from benchbench.workload.tokenizer import trained

_SPLIT_SEED = 0  # the splits never move with the training's seed: every repeat is judged on the same rows


@dataclass(frozen=True, kw_only=True)
class TextRows:
    """Labelled texts, in the source's own order."""

    texts: tuple[str, ...]
    labels: tuple[int, ...]
    label_names: tuple[str, ...]
    licence: str

    @property
    def fingerprint(self) -> str:
        """Hash of the rows."""
        digest = hashlib.sha256()
        for text, label in zip(self.texts, self.labels, strict=True):
            digest.update(f"{label}\t{text}\n".encode())
        return digest.hexdigest()


def split_rows(rows: int, validation_fraction: float, test_fraction: float) -> tuple[Longs, Longs, Longs]:
    """Row numbers of training, validation and test: disjoint, together every row, each in rising order."""
    order = np.random.default_rng(_SPLIT_SEED).permutation(rows).astype(np.int64)
    validation, test = round(rows * validation_fraction), round(rows * test_fraction)
    return (
        np.sort(order[validation + test :]),
        np.sort(order[:validation]),
        np.sort(order[validation : validation + test]),
    )


def prepare_texts(rows: TextRows, data: Data, model_vocabulary: int) -> Prepared:
    """Splits the rows, trains the vocabulary on the training split alone, and encodes all three.

    Args:
        rows: the source's rows.
        data: fractions and the longest row allowed, in tokens.
        model_vocabulary: the size of the model's embedding, which the vocabulary never exceeds.
    """
    parts = split_rows(len(rows.texts), data.validation_fraction, data.test_fraction)
    tokenizer = trained([rows.texts[i] for i in parts[0]], model_vocabulary)
    tokenizer.enable_truncation(data.sequence_length)
    labels = np.asarray(rows.labels, dtype=np.int64)
    encoded = []
    for numbers in parts:
        ids = [e.ids for e in tokenizer.encode_batch([rows.texts[i] for i in numbers])]
        offsets = np.concatenate(([0], np.cumsum([len(i) for i in ids]))).astype(np.int64)
        flat = np.fromiter((i for row in ids for i in row), dtype=np.int32, count=int(offsets[-1]))
        encoded.append(Encoded(ids=flat, offsets=offsets, labels=labels[numbers]))
    return Prepared(
        train=encoded[0],
        validation=encoded[1],
        test=encoded[2],
        labels=rows.label_names,
        vocabulary=tokenizer.get_vocab_size(),
        pad_id=PAD_ID,
        fingerprint=rows.fingerprint,
        licence=rows.licence,
    )
