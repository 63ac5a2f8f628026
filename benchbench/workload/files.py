"""Files of rows, wherever they lie: any URL that fsspec opens, with what its storage costs."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

from benchbench.errors import InputError, ScenarioError, UnsupportedError, nearest

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from benchbench.workload.costs import Costs

_READ_BYTES = 1 << 20
_SAID_CHARACTERS = 300


class Place(NamedTuple):
    """A file of a scenario: its URL, the key that names it, such as `data.path`, and what its numbers count."""

    url: str
    key: str
    unit: str = "line"

    def problem(self, what: str, line: int | None = None) -> ScenarioError:
        """The error that says what is wrong with the file, and in which line (or row) of it, from 1."""
        where = self.url if line is None else f"{self.url}, {self.unit} {line}"
        return ScenarioError(f"{where}: {what}", key=self.key)


def check_apart(places: Sequence[Place]) -> None:
    """Looks whether each names a file of its own, links followed.

    Raises:
        ScenarioError: names the keys of two that name one file.
    """
    for first, second in combinations(places, 2):
        if _identity(first.url) == _identity(second.url):
            what = f"{first.key} names this file too ({first.url}); a split needs rows of its own"
            raise second.problem(what)


def _identity(url: str) -> object:
    """What two names of one file have in common: its place on the disk, or its URL in one spelling."""
    protocol, _, path = url.removeprefix("file://").removeprefix("local://").rpartition("://")
    if protocol:
        return protocol, posixpath.normpath(path.lstrip("/"))
    file = Path(path).expanduser()
    try:
        found = file.stat()
    except OSError:
        return file.resolve()
    return found.st_dev, found.st_ino


@contextmanager
def opened(place: Place, costs: Costs, *, seekable: bool = False) -> Iterator[BinaryIO]:
    """Opens a file to read its bytes, unpacked where its name ends as a packed one's (`.gz`, `.bz2`, `.xz`, ...).

    Args:
        place: the file.
        costs: takes the seconds that the reads wait, as `storage`.
        seekable: whether it must be; one that is not is read whole into memory.

    Raises:
        ScenarioError: there is no such file, it is empty, a folder, or cannot be read.
        UnsupportedError: a package is missing that its kind of storage needs.
    """
    import fsspec

    with told(place):
        _look(place)
        with costs.spent("storage"):
            pending = fsspec.open(place.url, "rb", compression="infer")
            file = pending.open()
        with file:
            seeks = _seeks(file)
            stream = cast(BinaryIO, io.BufferedReader(_Timed(file, costs, seekable=seeks), _READ_BYTES))
            yield io.BytesIO(stream.read()) if seekable and not seeks else stream


@contextmanager
def told(place: Place) -> Iterator[None]:
    """Says what a storage of any kind, or a library that reads from it, raises in terms of the file."""
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError as error:
        reason = "there is no such file" + (", or who keeps it does not answer" if "://" in place.url else "")
        raise place.problem(reason) from error
    except PermissionError as error:
        raise place.problem("it may not be read") from error
    except ImportError as error:
        message = f"{place.url}: this kind of storage needs a package that is missing: {_said(error)}"
        raise UnsupportedError(message, key=place.key) from error
    except Exception as error:
        raise place.problem(f"it cannot be read: {_said(error)}") from error


def _said(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:_SAID_CHARACTERS]


def _look(place: Place) -> None:
    """Refuses what of local files the systems' own words say little of."""
    if "://" in place.url:
        return
    path = Path(place.url).expanduser()
    if path.is_dir():
        raise place.problem("this is a folder; name one file")
    if path.is_file() and path.stat().st_size == 0:
        raise place.problem("the file is empty")
    if not path.exists() and path.parent.is_dir():
        there = [entry.name for entry in path.parent.iterdir()]
        raise place.problem(f"there is no such file; {nearest(path.name, there)}")


def _seeks(file: BinaryIO) -> bool:
    """Whether a file can really go back and forth; some say so and cannot."""
    try:
        file.seek(1)
        file.seek(0)
    except (OSError, ValueError):
        return False
    return True


class _Timed(io.RawIOBase):
    """A file whose reads are timed.

    Args of the constructor:
        file: what is read.
        costs: takes the seconds.
        seekable: whether the file is.
    """

    def __init__(self, file: BinaryIO, costs: Costs, *, seekable: bool) -> None:
        super().__init__()
        self._file, self._costs, self._seekable = file, costs, seekable

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._seekable

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        room = memoryview(buffer).cast("B")
        with self._costs.spent("storage"):
            found = self._file.read(len(room))
        room[: len(found)] = found
        return len(found)
