"""When each step ended and what its loss was, without making a device wait that runs ahead of Python."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

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
    """Times a loop's steps: `start` before a stretch of them, `step` at the end of each, `stop` after the last."""

    def start(self) -> None:
        """Begins a stretch: what came before is finished first and not counted."""
        ...

    def step(self, number: int, loss: torch.Tensor) -> Sequence[Tick]:
        """Marks the end of a step; the steps that are known to have finished by now, in their order."""
        ...

    def stop(self) -> Sequence[Tick]:
        """Waits for every step that is still under way: those."""
        ...


class HostClock:
    """For devices that work while Python waits: a step is over when its loss can be read (CPU, mps)."""

    def __init__(self) -> None:
        self._last_s = 0.0

    def start(self) -> None:
        """See `Clock`."""
        self._last_s = time.monotonic()

    def step(self, number: int, loss: torch.Tensor) -> Sequence[Tick]:
        """See `Clock`."""
        value = loss.item()
        now_s = time.monotonic()
        tick = Tick(step=number, t=now_s, step_s=now_s - self._last_s, loss=value)
        self._last_s = now_s
        return (tick,)

    def stop(self) -> Sequence[Tick]:
        """See `Clock`."""
        return ()


class Mark(Protocol):
    """A moment in a device's stream of work."""

    def query(self) -> bool:
        """Whether the device has come to it."""
        ...

    def synchronize(self) -> None:
        """Waits until the device has come to it."""
        ...


M = TypeVar("M", bound=Mark)


class Stream(Protocol[M]):
    """A device's stream of work, into which marks and copies are put."""

    def synchronize(self) -> None:
        """Waits for all of it."""
        ...

    def mark(self) -> M:
        """Puts a mark at its end."""
        ...

    def between_s(self, begin: M, end: M) -> float:
        """Seconds from one mark to another, both of which were reached."""
        ...

    def buffer(self) -> torch.Tensor:
        """A scalar of the host's that a copy from the device can be written to behind Python's back."""
        ...


class CudaStream:
    """The current stream of the current CUDA device."""

    def synchronize(self) -> None:
        """See `Stream`."""
        torch.cuda.synchronize()

    def mark(self) -> torch.cuda.Event:
        """See `Stream`."""
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def between_s(self, begin: torch.cuda.Event, end: torch.cuda.Event) -> float:
        """See `Stream`."""
        return float(begin.elapsed_time(end)) / 1e3

    def buffer(self) -> torch.Tensor:
        """See `Stream`."""
        return torch.empty((), dtype=torch.float32, pin_memory=True)


@dataclass(frozen=True, slots=True)
class _Pending(Generic[M]):
    step: int
    end: M
    loss: torch.Tensor


class StreamClock(Generic[M]):
    """For a device that Python runs ahead of: each step leaves a mark and a copy of its loss, read once it is reached.

    Python is held back only when it is `AHEAD` steps in front, as far as any plain loop gets. Times are added up
    from mark to mark: a device counts milliseconds in 32 bits, which over an hour would be blunter than a step.

    Args of the constructor:
        stream: the device's.
        alike: read each step `AHEAD` steps later, however early it was reached, so that several ranks read the same.
    """

    AHEAD = 8

    def __init__(self, stream: Stream[M], *, alike: bool = False) -> None:
        self._stream, self._alike = stream, alike
        self._pending: deque[_Pending[M]] = deque()
        self._free = [stream.buffer() for _ in range(self.AHEAD + 1)]
        self._last = stream.mark()
        self._last_s = 0.0

    def start(self) -> None:
        """See `Clock`."""
        self._stream.synchronize()
        self._last = self._stream.mark()
        self._last.synchronize()
        self._last_s = time.monotonic()

    def step(self, number: int, loss: torch.Tensor) -> Sequence[Tick]:
        """See `Clock`."""
        host = self._free.pop()
        host.copy_(loss, non_blocking=True)
        self._pending.append(_Pending(number, self._stream.mark(), host))
        ticks = []
        while len(self._pending) > self.AHEAD or (self._pending and not self._alike and self._pending[0].end.query()):
            ticks.append(self._finish(self._pending.popleft()))
        return ticks

    def stop(self) -> Sequence[Tick]:
        """See `Clock`."""
        ticks = [self._finish(pending) for pending in self._pending]
        self._pending.clear()
        return ticks

    def _finish(self, pending: _Pending[M]) -> Tick:
        pending.end.synchronize()
        step_s = self._stream.between_s(self._last, pending.end)
        self._last, self._last_s = pending.end, self._last_s + step_s
        self._free.append(pending.loss)
        return Tick(step=pending.step, t=self._last_s, step_s=step_s, loss=float(pending.loss))


def clock_for(device: torch.device, *, alike: bool = False) -> Clock:
    """The clock of a device; `alike` for one of several ranks (see `StreamClock`)."""
    return StreamClock(CudaStream(), alike=alike) if device.type == "cuda" else HostClock()
