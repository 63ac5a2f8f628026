"""The events from which a training's course is told, kept so that a checkpoint can carry them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchbench.record.figures import RawLines
from benchbench.training.events import Events

_KEPT = ("eval", "noise-scale")


class Journal:
    """Passes events on, and keeps the evaluations and noise scales among them.

    Args of the constructor:
        events: where they go.
        earlier: those of the training that is gone on with; they are told again, marked as `earlier`.

    Attributes:
        kept: the events, in their order.
    """

    def __init__(self, events: Events, earlier: Sequence[Mapping[str, Any]] = ()) -> None:
        self._events = events
        self.kept: list[Mapping[str, Any]] = list(earlier)
        for line in earlier:
            events.emit(**{**line, "t": time.monotonic(), "earlier": True})

    @property
    def lines(self) -> RawLines:
        """The events as a record reads them."""
        return RawLines(events=tuple(self.kept), telemetry=())

    def emit(self, event: str, **fields: object) -> None:
        """Records an event (see `Events`)."""
        line: dict[str, Any] = {"event": event, "t": time.monotonic(), **fields}
        if event in _KEPT:
            self.kept.append(line)
        self._events.emit(**line)
