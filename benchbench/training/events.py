"""Events, one JSON object a line, handed to the operating system as they happen: a killed trainer loses none."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, TextIO


class Events(Protocol):
    """Where events go."""

    def emit(self, event: str, **fields: object) -> None:
        """Records an event; `t`, the monotonic time in seconds, is added where it is not given."""
        ...


class EventLines:
    """Writes events to an open text file.

    Args of the constructor:
        file: it hands each line on at once.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def emit(self, event: str, **fields: object) -> None:
        """Records an event (see `Events`); a number that JSON cannot hold is an error of the caller's."""
        line: Mapping[str, object] = {"event": event, "t": time.monotonic(), **fields}
        self._file.write(json.dumps(line, separators=(",", ":"), allow_nan=False) + "\n")


class EventFile(EventLines):
    """Appends events to a file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.open("a", encoding="utf-8", buffering=1))

    def close(self) -> None:
        """Closes the file; the end of the process does so too."""
        self._file.close()
