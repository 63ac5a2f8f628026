"""The raw lines of a repeat: JSON objects, one a line, flushed as they happen, read back however they end.

A repeat's working folder holds `events.jsonl` (the trainer: ready, phase, step, eval, done, failed; of several ranks
those of the first, beside `events-1.jsonl` and so on), `telemetry.jsonl` (the observer), `log.txt` (the tree's standard
output and error), `exit.json` (the supervisor), `repeat.json` (the `Repeat`, once it ended) and, where the scenario
wants some, the folder `checkpoints`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EVENTS = "events.jsonl"
TELEMETRY = "telemetry.jsonl"
LOG = "log.txt"
EXIT = "exit.json"
REPEAT = "repeat.json"
SCENARIO = "scenario.json"
CHECKPOINTS = "checkpoints"

_LOG_TAIL_BYTES = 4000


def events_of_rank(rank: int) -> str:
    """The file of a rank's events."""
    return EVENTS if rank == 0 else EVENTS.replace(".", f"-{rank}.")


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Every whole JSON object of a file; a line cut short by a crash is left out, a missing file has none."""
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        for line in file:
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                yield value


def log_tail(path: Path) -> str:
    """The last lines of a log, some 4 kB."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _LOG_TAIL_BYTES))
            tail = file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    return tail.partition("\n")[2] if size > _LOG_TAIL_BYTES else tail
