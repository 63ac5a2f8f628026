"""Telemetry of the CPUs and of the run's processes on them. The device `cpu` is always there."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

import psutil

from benchbench.hardware.host import cpu_name, usable_cpus
from benchbench.hardware.probe import Reading, Seen
from benchbench.record.metrics import BY_NAME

_ELSEWHERE = ("power", "energy")  # what a CPU could tell and another probe has to
_QUICK = ("utilization", "process_utilization", "process_memory")
_SLOW_PERIOD_S = 1.0
_SLOW_SHARE = 0.001  # of the time, at most, goes into each slow metric (a clock rate costs a file a CPU)
_SHORTEST_S = 0.005
_SHORTEST_TOTAL_S = 0.04  # over all CPUs: the kernel counts in hundredths, and a share of one or two of them is noise


def _clock_mhz() -> float | None:
    frequency = psutil.cpu_freq()
    return frequency.current or None if frequency else None


_SLOW: dict[str, Callable[[], float | None]] = {
    "memory_used": lambda: float(psutil.virtual_memory().used),
    "swap": lambda: float(psutil.swap_memory().used),
    "load": lambda: os.getloadavg()[0],
    "cpu_clock": _clock_mhz,
}


class CpuProbe:
    """The machine's CPUs, and the run's processes on them.

    `utilization` is the whole machine's, a container's neighbours included. `process_utilization` is a share of the
    CPUs that may be used, `process_memory` the sum of the resident sets: what two processes share counts twice.
    Metrics that move slowly or cost much are read once a second and left out in between.
    """

    def __init__(self) -> None:
        self._processes: dict[int, _Process] = {}
        self._slow: list[_Slow] = []
        self._cpus = 1
        self._clock = _MachineClock()
        self._machine = _Times(0.0, 0.0)
        self._share = _Share()

    def open(self) -> Sequence[Seen]:
        """See `Probe.open`."""
        self._cpus = usable_cpus()
        self._machine = self._clock.read()
        self._share = _Share()
        self._slow = [slow for metric, read in _SLOW.items() if (slow := _Slow(metric, read)).works()]
        metrics = (*_QUICK, *(slow.metric for slow in self._slow))
        missing = tuple(metric for metric in (*_SLOW, *_ELSEWHERE) if metric not in metrics)
        return [Seen("cpu", cpu_name(), None, in_use=True, metrics=metrics, missing=missing)]

    def sample(self, tree: frozenset[int]) -> Sequence[Reading]:
        """See `Probe.sample`."""
        values: dict[str, float | None] = {"utilization": self._utilization()}
        used_s, resident_bytes = self._read_processes(tree)
        values["process_utilization"] = self._share.of(used_s, self._cpus)
        values["process_memory"] = float(resident_bytes)
        now_s = time.monotonic()
        values |= {slow.metric: slow.read() for slow in self._slow if slow.due_s <= now_s}
        return [Reading("cpu", {BY_NAME[metric].column: v for metric, v in values.items() if v is not None})]

    def close(self) -> None:
        """See `Probe.close`."""
        for process in self._processes.values():
            process.close()
        self._clock.close()
        self._processes = {}
        self._slow = []

    def _utilization(self) -> float | None:
        with suppress(Exception):
            before, now = self._machine, self._clock.read()
            if now.total_s - before.total_s >= _SHORTEST_TOTAL_S:
                self._machine = now
                return min(1.0, max(0.0, (now.busy_s - before.busy_s) / (now.total_s - before.total_s)))
        return None

    def _read_processes(self, tree: frozenset[int]) -> tuple[float, int]:
        """CPU seconds since the last reading and resident bytes, over the tree."""
        for pid in self._processes.keys() - tree:
            self._processes.pop(pid).close()
        used_s, resident_bytes = 0.0, 0
        for pid in tree:
            try:
                process = self._processes.get(pid) or self._processes.setdefault(pid, _open_process(pid))
                delta_s, bytes_now = process.read()
            except (OSError, ValueError, IndexError, psutil.Error):  # it ended
                continue
            used_s += delta_s
            resident_bytes += bytes_now
        return used_s, resident_bytes


class _Times(NamedTuple):
    """CPU time of the whole machine since it started."""

    busy_s: float
    total_s: float


class _MachineClock:
    """CPU time of the whole machine: from /proc/stat, held open (psutil opens and parses all of it), else psutil's."""

    _TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")

    def __init__(self) -> None:
        self._stat: int | None = None

    def read(self) -> _Times:
        """Raises OSError or ValueError where the kernel has no answer."""
        if self._stat is None and sys.platform == "linux":
            self._stat = os.open("/proc/stat", os.O_RDONLY | os.O_CLOEXEC)
        if self._stat is None:
            times = psutil.cpu_times()
            total_s = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
            return _Times(total_s - times.idle - getattr(times, "iowait", 0.0), total_s)
        # proc(5): cpu user nice system idle iowait irq softirq steal guest guest_nice. A guest's time is a part of
        # `user` too; waiting for a disk is not being busy.
        ticks = [int(field) for field in os.pread(self._stat, 256, 0).split(b"\n", 1)[0].split()[1:9]]
        return _Times((sum(ticks) - ticks[3] - ticks[4]) * self._TICK_S, sum(ticks) * self._TICK_S)

    def close(self) -> None:
        """Closes the file."""
        if self._stat is not None:
            os.close(self._stat)
            self._stat = None


class _Share:
    """CPU seconds -> a share of the time since the last one, at most 1.

    The kernel counts a process's time in hundredths of a second, so that a short interval may seem to hold more CPU
    time than there was: what is above 1 is counted in the next interval, and the mean is right.
    """

    def __init__(self) -> None:
        self._before_s = time.monotonic()
        self._uncounted_s = 0.0

    def of(self, used_s: float, cpus: int) -> float | None:
        """The share of `cpus` CPUs since the last call, from CPU seconds used; None where too little time passed."""
        now_s = time.monotonic()
        self._uncounted_s += used_s
        if now_s - self._before_s < _SHORTEST_S:
            return None
        offered_s = (now_s - self._before_s) * cpus
        counted_s = min(self._uncounted_s, offered_s)
        self._uncounted_s -= counted_s
        self._before_s = now_s
        return counted_s / offered_s


class _Slow:
    """A metric that is read once a second, or more seldom where that would cost too much."""

    def __init__(self, metric: str, read: Callable[[], float | None]) -> None:
        self.metric = metric
        self.due_s = 0.0
        self._read = read

    def works(self) -> bool:
        """Whether it has an answer here; the next reading stays due."""
        works = self.read() is not None
        self.due_s = 0.0
        return works

    def read(self) -> float | None:
        """The value; None when there is none this once."""
        began_s = time.monotonic()
        value = None
        with suppress(Exception):
            value = self._read()
        self.due_s = began_s + max(_SLOW_PERIOD_S, (time.monotonic() - began_s) / _SLOW_SHARE)
        return value


class _Process(Protocol):
    """One process of the run."""

    def read(self) -> tuple[float, int]:
        """CPU seconds since the last reading (0 at the first) and resident bytes.

        Raises:
            OSError or psutil.Error: it ended.
        """
        ...

    def close(self) -> None: ...


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

    def read(self) -> tuple[float, int]:
        """CPU seconds since the last reading, and resident bytes; OSError once the process is gone."""
        stat = os.pread(self._stat, 1024, 0)
        fields = stat[stat.rindex(b")") + 2 :].split(None, 13)  # from the third on: utime is the 14th, stime the 15th
        now_s = (int(fields[11]) + int(fields[12])) * self._TICK_S
        before_s = now_s if self._before_s is None else self._before_s
        self._before_s = now_s
        return now_s - before_s, int(os.pread(self._statm, 128, 0).split()[1]) * self._PAGE_BYTES

    def close(self) -> None:
        os.close(self._stat)
        os.close(self._statm)


class _PsutilProcess:
    """A process where there is no /proc."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._before_s: float | None = None

    def read(self) -> tuple[float, int]:
        """CPU seconds since the last reading, and resident bytes; psutil's error once the process is gone."""
        with self._process.oneshot():
            times, memory = self._process.cpu_times(), self._process.memory_info()
        now_s = times.user + times.system
        before_s = now_s if self._before_s is None else self._before_s
        self._before_s = now_s
        return now_s - before_s, int(memory.rss)

    def close(self) -> None:
        pass


def _open_process(pid: int) -> _Process:
    return _ProcFiles(pid) if sys.platform == "linux" else _PsutilProcess(pid)


PLUGIN = CpuProbe
