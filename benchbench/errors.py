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
import unicodedata
from collections.abc import Iterable

_LISTED = 20
_NAME_LIMIT = 100


class BenchBenchError(Exception):
    """The root. `str(error)` is the one message a user sees: what, where, what to do next."""

    exit_code = 1
    kind = "error"

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        key: str | None = None,
        via: str | None = None,
    ) -> None:
        """Says what is wrong and where.

        Args:
            message: what was expected, what stands there, what to do.
            file: the file that the user named.
            line: in that file, from 1.
            key: the dotted key.
            via: how the key was set when not by the file, such as `--set`.
        """
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.key = key
        self.via = via

    def __str__(self) -> str:
        place = self.file or ""
        if place and self.line is not None:
            place += f":{self.line}"
        key = " ".join(part for part in (self.key, f"({self.via})" if self.via else None) if part)
        return ": ".join(part for part in (place, key, self.message) if part)


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
    close = closest(name, names)
    if close is not None:
        return f"did you mean {close!r}?{look_alike(name)}"
    rest = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return "known: " + ", ".join(names[:_LISTED]) + rest if names else "none is known"


def closest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known name that an unknown one was most likely meant to be, whatever its case; None when nothing is near.

    Args:
        name: what the user wrote.
        known: every name that would have been accepted.
        cutoff: how much alike the two must be, from 0 to 1 (`difflib`).
    """
    names = {known_name.lower(): known_name for known_name in known}
    close = difflib.get_close_matches(name[:_NAME_LIMIT].lower(), names, n=1, cutoff=cutoff)
    return names[close[0]] if close else None


def look_alike(name: str) -> str:
    """Names the first letter that is not ASCII: it may look like one of the known name's."""
    letter = next((c for c in name if not c.isascii()), None)
    return f" (yours has {unicodedata.name(letter, ascii(letter)).lower()} in it)" if letter else ""
