"""Where prepared data is put: named byte strings in a folder, or in memory where no folder can be written."""

from __future__ import annotations

import io
import mmap
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow


class Shelf(Protocol):
    """A place for named byte strings."""

    def create(self, name: str) -> BinaryIO:
        """A new file of a name, to be written and closed.

        Raises:
            OSError: the disk is full, or may not be written to.
        """
        ...

    def buffer(self, name: str) -> memoryview:
        """What was written under a name, read as it is looked at."""
        ...

    def source(self, name: str) -> pyarrow.NativeFile:
        """The same as an open file that is read part by part."""
        ...

    def remove(self, name: str) -> None:
        """Forgets a name."""
        ...


class FolderShelf:
    """Files of a folder, mapped into memory to be read: what is looked at is paged in, and stays when they are deleted.

    Args of the constructor:
        folder: it is there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self, name: str) -> BinaryIO:
        """See `Shelf.create`."""
        return (self.folder / name).open("wb")

    def buffer(self, name: str) -> memoryview:
        """See `Shelf.buffer`."""
        with (self.folder / name).open("rb") as file:
            if file.seek(0, io.SEEK_END) == 0:
                return memoryview(b"")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def source(self, name: str) -> pyarrow.NativeFile:
        """See `Shelf.source`."""
        import pyarrow

        return pyarrow.OSFile(str(self.folder / name), "rb")

    def remove(self, name: str) -> None:
        """See `Shelf.remove`."""
        (self.folder / name).unlink(missing_ok=True)


class _Kept(io.BytesIO):
    """A file in memory that stays when it is closed."""

    def close(self) -> None:
        """Does nothing."""


class MemoryShelf:
    """See `Shelf`."""

    def __init__(self) -> None:
        self._files: dict[str, _Kept] = {}

    def create(self, name: str) -> BinaryIO:
        """See `Shelf.create`."""
        self._files[name] = _Kept()
        return self._files[name]

    def buffer(self, name: str) -> memoryview:
        """See `Shelf.buffer`."""
        return self._files[name].getbuffer()

    def source(self, name: str) -> pyarrow.NativeFile:
        """See `Shelf.source`."""
        import pyarrow

        return pyarrow.BufferReader(pyarrow.py_buffer(self.buffer(name)))

    def remove(self, name: str) -> None:
        """See `Shelf.remove`."""
        self._files.pop(name, None)


def ints(shelf: Shelf, name: str, dtype: npt.DTypeLike) -> npt.NDArray[np.generic]:
    """Numbers that were written one after another. Shape (N,)."""
    return np.frombuffer(shelf.buffer(name), dtype=dtype)
