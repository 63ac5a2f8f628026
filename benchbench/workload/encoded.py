"""Examples on a shelf: written chunk by chunk, read as arrays that lie in a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO, overload

import numpy as np

from benchbench.workload.examples import Examples, Ints, Longs, Ragged
from benchbench.workload.shelf import Shelf

if TYPE_CHECKING:
    import pyarrow


class _File:
    """A file that is hashed as it is written."""

    def __init__(self, shelf: Shelf, name: str) -> None:
        self.name = name
        self._file: BinaryIO = shelf.create(name)
        self._digest = hashlib.sha256()
        self.closed = False

    def write(self, data: bytes | memoryview) -> int:
        self._digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> str:
        """Its SHA-256."""
        self._file.close()
        self.closed = True
        return self._digest.hexdigest()


class SplitWriter:
    """Writes a split's examples, a chunk at a time.

    Args of the constructor:
        shelf: where.
        split: its name, with which the files' names begin.
    """

    def __init__(self, shelf: Shelf, split: str) -> None:
        self._shelf, self._split = shelf, split
        self._files: dict[str, _File] = {}
        self._rows = 0
        self._entries: dict[str, int] = {}
        self._scalars: list[str] = []
        self._texts: pyarrow.RecordBatchFileWriter | None = None

    def add(self, examples: Examples) -> None:
        """Writes some; all chunks have the same columns."""
        self._rows += len(examples)
        for name, column in examples.columns.items():
            before = self._entries.get(name)
            offsets = column.offsets if before is None else column.offsets[1:] + before
            self._file(f"{name}.values").write(_bytes(column.values, np.int32))
            self._file(f"{name}.offsets").write(_bytes(offsets, np.int64))
            self._entries[name] = (before or 0) + int(column.offsets[-1])
        for name, values in examples.scalars.items():
            self._file(f"{name}.scalar").write(_bytes(values, np.int64))
        self._scalars = list(examples.scalars)
        if examples.texts:
            self._add_texts(examples.texts)

    def finish(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Closes the files.

        Returns:
            What `read` needs to know, and the SHA-256 of each file by its name.
        """
        if self._texts is not None:
            self._texts.close()
        hashes = {file.name: file.close() for file in self._files.values()}
        known = {
            "rows": self._rows,
            "columns": list(self._entries),
            "scalars": self._scalars,
            "texts": self._texts is not None,
        }
        return known, hashes

    def _file(self, name: str) -> _File:
        if name not in self._files:
            self._files[name] = _File(self._shelf, f"{self._split}.{name}")
        return self._files[name]

    def _add_texts(self, texts: Mapping[str, Sequence[str]]) -> None:
        import pyarrow

        batch = pyarrow.record_batch({name: pyarrow.array(list(t), pyarrow.string()) for name, t in texts.items()})
        if self._texts is None:
            self._texts = pyarrow.ipc.new_file(self._file("texts"), batch.schema)
        self._texts.write_batch(batch)


def _bytes(values: Ints | Longs, dtype: type[np.int32 | np.int64]) -> memoryview:
    return np.ascontiguousarray(values, dtype=dtype).data.cast("B")


def write(shelf: Shelf, name: str, data: bytes) -> str:
    """Writes a whole file; returns its SHA-256."""
    with shelf.create(name) as file:
        file.write(data)
    return hashlib.sha256(data).hexdigest()


def read(shelf: Shelf, split: str, known: Mapping[str, Any]) -> Examples:
    """A split's examples; their arrays and texts are read from the shelf as they are looked at.

    Args:
        shelf: where they lie.
        split: its name.
        known: what the writer said.
    """
    columns = {
        name: Ragged(
            values=np.frombuffer(shelf.buffer(f"{split}.{name}.values"), dtype=np.int32),
            offsets=np.frombuffer(shelf.buffer(f"{split}.{name}.offsets"), dtype=np.int64),
        )
        for name in known["columns"]
    }
    scalars = {n: np.frombuffer(shelf.buffer(f"{split}.{n}.scalar"), dtype=np.int64) for n in known["scalars"]}
    texts = _texts(shelf.buffer(f"{split}.texts")) if known["texts"] else {}
    return Examples(columns=columns, scalars=scalars, texts=texts)


class Texts(Sequence[str]):
    """Texts that stay in their file.

    Args of the constructor:
        column: of an Arrow table.
    """

    def __init__(self, column: pyarrow.ChunkedArray) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        if isinstance(place, slice):
            return [str(self._column[i].as_py()) for i in range(*place.indices(len(self)))]
        return str(self._column[int(place)].as_py())

    def __iter__(self) -> Iterator[str]:
        return (text.as_py() for text in self._column)


def _texts(data: memoryview) -> dict[str, Texts]:
    import pyarrow

    table = pyarrow.ipc.open_file(pyarrow.BufferReader(pyarrow.py_buffer(data))).read_all()
    return {name: Texts(table.column(name)) for name in table.schema.names}
