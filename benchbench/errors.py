"""One error tree; each class carries the exit code that the command line ends with.

    BenchBenchError            1   never raised itself
    +-- InputError             2   what was asked for is wrong: nothing was run
    |   +-- ScenarioError          ... in a scenario file or an override: file, line, key
    |   +-- UnsupportedError       ... right, but no engine for it is here yet, or this machine lacks it
    |   +-- RecordError            ... in a stored result: missing, truncated, of a future schema
    +-- StoreError             3   a result could not be written (a full disk, a folder that is not writable)
    +-- Interrupted          130   the user asked to stop; what was measured is kept

A failed run is not an error here: it is a stored outcome (`benchbench.record`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BenchBenchError(Exception):
    """The root. `str(error)` is the one message a user sees: what, where, what to do next."""

    exit_code = 1
    kind = "error"

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, key: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.key = key

    def __str__(self) -> str:
        place = self.file or ""
        if place and self.line is not None:
            place += f":{self.line}"
        return ": ".join(part for part in (place, self.key, self.message) if part)


class InputError(BenchBenchError):
    """What was asked for is wrong; nothing was run and nothing was created."""

    exit_code = 2
    kind = "input"


class ScenarioError(InputError):
    """A scenario file or an override of it cannot be accepted."""

    kind = "scenario"


class UnsupportedError(InputError):
    """A legal request that no engine here can carry out; refused, never ignored."""

    kind = "unsupported"


class RecordError(InputError):
    """A stored result cannot be read."""

    kind = "record"


class StoreError(BenchBenchError):
    """A result could not be written."""

    exit_code = 3
    kind = "store"


class Interrupted(BenchBenchError):  # noqa: N818 - a request, not a fault
    """The user asked to stop (Ctrl-C, SIGTERM); what was measured is kept."""

    exit_code = 130
    kind = "interrupted"


def nearest(name: str, known: Iterable[str]) -> str:
    """The hint that ends a message about an unknown name: the nearest known one, else all of them.

    Args:
        name: what the user wrote.
        known: every name that would have been accepted.

    Returns:
        `did you mean 'x'?`, or `known: a, b, c` when nothing is near.
    """
    names = sorted(set(known))
    close = difflib.get_close_matches(name.lower(), [known_name.lower() for known_name in names], n=1, cutoff=0.6)
    if close:
        return f"did you mean {next(n for n in names if n.lower() == close[0])!r}?"
    return "known: " + ", ".join(names) if names else "none is known"
