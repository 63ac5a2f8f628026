"""How far the preparation of the data is, as events: at most one a second, and none of what is quicker than that."""

from __future__ import annotations

import time

from benchbench.training.events import Events
from benchbench.workload.reading import Progress

_EVERY_S = 1.0


def data_news(events: Events) -> Progress:
    """What tells `{"event": "phase", "name": "data", "part": ..., "done": rows, "total": rows or null}`."""
    last_s = time.monotonic()

    def tell(part: str, done: int, total: int | None) -> None:
        nonlocal last_s
        if time.monotonic() - last_s >= _EVERY_S:
            last_s = time.monotonic()
            events.emit("phase", name="data", part=part, done=done, total=total)

    return tell
