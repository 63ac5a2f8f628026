"""Where output goes: people read stderr, programs read the one JSON document on stdout."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from benchbench.errors import BenchBenchError, StoreError

if TYPE_CHECKING:
    from rich.console import Console

_SCHEMA = 1
_PIPE_WIDTH = 160


def console() -> Console:
    """The console for people."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _PIPE_WIDTH)


def emit(document: dict[str, Any]) -> None:
    """Prints the one JSON document of a command.

    Raises:
        StoreError: standard output takes no more.
    """
    put(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n")


def put(text: str) -> None:
    """Prints what a program is to read.

    Raises:
        StoreError: standard output takes no more.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter fails once more at its end
        raise StoreError(f"the document cannot be written: {error.strerror}", file="standard output") from None


def report_error(error: BenchBenchError, *, as_json: bool) -> None:
    """One message on stderr; with `--json` the same as a document on stdout."""
    sys.stderr.write(f"error: {error}\n")
    if as_json:
        place = {"file": error.file, "line": error.line, "key": error.key}
        emit({"schema": _SCHEMA, "error": {"kind": error.kind, "message": error.message, **place}})
