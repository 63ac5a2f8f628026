"""When a step ended: on the host, and on a device that Python runs ahead of (a fake stream with its own time)."""

import time
from collections import deque

import pytest
import torch

from benchbench.training.clock import HostClock, StreamClock, Tick, clock_for


def test_the_hosts_clock_times_from_end_to_end() -> None:
    clock = HostClock()
    time.sleep(0.01)
    clock.start()
    began_s = time.monotonic()
    time.sleep(0.02)
    (first,) = clock.step(1, torch.tensor(0.5))
    time.sleep(0.01)
    (second,) = clock.step(2, torch.tensor(0.25))
    assert [first.step, second.step] == [1, 2]
    assert [first.loss, second.loss] == [0.5, 0.25]
    assert 0.02 <= first.step_s < 0.2
    assert first.t == pytest.approx(began_s + first.step_s, abs=0.05)
    assert second.step_s == pytest.approx(second.t - first.t)
    assert list(clock.stop()) == []


def test_time_between_stretches_is_not_counted() -> None:
    clock = HostClock()
    clock.start()
    clock.step(1, torch.tensor(1.0))
    clock.stop()
    time.sleep(0.05)
    clock.start()
    (tick,) = clock.step(2, torch.tensor(1.0))
    assert tick.step_s < 0.05


class FakeMark:
    """A moment that the device comes to at `at_s` of its own time."""

    def __init__(self, stream: "FakeStream", at_s: float) -> None:
        self._stream, self.at_s = stream, at_s

    def query(self) -> bool:
        return self._stream.now_s >= self.at_s

    def synchronize(self) -> None:
        self._stream.reach(self.at_s)


class FakeCopy:
    """A loss on the device; the host's buffer holds it only once the device got there."""

    def __init__(self, value: float) -> None:
        self.value = value


class FakeBuffer:
    """Pinned memory that is written to behind Python's back."""

    def __init__(self, stream: "FakeStream") -> None:
        self._stream = stream
        self._value: float | None = None

    def copy_(self, loss: FakeCopy, non_blocking: bool) -> None:
        assert non_blocking
        assert self._value is None or self._stream.now_s >= self._written_s, "a buffer was reused before it was read"
        self._value, self._written_s = loss.value, self._stream.end_s

    def __float__(self) -> float:
        assert self._value is not None
        assert self._stream.now_s >= self._written_s, "the loss was read before it was there"
        return self._value


class FakeStream:
    """A device that works through its queue while Python goes on; `work` adds to the queue."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.end_s = 0.0
        self.waits: deque[float] = deque()

    def work(self, seconds: float) -> None:
        self.end_s = max(self.end_s, self.now_s) + seconds

    def reach(self, at_s: float) -> None:
        if at_s > self.now_s:
            self.waits.append(at_s - self.now_s)
        self.now_s = max(self.now_s, at_s)

    def synchronize(self) -> None:
        self.reach(self.end_s)

    def mark(self) -> FakeMark:
        return FakeMark(self, max(self.end_s, self.now_s))

    def between_s(self, begin: FakeMark, end: FakeMark) -> float:
        assert end.query(), "an event was asked before it was reached"
        return end.at_s - begin.at_s

    def buffer(self) -> FakeBuffer:
        return FakeBuffer(self)


def run(stream: FakeStream, clock: StreamClock, steps: int, device_s: float, host_s: float) -> list[Tick]:
    """Ticks of steps that keep the device busy for `device_s` and Python for `host_s`."""
    ticks = []
    for step in range(1, steps + 1):
        stream.work(device_s)
        ticks += clock.step(step, FakeCopy(float(step)))
        stream.now_s += host_s
    return ticks


@pytest.fixture
def stream() -> FakeStream:
    return FakeStream()


@pytest.fixture
def clock(stream: FakeStream) -> StreamClock:
    return StreamClock(stream)


def test_a_slow_device_is_timed_by_its_own_marks_and_python_stays_ahead(stream: FakeStream, clock: StreamClock) -> None:
    clock.start()
    ticks = run(stream, clock, 30, device_s=1.0, host_s=0.001)
    assert len(ticks) == 30 - StreamClock.AHEAD, "steps that are still under way are not known yet"
    ticks += clock.stop()
    assert [t.step for t in ticks] == list(range(1, 31))
    assert [t.loss for t in ticks] == [float(n) for n in range(1, 31)]
    assert [t.step_s for t in ticks] == pytest.approx([1.0] * 30)
    assert ticks[-1].t - ticks[0].t == pytest.approx(29.0)


def test_python_never_waits_for_a_quick_device(stream: FakeStream, clock: StreamClock) -> None:
    clock.start()
    stream.waits.clear()
    ticks = run(stream, clock, 30, device_s=0.001, host_s=1.0)
    assert not stream.waits
    assert len(ticks) == 29, "only the newest step is not known yet"
    assert [t.step_s for t in ticks[1:]] == pytest.approx([1.0] * 28), "the device idles between two steps: that counts"


def test_a_slow_device_holds_python_back_at_eight_steps(stream: FakeStream, clock: StreamClock) -> None:
    clock.start()
    stream.waits.clear()
    run(stream, clock, StreamClock.AHEAD, device_s=1.0, host_s=0.0)
    assert not stream.waits
    run(stream, clock, 1, device_s=1.0, host_s=0.0)
    assert list(stream.waits) == pytest.approx([1.0])


def test_what_stands_between_two_stretches_is_not_counted(stream: FakeStream, clock: StreamClock) -> None:
    clock.start()
    first = run(stream, clock, 3, device_s=1.0, host_s=0.0) + list(clock.stop())
    stream.work(100.0)  # an evaluation
    clock.start()
    second = run(stream, clock, 3, device_s=1.0, host_s=0.0) + list(clock.stop())
    assert sum(t.step_s for t in (*first, *second)) == pytest.approx(6.0)
    assert len(first) == len(second) == 3


def test_the_cpu_has_the_hosts_clock() -> None:
    assert isinstance(clock_for(torch.device("cpu")), HostClock)
