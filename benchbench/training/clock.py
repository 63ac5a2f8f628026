"""When each step ended and what its loss was, without making a device wait that runs ahead of Python."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """One finished step.

    Attributes:
        step: its number, from 1.
        t: monotonic time of its end, in seconds.
        step_s: time since the end of the step before it (or since the clock was started).
        loss: mean over the labelled positions of the global batch.
    """

    step: int
    t: float
    step_s: float
    loss: float


class Clock(Protocol):
    """Times the steps of a loop. `start` before a stretch of steps, `step` at the end of each, `stop` after the last."""

    def start(self) -> None:
        """Begins a stretch: what came before is finished first and not counted."""
        ...

    def step(self, number: int, loss: torch.Tensor) -> Iterator[Tick]:
        """Marks the end of a step; yields the steps that are known to have finished by now."""
        ...

    def stop(self) -> Iterator[Tick]:
        """Waits for every step that is still under way, and yields them."""
        ...


class HostClock:
    """For devices that work while Python waits (the CPU): a step is over when its call returns."""

    def __init__(self) -> None:
        self._last_s = 0.0

    def start(self) -> None:
        """See `Clock`."""
        self._last_s = time.monotonic()

    def step(self, number: int, loss: torch.Tensor) -> Iterator[Tick]:
        """See `Clock`."""
        value = loss.item()
        now_s = time.monotonic()
        yield Tick(step=number, t=now_s, step_s=now_s - self._last_s, loss=value)
        self._last_s = now_s

    def stop(self) -> Iterator[Tick]:
        """See `Clock`."""
        yield from ()


class SynchronousClock(HostClock):
    """For devices without events of their own (mps): reading the loss waits for the device."""


@dataclass(frozen=True, slots=True)
class _Pending:
    step: int
    end: torch.cuda.Event
    loss: torch.Tensor


class CudaClock:
    """For CUDA, where Python runs ahead: each step leaves an event and a copy of its loss, read once it is reached.

    Python is held back only when it is `_AHEAD` steps in front, as far as any plain loop gets.
    """

    _AHEAD = 8

    def __init__(self) -> None:
        self._pending: deque[_Pending] = deque()
        self._free = [torch.empty((), pin_memory=True) for _ in range(self._AHEAD + 2)]
        self._anchor = torch.cuda.Event(enable_timing=True)
        self._anchor_s = 0.0
        self._last_s = 0.0

    def start(self) -> None:
        """See `Clock`."""
        torch.cuda.synchronize()
        self._anchor = torch.cuda.Event(enable_timing=True)
        self._anchor.record()
        self._anchor.synchronize()
        self._anchor_s = self._last_s = time.monotonic()

    def step(self, number: int, loss: torch.Tensor) -> Iterator[Tick]:
        """See `Clock`."""
        host = self._free.pop()
        host.copy_(loss, non_blocking=True)
        end = torch.cuda.Event(enable_timing=True)
        end.record()
        self._pending.append(_Pending(number, end, host))
        while self._pending and (len(self._pending) > self._AHEAD or self._pending[0].end.query()):
            yield self._finish(self._pending.popleft())

    def stop(self) -> Iterator[Tick]:
        """See `Clock`."""
        while self._pending:
            yield self._finish(self._pending.popleft())

    def _finish(self, pending: _Pending) -> Tick:
        pending.end.synchronize()
        t = self._anchor_s + self._anchor.elapsed_time(pending.end) / 1e3
        tick = Tick(step=pending.step, t=t, step_s=t - self._last_s, loss=float(pending.loss))
        self._last_s = t
        self._free.append(pending.loss)
        return tick


def clock_for(device: torch.device) -> Clock:
    """The clock of a device."""
    if device.type == "cuda":
        return CudaClock()
    return SynchronousClock() if device.type == "mps" else HostClock()
