"""What of the machine moves slowly or costs much to read, looked at every other second."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import psutil

Values = Mapping[str, float | None]
"""Metrics by name (see `record.metrics`)."""

_PERIOD_S = 2.0
_SHARE = 0.0005  # of the time, at most, goes into each look (a clock rate costs a file a CPU)
_AT_ONCE_S = 0.001


def _memory() -> Values:
    return {"memory_used": float(psutil.virtual_memory().used)}


def _swap() -> Values:
    swap = psutil.swap_memory()
    return {"swap": float(swap.used), "swap_traffic": float(swap.sin + swap.sout)}


def _load() -> Values:
    return {"load": os.getloadavg()[0]}


def _clock_rate() -> Values:
    frequency = psutil.cpu_freq()
    return {"cpu_clock": frequency.current or None if frequency else None}


def _clocks() -> Values:
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


LOOKS: tuple[Callable[[], Values], ...] = (_memory, _swap, _load, _clock_rate, _clocks)
METRICS = ("memory_used", "swap", "swap_traffic", "load", "cpu_clock", "clock_offset", "suspended")


class SlowLook:
    """A look that is taken every other second, or more seldom where it would cost too much."""

    def __init__(self, read: Callable[[], Values]) -> None:
        self.due_s = 0.0
        self._read = read

    def tried(self) -> Values:
        """What it sees here; the next look stays due."""
        found = self.read()
        self.due_s = 0.0
        return found

    def read(self) -> Values:
        """What it sees; nothing where it fails this once."""
        began_s = time.monotonic()
        found: Values = {}
        with suppress(Exception):
            found = self._read()
        self.due_s = began_s + max(_PERIOD_S, (time.monotonic() - began_s) / _SHARE)
        return found
