"""Telemetry of the CPUs and of the run's processes on them. The device `cpu` is always there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

from benchbench.hardware import slow_look
from benchbench.hardware.cpu_times import Counters, Foreign, MachineClock, Share, Times
from benchbench.hardware.host import cpu_name, usable_cpus
from benchbench.hardware.probe import Later, Reading, Seen
from benchbench.hardware.slow_look import SlowLook, Values
from benchbench.hardware.watched_process import ProcessLook, WatchedProcess, open_process, together
from benchbench.record.metrics import BY_NAME

_ELSEWHERE = ("power", "energy")  # what a CPU could tell and another probe has to
_QUICK = ("utilization", "process_utilization", "foreign_cpus", "process_memory", "stopped_processes")
_SHORTEST_TOTAL_S = 0.04  # over all CPUs: the kernel counts in hundredths, and a share of one or two of them is noise


class CpuProbe:
    """The machine's CPUs, and the run's processes on them.

    `utilization` is the whole machine's, a container's neighbours included; `foreign_cpus` is what of it neither the
    run nor this process used, time that a hypervisor gave to others included. `process_utilization` is a share of the
    CPUs that may be used, `process_memory` the sum of the resident sets: what two processes share counts twice.
    Metrics that move slowly or cost much are read every two seconds and left out in between.
    """

    def __init__(self) -> None:
        self._processes: dict[int, WatchedProcess] = {}
        self._slow: list[SlowLook] = []
        self._cpus = 1
        self._clock = MachineClock()
        self._machine = Times(0.0, 0.0)
        self._share = Share()
        self._foreign = Foreign()

    def open(self) -> Sequence[Seen]:
        """See `Probe.open`."""
        self._cpus = usable_cpus()
        self._machine = self._clock.read(self._clock.look())
        self._share = Share()
        self._foreign = Foreign()
        self._slow = [SlowLook(read) for read in slow_look.LOOKS]
        known = {metric for slow in self._slow for metric, value in slow.tried().items() if value is not None}
        metrics = (*_QUICK, *(metric for metric in slow_look.METRICS if metric in known))
        missing = tuple(metric for metric in (*slow_look.METRICS, *_ELSEWHERE) if metric not in metrics)
        return [Seen("cpu", cpu_name(), None, in_use=True, metrics=metrics, missing=missing)]

    def look(self, tree: frozenset[int]) -> Later:
        """See `Probe.look`."""
        now_s, own_s = time.monotonic(), time.process_time()
        machine = self._clock.look()
        processes = self._look_at(tree)
        slow = {metric: value for one in self._slow if one.due_s <= now_s for metric, value in one.read().items()}
        return lambda: [self._read(now_s, own_s, machine, processes, slow)]

    def _read(
        self, now_s: float, own_s: float, machine: Counters, processes: Sequence[ProcessLook], slow: Values
    ) -> Reading:
        times, run = self._machine_times(machine), together(processes)
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

    def _machine_times(self, machine: Counters) -> Times | None:
        """CPU time of the machine since the last answer; None where too little passed for one, or nobody tells."""
        with suppress(Exception):
            before, now = self._machine, self._clock.read(machine)
            if now.total_s - before.total_s >= _SHORTEST_TOTAL_S:
                self._machine = now
                return Times(max(0.0, now.busy_s - before.busy_s), now.total_s - before.total_s)
        return None

    def _look_at(self, tree: frozenset[int]) -> list[ProcessLook]:
        """What the system says of each process of the tree."""
        for pid in self._processes.keys() - tree:
            self._processes.pop(pid).close()
        found: list[ProcessLook] = []
        for pid in tree:
            with suppress(OSError, psutil.Error):  # it ended
                process = self._processes.get(pid) or self._processes.setdefault(pid, open_process(pid))
                found.append((process, process.look()))
        return found


PLUGIN = CpuProbe
