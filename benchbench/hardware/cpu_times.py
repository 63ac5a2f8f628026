"""CPU time of the machine, and which part of it was the run's, ours, or somebody else's."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, NamedTuple

import psutil

Counters = Any
"""What `MachineClock.look` gives: a line of /proc/stat, psutil's times, or None."""

_SHORTEST_S = 0.005


class Times(NamedTuple):
    """CPU time of the whole machine since it started."""

    busy_s: float
    total_s: float


class MachineClock:
    """CPU time of the whole machine: from /proc/stat, held open (psutil opens and parses all of it), else psutil's."""

    _TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")

    def __init__(self) -> None:
        self._stat: int | None = None

    def look(self) -> Counters:
        """What the system says; None where it has no answer."""
        try:
            if self._stat is None and sys.platform == "linux":
                self._stat = os.open("/proc/stat", os.O_RDONLY | os.O_CLOEXEC)
            return psutil.cpu_times() if self._stat is None else os.pread(self._stat, 256, 0)
        except OSError:
            return None

    def read(self, said: Counters) -> Times:
        """The times that the system told; raises what it raises where that is no answer."""
        if not isinstance(said, bytes):
            total_s = sum(said) - getattr(said, "guest", 0.0) - getattr(said, "guest_nice", 0.0)
            return Times(total_s - said.idle - getattr(said, "iowait", 0.0), total_s)
        # proc(5): cpu user nice system idle iowait irq softirq steal guest guest_nice. A guest's time is a part of
        # `user` too; waiting for a disk is not being busy.
        ticks = [int(field) for field in said.split(b"\n", 1)[0].split()[1:9]]
        return Times((sum(ticks) - ticks[3] - ticks[4]) * self._TICK_S, sum(ticks) * self._TICK_S)

    def close(self) -> None:
        """Closes the file."""
        if self._stat is not None:
            os.close(self._stat)
            self._stat = None


class Share:
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


class Foreign:
    """How many of the machine's CPUs neither the run nor this process used.

    The kernel counts in hundredths of a second, so that a short interval may seem to hold less than the run used: the
    difference is made up for in the next one, and the mean is right.
    """

    def __init__(self) -> None:
        self._cpus = os.cpu_count() or 1
        self._known_s = 0.0
        self._own_s = time.process_time()

    def of(self, used_s: float, own_s: float, machine: Times | None) -> float | None:
        """The mean since the last answer, from the run's CPU seconds since the last call and this process's in all."""
        self._known_s += used_s + own_s - self._own_s
        self._own_s = own_s
        if machine is None:
            return None
        counted_s = min(self._known_s, machine.busy_s)
        self._known_s -= counted_s
        return (machine.busy_s - counted_s) / machine.total_s * self._cpus
