"""The protocol of a data source. It is one file in `sources/`; its `PLUGIN` is an object that satisfies it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from benchbench.scenario.types import Data

# The special tokens stand at the start of every vocabulary made here. A row ends with `[SEP]`: some families read it.
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD_ID, UNKNOWN_ID, CLS_ID, SEP_ID, MASK_ID = range(len(SPECIAL))

Ids = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """One split as token ids.

    Attributes:
        ids: every row's ids, one after another. Shape (tokens,).
        offsets: row r is `ids[offsets[r]:offsets[r + 1]]`. Shape (rows + 1,).
        labels: one class a row. Shape (rows,).
    """

    ids: Ids
    offsets: Longs
    labels: Longs

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A source's rows, ready to be batched.

    Attributes:
        train: what is learned from; the vocabulary too.
        validation: what a target and a search look at.
        test: looked at once, when a claim is confirmed.
        labels: the classes' names.
        vocabulary: ids run from 0 to this, exclusive.
        pad_id: fills short rows.
        fingerprint: hash of the rows.
        licence: of the data.
    """

    train: Encoded
    validation: Encoded
    test: Encoded
    labels: tuple[str, ...]
    vocabulary: int
    pad_id: int
    fingerprint: str
    licence: str


class Source(Protocol):
    """Where rows come from."""

    def prepare(self, data: Data, model_vocabulary: int) -> Prepared:
        """Reads, splits and encodes the rows.

        Args:
            data: the scenario's section.
            model_vocabulary: the size of the model's embedding; no id may reach it.
        """
        ...
