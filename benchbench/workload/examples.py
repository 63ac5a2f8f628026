"""Encoded rows: ragged columns of token ids and numbers, as arrays that may lie in a file.

Shape letters: R rows, N all rows' entries one after another, W the longest row's length.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

IGNORED = -100  # a label that no loss looks at, as torch's cross-entropy has it


@dataclass(frozen=True, kw_only=True)
class Ragged:
    """Rows of different lengths.

    Attributes:
        values: every row's entries, one after another. Shape (N,).
        offsets: row r is `values[offsets[r]:offsets[r + 1]]`. Shape (R + 1,).
    """

    values: Ints
    offsets: Longs

    @staticmethod
    def of(rows: Sequence[Sequence[int]]) -> Ragged:
        """From lists."""
        offsets = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
        values = np.fromiter((v for row in rows for v in row), dtype=np.int32, count=int(offsets[-1]))
        return Ragged(values=values, offsets=offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> Ints:
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    @property
    def lengths(self) -> Longs:
        """Of each row. Shape (R,)."""
        return np.diff(self.offsets)

    def take(self, rows: Longs) -> Ragged:
        """Some rows, in the order given."""
        starts, lengths = self.offsets[rows], self.offsets[rows + 1] - self.offsets[rows]
        offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        index = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Ragged(values=self.values[index], offsets=offsets)

    def padded(self, fill: int) -> Longs:
        """As a rectangle, each row filled up behind. Shape (R, W), int64."""
        lengths = self.lengths
        rectangle = np.full((len(self), int(lengths.max(initial=0))), fill, dtype=np.int64)
        rectangle[self.mask()] = self.values
        return rectangle

    def mask(self) -> Mask:
        """Where an entry stands in the rectangle. Shape (R, W)."""
        lengths = self.lengths
        return np.arange(int(lengths.max(initial=0)))[None, :] < lengths[:, None]

    @staticmethod
    def joined(parts: Sequence[Ragged]) -> Ragged:
        """The rows of several, one after another."""
        shifts = np.cumsum([0, *(part.offsets[-1] for part in parts)])
        offsets = [part.offsets[1:] + shift for part, shift in zip(parts, shifts[:-1], strict=True)]
        values = [part.values for part in parts]
        return Ragged(
            values=np.concatenate([np.empty(0, np.int32), *values]),
            offsets=np.concatenate([np.zeros(1, np.int64), *offsets]),
        )


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Rows as a model takes them in.

    Attributes:
        columns: by name. `ids` is the model's input and always there. Others that the batches know: `type_ids` and
            `position_ids` (like `ids`), `decoder_ids`, `labels` (a class a position, `IGNORED` where there is none).
        scalars: one number a row, by name, such as `label` or `start`. Each of shape (R,).
        texts: one text a row, by name, that a metric compares with; held-out rows alone have them.
    """

    columns: Mapping[str, Ragged]
    scalars: Mapping[str, Longs] = field(default_factory=dict)
    texts: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.columns["ids"])

    @property
    def lengths(self) -> Longs:
        """Tokens of each row, the longest of its columns. Shape (R,)."""
        lengths: Longs = np.max([column.lengths for column in self.columns.values()], axis=0)
        return lengths

    @property
    def tokens(self) -> int:
        """Tokens that a model takes in: what the encoder reads and what the decoder does."""
        return sum(int(self.columns[name].offsets[-1]) for name in ("ids", "decoder_ids") if name in self.columns)

    def take(self, rows: Longs) -> Examples:
        """Some rows, in the order given, without their texts."""
        return Examples(
            columns={name: column.take(rows) for name, column in self.columns.items()},
            scalars={name: values[rows] for name, values in self.scalars.items()},
        )

    @staticmethod
    def joined(parts: Sequence[Examples]) -> Examples:
        """The rows of several with the same columns, one after another."""
        first = parts[0]
        return Examples(
            columns={name: Ragged.joined([part.columns[name] for part in parts]) for name in first.columns},
            scalars={name: np.concatenate([part.scalars[name] for part in parts]) for name in first.scalars},
            texts={name: [text for part in parts for text in part.texts[name]] for name in first.texts},
        )
