"""What a run tells while it goes: the trainer's events as they are written, and lines for whoever watches."""

from __future__ import annotations

import json
import math
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchbench.hardware.probe import Reading, Seen
from benchbench.record.metrics import BY_NAME

_WINDOW_S = 1.0
_READ_BYTES = 1 << 16
_LONGEST_LINE_BYTES = 1 << 20
_MOST_WAITING_LINES = 1000


class EventTail:
    """The events of a file that grows, each once. The file may not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._rest = b""

    def read(self) -> Iterator[dict[str, Any]]:
        """The events written since the last call; a line that is no JSON object with an `event` is left out."""
        if self._file is None:
            try:
                self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return
        while new := self._more():
            *lines, self._rest = (self._rest + new).split(b"\n")
            if len(self._rest) > _LONGEST_LINE_BYTES:
                self._rest = b""
            yield from (event for line in lines if (event := _event(line)) is not None)

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _more(self) -> bytes:
        assert self._file is not None
        try:
            return os.read(self._file, _READ_BYTES)
        except OSError:
            return b""


class _Step(NamedTuple):
    ended_s: float
    step_s: float | None
    samples: float | None
    tokens: float | None


class StepRates:
    """The newest step, and how fast the last second's steps went."""

    def __init__(self) -> None:
        self._steps: deque[_Step] = deque()
        self._newest: Mapping[str, Any] = {}

    def add(self, event: Mapping[str, Any], seen_s: float) -> None:
        """Takes a `step` event.

        Args:
            event: as the trainer wrote it; a foreign trainer's has neither `t` nor `step_s`.
            seen_s: when it was seen, for a step that does not say when it ended.
        """
        ended_s = _number(event, "t")
        step = _Step(
            seen_s if ended_s is None else ended_s,
            _number(event, "step_s"),
            _number(event, "samples"),
            _number(event, "tokens"),
        )
        self._steps.append(step)
        self._newest = event
        # One step before the window stays, to tell how long the window's first one took.
        while len(self._steps) > 2 and self._steps[1].ended_s <= step.ended_s - _WINDOW_S:
            self._steps.popleft()

    def figures(self) -> dict[str, float | None]:
        """`step`, `loss`, `samples_per_s` and `tokens_per_s`; None for what is not known."""
        step = _number(self._newest, "step")
        return {
            "step": None if step is None else int(step),
            "loss": _number(self._newest, "loss"),
            "samples_per_s": self._rate("samples"),
            "tokens_per_s": self._rate("tokens"),
        }

    def _rate(self, field: str) -> float | None:
        window = list(self._steps)
        durations_s = [step.step_s for step in window]
        if window and None not in durations_s:
            if len(window) > 1 and window[0].ended_s <= window[-1].ended_s - _WINDOW_S:
                window = window[1:]
            elapsed_s = sum(step.step_s or 0.0 for step in window)
        elif len(window) > 1:
            elapsed_s = window[-1].ended_s - window[0].ended_s
            window = window[1:]
        else:
            return None
        amounts = [getattr(step, field) for step in window]
        return None if None in amounts or elapsed_s <= 0 else sum(amounts) / elapsed_s


class Gauges:
    """The utilization and memory that a progress line shows: of the GPUs in use, else of the run on the CPUs."""

    def __init__(self, seen: Iterable[Seen]) -> None:
        gpus = [d.device for d in seen if d.in_use and d.device != "cpu" and "utilization" in d.metrics]
        self._devices = gpus or ["cpu"]
        self._utilization = BY_NAME["utilization" if gpus else "process_utilization"].column
        self._memory = BY_NAME["memory_used" if gpus else "process_memory"].column
        self._since: list[float] = []
        self._memory_bytes: float | None = None

    def take(self, readings: Iterable[Reading]) -> None:
        """Keeps what one tick says."""
        shown = [reading.values for reading in readings if reading.device in self._devices]
        self._since += [values[self._utilization] for values in shown if self._utilization in values]
        self._memory_bytes = max((v[self._memory] for v in shown if self._memory in v), default=self._memory_bytes)

    def figures(self) -> dict[str, float | None]:
        """The mean utilization since the last call and the newest memory (the largest over the GPUs)."""
        mean = sum(self._since) / len(self._since) if self._since else None
        self._since = []
        return {"utilization": mean, "memory_bytes": self._memory_bytes}


class Channel:
    """Lines of JSON to whoever watches; a watcher who left or does not keep up is no reason to stop or to wait.

    Args of the constructor:
        fd: the end to write to; it is made non-blocking.
    """

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd
        self._waiting: deque[bytes] = deque(maxlen=_MOST_WAITING_LINES)
        self._begun = b""  # what is left of a line that the reader has a part of
        try:
            os.set_blocking(fd, False)
        except OSError:
            self._fd = None

    def send(self, message: Mapping[str, Any]) -> None:
        """Writes a line now or, when the reader is behind, later; the oldest of too many are given up."""
        if self._fd is None:
            return
        self._waiting.append(json.dumps(message).encode() + b"\n")
        self.flush()

    def flush(self) -> None:
        """Writes what waits, as far as the reader takes it."""
        while self._fd is not None and (self._begun or self._waiting):
            self._begun = self._begun or self._waiting.popleft()
            try:
                written = os.write(self._fd, self._begun)
            except BlockingIOError:
                return
            except OSError:  # nobody reads any more
                self._fd = None
                return
            self._begun = self._begun[written:]


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) and isinstance(value.get("event"), str) else None


def _number(event: Mapping[str, Any], key: str) -> float | None:
    value = event.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if math.isfinite(value) else None
