"""Events, one JSON object a line, handed to the operating system as they happen: a killed trainer loses none."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Events(Protocol):
    """Where events go."""

    def emit(self, event: str, **fields: object) -> None:
        """Records an event; `t`, the monotonic time in seconds, is added where it is not given."""
        ...


class EventFile:
    """Appends events to a file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def emit(self, event: str, **fields: object) -> None:
        """Records an event (see `Events`); a number that JSON cannot hold is an error of the caller's."""
        line: Mapping[str, object] = {"event": event, "t": time.monotonic(), **fields}
        self._file.write(json.dumps(line, separators=(",", ":"), allow_nan=False) + "\n")

    def close(self) -> None:
        """Closes the file; the end of the process does so too."""
        self._file.close()
