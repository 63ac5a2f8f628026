"""Rows put aside in Arrow's format, shard by shard: never more than some shards of them are objects in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from benchbench.errors import ScenarioError
from benchbench.workload.examples import Longs
from benchbench.workload.rows import Rows
from benchbench.workload.shelf import Shelf

if TYPE_CHECKING:
    import pyarrow

_NUMBER = "number"
_ROLE = "role "  # before a role's name, so that no role is taken for the number


class SpoolWriter:
    """Writes shards of rows that all have the same columns.

    Args of the constructor:
        shelf: where.
        name: under which.
    """

    def __init__(self, shelf: Shelf, name: str) -> None:
        self._file = shelf.create(name)
        self._shelf, self._name = shelf, name
        self._writer: pyarrow.RecordBatchFileWriter | None = None
        self._shards: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError) if error is not None else nullcontext():
            if self._writer is not None:
                self._writer.close()
            self._file.close()

    def add(self, rows: Rows) -> None:
        """Writes a shard.

        Raises:
            ScenarioError: a role has texts in some rows and lists of words in others, or half a character.
        """
        import pyarrow

        try:
            columns = {_ROLE + role: pyarrow.array(list(values)) for role, values in rows.columns.items()}
            batch = pyarrow.record_batch({_NUMBER: rows.numbers, **columns})
            if self._writer is None:
                self._writer = pyarrow.ipc.new_file(self._file, batch.schema)
            self._writer.write_batch(batch)
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError, UnicodeEncodeError) as error:
            raise ScenarioError(
                f"rows {rows.numbers[0] + 1} to {rows.numbers[-1] + 1}: a column has both texts and lists of words, or "
                f"a text that UTF-8 cannot write: {str(error).splitlines()[0]}",
                key="data.source",
            ) from error
        self._shards.append(len(rows))

    def spool(self) -> Spool:
        """What was written, to be read after the end of the writer's context."""
        return Spool(self._shelf, self._name, self._shards)


class Spool:
    """Rows put aside.

    Args of the constructor:
        shelf, name: where they lie.
        shards: rows of each shard.
    """

    def __init__(self, shelf: Shelf, name: str, shards: Sequence[int]) -> None:
        self._shelf, self.name = shelf, name
        self._ends = np.cumsum(shards, dtype=np.int64)

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def shards(self) -> Iterator[Rows]:
        """All rows."""
        return (_rows(batch) for batch in self._batches())

    def parts(self, groups: Sequence[Longs]) -> Iterator[Rows]:
        """The rows of each group.

        Args:
            groups: row numbers, rising in each group and from group to group.
        """
        import pyarrow

        batches, begins = enumerate(self._batches()), np.concatenate(([0], self._ends[:-1]))
        shard, batch = -1, None
        for group in groups:
            found = []
            for wanted in np.unique(np.searchsorted(self._ends, group, side="right")):
                while shard < wanted:
                    shard, batch = next(batches)
                assert batch is not None
                mine = group[(group >= begins[shard]) & (group < self._ends[shard])] - begins[shard]
                found.append(batch.take(pyarrow.array(mine)))
            yield _joined([_rows(part) for part in found])

    def remove(self) -> None:
        """Forgets the rows."""
        self._shelf.remove(self.name)

    def _batches(self) -> Iterator[pyarrow.RecordBatch]:
        import pyarrow

        if not len(self._ends):
            return
        with self._shelf.source(self.name) as file:
            reader = pyarrow.ipc.open_file(file)
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)


def _rows(batch: pyarrow.RecordBatch) -> Rows:
    columns = {name: batch.column(name) for name in batch.schema.names}
    numbers = columns.pop(_NUMBER).to_numpy()
    return Rows(columns={name[len(_ROLE) :]: c.to_pylist() for name, c in columns.items()}, numbers=numbers)


def _joined(parts: Sequence[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    columns = {role: [value for part in parts for value in part.columns[role]] for role in parts[0].columns}
    return Rows(columns=columns, numbers=np.concatenate([part.numbers for part in parts]))
