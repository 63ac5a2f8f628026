"""One process of a run: what it used since it was last read, and holds now."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

import psutil


class Look(NamedTuple):
    """CPU seconds used since the last look, resident bytes, and how many of the processes are stopped (SIGSTOP)."""

    used_s: float
    resident_bytes: int
    stopped: int


class WatchedProcess(Protocol):
    """One process of the run."""

    def look(self) -> Any:
        """What the system says of it.

        Raises:
            OSError or psutil.Error: it ended.
        """
        ...

    def read(self, said: Any) -> Look:
        """What it used since the last reading (nothing at the first), and holds now.

        Raises:
            ValueError or IndexError: that was no answer.
        """
        ...

    def close(self) -> None:
        """Gives back what it holds open."""
        ...


ProcessLook = tuple[WatchedProcess, Any]
"""A process, and what its `look` gave."""


class _ProcFiles:
    """A process through its files in /proc, held open: a tenth of psutil's cost, and no mistake when a pid returns."""

    _TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")
    _PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

    def __init__(self, pid: int) -> None:
        self._stat = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._statm = os.open(f"/proc/{pid}/statm", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            os.close(self._stat)
            raise
        self._before_s: float | None = None

    def look(self) -> tuple[bytes, bytes]:
        """See `WatchedProcess.look`."""
        return os.pread(self._stat, 1024, 0), os.pread(self._statm, 128, 0)

    def read(self, said: tuple[bytes, bytes]) -> Look:
        """See `WatchedProcess.read`."""
        stat, statm = said
        fields = stat[stat.rindex(b")") + 2 :].split(None, 13)  # from the third on: utime is the 14th, stime the 15th
        now_s = (int(fields[11]) + int(fields[12])) * self._TICK_S
        before_s = now_s if self._before_s is None else self._before_s
        self._before_s = now_s
        resident_bytes = int(statm.split()[1]) * self._PAGE_BYTES
        return Look(now_s - before_s, resident_bytes, fields[0] in (b"T", b"t"))

    def close(self) -> None:
        os.close(self._stat)
        os.close(self._statm)


class _PsutilProcess:
    """A process where there is no /proc."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._before_s: float | None = None

    def look(self) -> Look:
        """See `WatchedProcess.look`; the CPU time is all that it ever used."""
        with self._process.oneshot():
            times, memory = self._process.cpu_times(), self._process.memory_info()
            stopped = self._process.status() == psutil.STATUS_STOPPED
        return Look(times.user + times.system, int(memory.rss), stopped)

    def read(self, said: Look) -> Look:
        """See `WatchedProcess.read`."""
        before_s = said.used_s if self._before_s is None else self._before_s
        self._before_s = said.used_s
        return said._replace(used_s=said.used_s - before_s)

    def close(self) -> None:
        pass


def open_process(pid: int) -> WatchedProcess:
    """Begins to watch a process; OSError or psutil.Error when there is none."""
    return _ProcFiles(pid) if sys.platform == "linux" else _PsutilProcess(pid)


def together(processes: Iterable[ProcessLook]) -> Look:
    """What the processes used since they were last read, and hold now."""
    used_s, resident_bytes, stopped = 0.0, 0, 0
    for process, said in processes:
        with suppress(ValueError, IndexError):  # it ended in the middle of an answer
            one = process.read(said)
            used_s += one.used_s
            resident_bytes += one.resident_bytes
            stopped += one.stopped
    return Look(used_s, resident_bytes, stopped)
