"""Events, one JSON object a line, handed to the operating system as they happen: a killed trainer loses none."""

from __future__ import annotations

import json
import os
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
        """Records an event (see `Events`)."""
        self._file.write(_line(event, fields))


class EventFile:
    """Appends events to a file, past every buffer of Python's: a step waits for as little as can be."""

    def __init__(self, path: Path) -> None:
        self._file: int | None = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)

    def emit(self, event: str, **fields: object) -> None:
        """Records an event (see `Events`); a full disk is an error here and now."""
        if self._file is None:
            raise ValueError("the file is closed")
        data = _line(event, fields).encode()
        while data:
            data = data[os.write(self._file, data) :]

    def close(self) -> None:
        """Closes the file; the end of the process does so too."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _line(event: str, fields: Mapping[str, object]) -> str:
    """An event as a line; a number that JSON cannot hold is an error of the caller's."""
    return _encode({"event": event, "t": time.monotonic(), **fields}) + "\n"
