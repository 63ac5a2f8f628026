"""The program that watches a run from outside: probes -> `telemetry.jsonl`, events -> progress lines.

    python -m benchbench.hardware.observer --folder F --root-pid P --interval S --progress-fd N

It is started before the trainer. `telemetry.jsonl` begins with one header line
(`{"header": {"devices": [...], "unavailable": {probe: reason}, "interval_s": S, "cpus": N}}`); then comes one line a
tick and device (`{"t": monotonic seconds, "device": ..., column: value, ...}`), and `{"t", "device", "lost": true}` for
one that fell off. The progress lines are `{"observer": "ready"}` after the first tick, the trainer's own events except
steps, and once a second `{"progress": {...}}`. SIGTERM ends it with a last tick.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import math
import os
import select
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchbench.hardware.panel import Panel
from benchbench.hardware.probe import Reading
from benchbench.hardware.process_tree import WatchedTree, exists
from benchbench.hardware.progress import Channel, EventTail, Gauges, StepRates
from benchbench.record.raw import EVENTS, TELEMETRY

_WORK_OUT_S = 0.5  # how long looks and events may wait: to work them out costs less for several at once
_PROGRESS_S = 1.0
_PR_SET_PDEATHSIG = 1


class _Telemetry:
    """The file of samples. Once it cannot be written (a full disk), nothing more is."""

    def __init__(self, path: Path) -> None:
        self.error: str | None = None
        self._file: int | None = None
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        except OSError as error:
            self.error = str(error)

    def write(self, lines: Sequence[dict[str, Any]]) -> None:
        """Hands whole lines to the system at once."""
        data = b"".join(json.dumps(line, allow_nan=False).encode() + b"\n" for line in lines)
        try:
            while data and self._file is not None and self.error is None:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            self.error = str(error)

    def close(self) -> None:
        """Makes it outlast a power cut, where it can be."""
        if self._file is None:
            return
        try:
            os.fsync(self._file)
            os.close(self._file)
        except OSError as error:
            self.error = str(error)
        self._file = None


class _Grid:
    """Moments at a fixed distance from each other; those that were missed are not made up for."""

    def __init__(self, start_s: float, period_s: float) -> None:
        self._start_s = start_s
        self._period_s = period_s
        self.next_s = start_s + period_s

    def due(self, now_s: float) -> bool:
        """Whether a moment has come since the last call."""
        if now_s < self.next_s:
            return False
        passed = math.floor((now_s - self._start_s) / self._period_s)
        self.next_s = self._start_s + (passed + 1) * self._period_s
        if self.next_s <= now_s:  # by rounding
            self.next_s += self._period_s
        return True


class _Manners:
    """When the observer may have a CPU.

    It takes those that nobody else wants (SCHED_IDLE, see sched(7)): its waking pushes no thread of the training off
    one, which costs the training three times what the observer itself computes. Where that keeps it waiting, others
    than the training fill the machine, and for a while it asks like everybody else.
    """

    _LATE_INTERVALS = 1.5
    _JUDGED_TICKS, _LATE_TICKS = 10, 3
    _ASKING_S = 5.0

    def __init__(self, interval_s: float) -> None:
        self._late_s = self._LATE_INTERVALS * interval_s
        self._recent: deque[bool] = deque(maxlen=self._JUDGED_TICKS)
        self._last_s = math.inf
        self._asks_until_s = -math.inf
        self.policy = "SCHED_OTHER"

    def tick(self, now_s: float) -> None:
        """Takes note of when a tick came and chooses for the next ones."""
        self._recent.append(now_s - self._last_s > self._late_s)
        self._last_s = now_s
        if sum(self._recent) >= self._LATE_TICKS:
            self._recent.clear()
            self._asks_until_s = now_s + self._ASKING_S
        wanted = "SCHED_OTHER" if now_s < self._asks_until_s else "SCHED_IDLE"
        if wanted != self.policy:
            self.policy = wanted
            _schedule(wanted)


def _schedule(policy: str) -> None:
    """Changes the scheduling policy where the system knows it and lets us."""
    with suppress(AttributeError, OSError):
        os.sched_setscheduler(0, getattr(os, policy), os.sched_param(0))


class Observer:
    """One run's observation, from the header to the last tick.

    Args of the constructor:
        folder: the repeat's folder.
        root_pid: the process below which the run is.
        excluded: processes that are no part of the run; this one never is.
        interval_s: seconds between two ticks.
        devices: how many of the GPUs that torch sees the run uses; None for all.
        channel: where the progress lines go.
    """

    def __init__(
        self,
        *,
        folder: Path,
        root_pid: int,
        excluded: frozenset[int],
        interval_s: float,
        devices: int | None,
        channel: Channel,
    ) -> None:
        self._interval_s = interval_s
        self._devices = devices
        self._channel = channel
        self._telemetry = _Telemetry(folder / TELEMETRY)
        self._events = EventTail(folder / EVENTS)
        self._tree = WatchedTree(root_pid, excluded | {os.getpid()})
        self._rates = StepRates()
        self._manners = _Manners(interval_s)
        self._panel = Panel.of_plugins()
        self._gauges = Gauges(())
        self._looks: list[tuple[float, Callable[[], list[Reading]]]] = []

    def run(self, wake: int) -> None:
        """Samples until something can be read from the file descriptor `wake`, or the parent is gone."""
        parent_pid = os.getppid()
        self._begin()
        start_s = time.monotonic()
        ticks = _Grid(start_s, self._interval_s)
        working_out, progress = _Grid(start_s, _WORK_OUT_S), _Grid(start_s, _PROGRESS_S)
        ending = False
        while not ending:
            wait_s = max(0.0, min(ticks.next_s, working_out.next_s) - time.monotonic())
            ending = bool(select.select([wake], [], [], wait_s)[0]) or os.getppid() != parent_pid
            now_s = time.monotonic()
            if ticks.due(now_s) or ending:
                self._look()
            if working_out.due(now_s) or ending:
                self._write()
                self._pass_on(now_s)
            if progress.due(now_s):
                self._channel.send({"progress": {**self._rates.figures(), **self._gauges.figures()}})
        self._end()

    def _begin(self) -> None:
        self._panel.open(self._devices)
        self._gauges = Gauges(self._panel.devices)
        devices = [device._asdict() for device in self._panel.devices]
        header = {
            "devices": devices,
            "unavailable": self._panel.unavailable,
            "interval_s": self._interval_s,
            "cpus": os.cpu_count() or 1,
        }
        self._telemetry.write([{"header": header}])
        self._look()
        self._write()
        gc.freeze()  # what was imported stays: no later collection walks through it
        self._channel.send({"observer": "ready"})

    def _look(self) -> None:
        """Takes down what the system says now."""
        now_s = time.monotonic()
        self._manners.tick(now_s)
        self._looks.append((now_s, self._panel.look(self._tree.pids(now_s))))

    def _write(self) -> None:
        """Works out what was looked at, and hands it on."""
        lines: list[dict[str, Any]] = []
        for now_s, later in self._looks:
            readings = later()
            self._gauges.take(readings)
            lines += [line for reading in readings for line in _lines(now_s, reading)]
        self._looks.clear()
        whole = self._telemetry.error is None
        self._telemetry.write(lines)
        if whole and self._telemetry.error is not None:
            self._channel.send({"observer": "not-recording", "reason": self._telemetry.error})

    def _pass_on(self, now_s: float) -> None:
        """Takes in the trainer's news."""
        for event in self._events.read():
            if event["event"] == "step":
                self._rates.add(event, now_s)
            else:
                self._channel.send(event)
        self._channel.flush()

    def _end(self) -> None:
        self._panel.close()
        self._events.close()
        self._telemetry.close()


def _lines(now_s: float, reading: Reading) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    if reading.values:
        lines.append({"t": now_s, "device": reading.device, **reading.values})
    if reading.lost:
        lines.append({"t": now_s, "device": reading.device, "lost": True})
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code: 0, or 1 when the run was over before it began."""
    options = _options(arguments)
    wake = _wake_on_signal()
    if sys.platform == "linux":  # whoever started this is gone: so is the run, and nobody would end it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if not exists(options.root_pid):
        return 1
    observer = Observer(
        folder=options.folder,
        root_pid=options.root_pid,
        excluded=frozenset(options.exclude_pid),
        interval_s=options.interval,
        devices=options.devices,
        channel=Channel(options.progress_fd),
    )
    observer.run(wake)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchbench.hardware.observer", description="Watches a run from outside.")
    parser.add_argument("--folder", type=Path, required=True, help="the repeat's folder")
    parser.add_argument("--root-pid", type=int, required=True, help="the run is what this process has below it")
    parser.add_argument("--interval", type=float, required=True, help="seconds between two samples")
    parser.add_argument("--progress-fd", type=int, required=True, help="where the progress lines go")
    parser.add_argument("--exclude-pid", type=int, nargs="*", action="extend", default=[], help="no part of the run")
    parser.add_argument("--devices", type=int, help="how many of the visible GPUs the run uses (all)")
    options = parser.parse_args(arguments)
    if not (math.isfinite(options.interval) and options.interval > 0):
        parser.error("--interval has to be above 0")
    return options


def _wake_on_signal() -> int:
    """A file descriptor that can be read once SIGTERM came. Ctrl-C is for the parent, which ends us in its own time."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return readable


if __name__ == "__main__":
    sys.exit(main())
