"""A board on which every rank marks how far it is, and on which whoever started the ranks sees one that hangs.

A file of one row a rank, mapped into memory by all of them: a mark costs about a microsecond and no system call.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_ROW = struct.Struct("=qqddd")  # process id, marks, time of the last, longest pause between two, watched
_LEAST_S = 10.0
_TIMES_LONGEST = 20.0


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far a rank is.

    Attributes:
        pid: its process; 0 before it began.
        marks: it made so many.
        last_s: monotonic time of the last.
        longest_s: the longest time between two marks while it was watched.
        watched: whether marks come regularly now: it takes steps, and the first ones are over.
    """

    pid: int
    marks: int
    last_s: float
    longest_s: float
    watched: bool


class Board:
    """The rows of all ranks.

    Args of the constructor:
        file: it is made if it is not there.
        world: ranks.
    """

    def __init__(self, file: Path, world: int) -> None:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.ftruncate(handle, _ROW.size * world)
            self._rows = mmap.mmap(handle, _ROW.size * world)
        finally:
            os.close(handle)
        self._world = world

    def standings(self) -> list[Standing]:
        """How far each rank is."""
        rows = [_ROW.unpack_from(self._rows, _ROW.size * rank) for rank in range(self._world)]
        return [
            Standing(pid=pid, marks=marks, last_s=last_s, longest_s=longest_s, watched=bool(watched))
            for pid, marks, last_s, longest_s, watched in rows
        ]

    def marker(self, rank: int) -> Marker:
        """The row of this process."""
        return Marker(self._rows, rank)


class Marker:
    """A rank's own row. `mark` as often as something is done; only between `watch` and `rest` is a pause a hang."""

    def __init__(self, rows: mmap.mmap, rank: int) -> None:
        self._rows, self._place = rows, _ROW.size * rank
        self._marks, self._last_s, self._longest_s, self._watched = 0, time.monotonic(), 0.0, False
        self._write()

    def mark(self) -> None:
        """Something was done."""
        now_s = time.monotonic()
        if self._watched:
            self._longest_s = max(self._longest_s, now_s - self._last_s)
        self._marks, self._last_s = self._marks + 1, now_s
        self._write()

    def watch(self) -> None:
        """From now on marks come regularly."""
        if not self._watched:
            self._watched, self._last_s = True, time.monotonic()
            self._write()

    def rest(self) -> None:
        """From now on they do not."""
        if self._watched:
            self._watched = False
            self._write()

    def _write(self) -> None:
        row = (os.getpid(), self._marks, self._last_s, self._longest_s, float(self._watched))
        _ROW.pack_into(self._rows, self._place, *row)


@dataclass(frozen=True, kw_only=True)
class Hang:
    """No rank does anything any more.

    Attributes:
        silent_s: seconds since the last mark of any.
        rank: the one for which all others wait; None where that cannot be told.
    """

    silent_s: float
    rank: int | None


def hang(standings: Sequence[Standing], now_s: float) -> Hang | None:
    """Whether the ranks hang: all are watched, and silent for far longer than ever before.

    The one that made the fewest marks holds the others up.

    Args:
        standings: of all ranks.
        now_s: the monotonic clock.
    """
    if not all(one.watched for one in standings):
        return None
    silent_s = now_s - max(one.last_s for one in standings)
    if silent_s < max(_LEAST_S, _TIMES_LONGEST * max(one.longest_s for one in standings)):
        return None
    fewest = min(one.marks for one in standings)
    behind = [rank for rank, one in enumerate(standings) if one.marks == fewest]
    return Hang(silent_s=silent_s, rank=behind[0] if len(behind) == 1 else None)
