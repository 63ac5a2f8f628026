"""How long a rank's data is under way to others in a step, and how much of that time the rank only waits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple


class Sent(NamedTuple):
    """Seconds of a step in which something was under way to other ranks."""

    exposed_s: float
    hidden_s: float


class Meter:
    """Adds up, in one step, when communication was under way, and how long the rank did nothing but wait for it.

    On the host alone: a device that runs ahead of Python is asked by a profiler. `begun` and `over` may come from
    another thread than the one that computes; both hold Python's lock.
    """

    def __init__(self) -> None:
        self._under_way = 0
        self._since_s = self._last_s = 0.0
        self._busy_s = self._exposed_s = 0.0

    def begun(self) -> None:
        """Something was handed over."""
        self._last_s = time.monotonic()
        if self._under_way == 0:
            self._since_s = self._last_s
        self._under_way += 1

    def over(self) -> None:
        """Something arrived."""
        self._under_way -= 1
        if self._under_way == 0:
            self._busy_s += time.monotonic() - self._since_s

    def waited(self) -> None:
        """The passes are over, and with them what was under way: since the last of it was handed over, they waited."""
        if self._last_s > 0:
            self._exposed_s += time.monotonic() - self._last_s
            self._last_s = 0.0

    @contextmanager
    def standing(self) -> Iterator[None]:
        """While it is entered, the rank does nothing but wait for others."""
        begin_s = time.monotonic()
        yield
        waited_s = time.monotonic() - begin_s
        self._busy_s += waited_s
        self._exposed_s += waited_s

    def taken(self) -> Sent:
        """What was added up since the last call."""
        exposed_s = min(self._exposed_s, self._busy_s)
        found = Sent(exposed_s, self._busy_s - exposed_s)
        self._busy_s = self._exposed_s = 0.0
        return found
