"""Telemetry of the CPUs and of the run's processes on them. The device `cpu` is always there."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

import psutil

from benchbench.hardware.host import cpu_name, usable_cpus
from benchbench.hardware.probe import Later, Reading, Seen
from benchbench.record.metrics import BY_NAME

_Values = Mapping[str, float | None]
_Counters = Any  # what `_MachineClock.look` gives: bytes, psutil's times, or None
_ELSEWHERE = ("power", "energy")  # what a CPU could tell and another probe has to
_QUICK = ("utilization", "process_utilization", "foreign_cpus", "process_memory", "stopped_processes")
_SLOW_PERIOD_S = 2.0
_SLOW_SHARE = 0.0005  # of the time, at most, goes into each slow look (a clock rate costs a file a CPU)
_AT_ONCE_S = 0.001
_SHORTEST_S = 0.005
_SHORTEST_TOTAL_S = 0.04  # over all CPUs: the kernel counts in hundredths, and a share of one or two of them is noise


def _memory() -> _Values:
    return {"memory_used": float(psutil.virtual_memory().used)}


def _swap() -> _Values:
    swap = psutil.swap_memory()
    return {"swap": float(swap.used), "swap_traffic": float(swap.sin + swap.sout)}


def _load() -> _Values:
    return {"load": os.getloadavg()[0]}


def _clock_rate() -> _Values:
    frequency = psutil.cpu_freq()
    return {"cpu_clock": frequency.current or None if frequency else None}


def _clocks() -> _Values:
    """How far other clocks are beyond the monotonic one; nothing when this process was kept waiting in between.

    CLOCK_MONOTONIC stands still while the machine sleeps, CLOCK_BOOTTIME does not.
    """
    before_s = time.monotonic()
    wall_s = time.time()
    since_boot_s = time.clock_gettime(time.CLOCK_BOOTTIME) if sys.platform == "linux" else None
    after_s = time.monotonic()
    if after_s - before_s > _AT_ONCE_S:
        return {}
    slept_s = None if since_boot_s is None else max(0.0, since_boot_s - before_s)
    return {"clock_offset": wall_s - before_s, "suspended": slept_s}


_SLOW: tuple[Callable[[], _Values], ...] = (_memory, _swap, _load, _clock_rate, _clocks)
_SLOW_METRICS = ("memory_used", "swap", "swap_traffic", "load", "cpu_clock", "clock_offset", "suspended")


class CpuProbe:
    """The machine's CPUs, and the run's processes on them.

    `utilization` is the whole machine's, a container's neighbours included; `foreign_cpus` is what of it neither the
    run nor this process used, time that a hypervisor gave to others included. `process_utilization` is a share of the
    CPUs that may be used, `process_memory` the sum of the resident sets: what two processes share counts twice.
    Metrics that move slowly or cost much are read every two seconds and left out in between.
    """

    def __init__(self) -> None:
        self._processes: dict[int, _Process] = {}
        self._slow: list[_Slow] = []
        self._cpus = 1
        self._clock = _MachineClock()
        self._machine = _Times(0.0, 0.0)
        self._share = _Share()
        self._foreign = _Foreign()

    def open(self) -> Sequence[Seen]:
        """See `Probe.open`."""
        self._cpus = usable_cpus()
        self._machine = self._clock.read(self._clock.look())
        self._share = _Share()
        self._foreign = _Foreign()
        self._slow = [_Slow(read) for read in _SLOW]
        known = {metric for slow in self._slow for metric, value in slow.tried().items() if value is not None}
        metrics = (*_QUICK, *(metric for metric in _SLOW_METRICS if metric in known))
        missing = tuple(metric for metric in (*_SLOW_METRICS, *_ELSEWHERE) if metric not in metrics)
        return [Seen("cpu", cpu_name(), None, in_use=True, metrics=metrics, missing=missing)]

    def look(self, tree: frozenset[int]) -> Later:
        """See `Probe.look`."""
        now_s, own_s = time.monotonic(), time.process_time()
        machine = self._clock.look()
        processes = self._look_at(tree)
        slow = {metric: value for one in self._slow if one.due_s <= now_s for metric, value in one.read().items()}
        return lambda: [self._read(now_s, own_s, machine, processes, slow)]

    def _read(
        self, now_s: float, own_s: float, machine: _Counters, processes: Sequence[tuple[_Process, Any]], slow: _Values
    ) -> Reading:
        times, run = self._machine_times(machine), _together(processes)
        values: dict[str, float | None] = {
            "utilization": None if times is None else min(1.0, times.busy_s / times.total_s),
            "process_utilization": self._share.of(run.used_s, self._cpus, now_s),
            "foreign_cpus": self._foreign.of(run.used_s, own_s, times),
            "process_memory": float(run.resident_bytes),
            "stopped_processes": float(run.stopped),
            **slow,
        }
        return Reading("cpu", {BY_NAME[metric].column: v for metric, v in values.items() if v is not None})

    def close(self) -> None:
        """See `Probe.close`."""
        for process in self._processes.values():
            process.close()
        self._clock.close()
        self._processes = {}
        self._slow = []

    def _machine_times(self, machine: _Counters) -> _Times | None:
        """CPU time of the machine since the last answer; None where too little passed for one, or nobody tells."""
        with suppress(Exception):
            before, now = self._machine, self._clock.read(machine)
            if now.total_s - before.total_s >= _SHORTEST_TOTAL_S:
                self._machine = now
                return _Times(max(0.0, now.busy_s - before.busy_s), now.total_s - before.total_s)
        return None

    def _look_at(self, tree: frozenset[int]) -> list[tuple[_Process, Any]]:
        """What the system says of each process of the tree."""
        for pid in self._processes.keys() - tree:
            self._processes.pop(pid).close()
        found: list[tuple[_Process, Any]] = []
        for pid in tree:
            with suppress(OSError, psutil.Error):  # it ended
                process = self._processes.get(pid) or self._processes.setdefault(pid, _open_process(pid))
                found.append((process, process.look()))
        return found


def _together(processes: Iterable[tuple[_Process, Any]]) -> _Look:
    """What the processes used since they were last read, and hold now."""
    used_s, resident_bytes, stopped = 0.0, 0, 0
    for process, said in processes:
        with suppress(ValueError, IndexError):  # it ended in the middle of an answer
            one = process.read(said)
            used_s += one.used_s
            resident_bytes += one.resident_bytes
            stopped += one.stopped
    return _Look(used_s, resident_bytes, stopped)


class _Look(NamedTuple):
    """CPU seconds used since the last look, resident bytes, and how many of the processes are stopped (SIGSTOP)."""

    used_s: float
    resident_bytes: int
    stopped: int


class _Times(NamedTuple):
    """CPU time of the whole machine since it started."""

    busy_s: float
    total_s: float


class _MachineClock:
    """CPU time of the whole machine: from /proc/stat, held open (psutil opens and parses all of it), else psutil's."""

    _TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")

    def __init__(self) -> None:
        self._stat: int | None = None

    def look(self) -> _Counters:
        """What the system says; None where it has no answer."""
        try:
            if self._stat is None and sys.platform == "linux":
                self._stat = os.open("/proc/stat", os.O_RDONLY | os.O_CLOEXEC)
            return psutil.cpu_times() if self._stat is None else os.pread(self._stat, 256, 0)
        except OSError:
            return None

    def read(self, said: _Counters) -> _Times:
        """The times that the system told; raises what it raises where that is no answer."""
        if not isinstance(said, bytes):
            total_s = sum(said) - getattr(said, "guest", 0.0) - getattr(said, "guest_nice", 0.0)
            return _Times(total_s - said.idle - getattr(said, "iowait", 0.0), total_s)
        # proc(5): cpu user nice system idle iowait irq softirq steal guest guest_nice. A guest's time is a part of
        # `user` too; waiting for a disk is not being busy.
        ticks = [int(field) for field in said.split(b"\n", 1)[0].split()[1:9]]
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

    def of(self, used_s: float, cpus: int, now_s: float) -> float | None:
        """The share of `cpus` CPUs since the last call, from CPU seconds used; None where too little time passed."""
        self._uncounted_s += used_s
        if now_s - self._before_s < _SHORTEST_S:
            return None
        offered_s = (now_s - self._before_s) * cpus
        counted_s = min(self._uncounted_s, offered_s)
        self._uncounted_s -= counted_s
        self._before_s = now_s
        return counted_s / offered_s


class _Foreign:
    """How many of the machine's CPUs neither the run nor this process used.

    The kernel counts in hundredths of a second, so that a short interval may seem to hold less than the run used: the
    difference is made up for in the next one, and the mean is right.
    """

    def __init__(self) -> None:
        self._cpus = os.cpu_count() or 1
        self._known_s = 0.0
        self._own_s = time.process_time()

    def of(self, used_s: float, own_s: float, machine: _Times | None) -> float | None:
        """The mean since the last answer, from the run's CPU seconds since the last call and this process's in all."""
        self._known_s += used_s + own_s - self._own_s
        self._own_s = own_s
        if machine is None:
            return None
        counted_s = min(self._known_s, machine.busy_s)
        self._known_s -= counted_s
        return (machine.busy_s - counted_s) / machine.total_s * self._cpus


class _Slow:
    """A look that is taken every other second, or more seldom where it would cost too much."""

    def __init__(self, read: Callable[[], _Values]) -> None:
        self.due_s = 0.0
        self._read = read

    def tried(self) -> _Values:
        """What it sees here; the next look stays due."""
        found = self.read()
        self.due_s = 0.0
        return found

    def read(self) -> _Values:
        """What it sees; nothing where it fails this once."""
        began_s = time.monotonic()
        found: _Values = {}
        with suppress(Exception):
            found = self._read()
        self.due_s = began_s + max(_SLOW_PERIOD_S, (time.monotonic() - began_s) / _SLOW_SHARE)
        return found


class _Process(Protocol):
    """One process of the run."""

    def look(self) -> Any:
        """What the system says of it.

        Raises:
            OSError or psutil.Error: it ended.
        """
        ...

    def read(self, said: Any) -> _Look:
        """What it used since the last reading (nothing at the first), and holds now.

        Raises:
            ValueError or IndexError: that was no answer.
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

    def look(self) -> tuple[bytes, bytes]:
        """See `_Process.look`."""
        return os.pread(self._stat, 1024, 0), os.pread(self._statm, 128, 0)

    def read(self, said: tuple[bytes, bytes]) -> _Look:
        """See `_Process.read`."""
        stat, statm = said
        fields = stat[stat.rindex(b")") + 2 :].split(None, 13)  # from the third on: utime is the 14th, stime the 15th
        now_s = (int(fields[11]) + int(fields[12])) * self._TICK_S
        before_s = now_s if self._before_s is None else self._before_s
        self._before_s = now_s
        resident_bytes = int(statm.split()[1]) * self._PAGE_BYTES
        return _Look(now_s - before_s, resident_bytes, fields[0] in (b"T", b"t"))

    def close(self) -> None:
        os.close(self._stat)
        os.close(self._statm)


class _PsutilProcess:
    """A process where there is no /proc."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._before_s: float | None = None

    def look(self) -> _Look:
        """See `_Process.look`; the CPU time is all that it ever used."""
        with self._process.oneshot():
            times, memory = self._process.cpu_times(), self._process.memory_info()
            stopped = self._process.status() == psutil.STATUS_STOPPED
        return _Look(times.user + times.system, int(memory.rss), stopped)

    def read(self, said: _Look) -> _Look:
        """See `_Process.read`."""
        before_s = said.used_s if self._before_s is None else self._before_s
        self._before_s = said.used_s
        return said._replace(used_s=said.used_s - before_s)

    def close(self) -> None:
        pass


def _open_process(pid: int) -> _Process:
    return _ProcFiles(pid) if sys.platform == "linux" else _PsutilProcess(pid)


PLUGIN = CpuProbe
