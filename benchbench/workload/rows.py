"""Rows as a source gives them: texts by role, before they are tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchbench.workload.examples import Longs

Value = str | Sequence[str]
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Some rows.

    Attributes:
        columns: role -> one value a row: a text, or a list of words. The role `document` (texts that are equal for
            neighbouring rows of one document) may be there for tasks that read on from row to row, and
            the role `answer_start` (characters before the answer) where an answer occurs in its context more than once.
        numbers: of each row in its source, from 0, for messages. Shape (R,).
    """

    columns: Mapping[str, Sequence[Value]]
    numbers: Longs

    def __len__(self) -> int:
        return len(self.numbers)

    @staticmethod
    def of(columns: Mapping[str, Sequence[Value]], first: int = 0) -> Rows:
        """Rows that follow each other."""
        length = len(next(iter(columns.values())))
        return Rows(columns=columns, numbers=np.arange(first, first + length, dtype=np.int64))

    def texts(self, role: str) -> list[str]:
        """A column as texts; words are put together again."""
        return [value if isinstance(value, str) else " ".join(value) for value in self.columns[role]]

    def take(self, rows: Longs) -> Rows:
        """Some of them, in the order given."""
        return Rows(
            columns={role: [values[i] for i in rows] for role, values in self.columns.items()},
            numbers=self.numbers[rows],
        )
