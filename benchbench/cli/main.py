"""The entry of the command `benchbench`."""

from __future__ import annotations

import os
import sys
from typing import NoReturn, cast

from benchbench.errors import BenchBenchError, InputError, Interrupted
from benchbench.executors.interruption import stop_signals


def main() -> NoReturn:
    """Runs one command and exits with its code; an error becomes one message, never a traceback."""
    with stop_signals():
        code = run(sys.argv[1:])
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Runs one command.

    Args:
        arguments: what was typed behind `benchbench`.

    Returns:
        The exit code.
    """
    as_json = "--json" in arguments
    try:
        return _run(arguments)
    except BenchBenchError as error:
        return _report(error, as_json=as_json)
    except KeyboardInterrupt:
        return _report(Interrupted("interrupted before anything was measured"), as_json=as_json)
    except BrokenPipeError:  # the reader of our output went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(arguments: list[str]) -> int:
    import typer

    from benchbench.cli.app import app

    # The base of typer's usage errors is click's class, which newer versions of typer carry inside them.
    usage_error = cast(type[Exception], next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException"))
    try:
        code = app(args=arguments, prog_name="benchbench", standalone_mode=False)
    except usage_error as error:
        format_message = getattr(error, "format_message", None)
        raise InputError(f"{format_message() if format_message else error} (see benchbench --help)") from None
    except typer.Abort:
        raise KeyboardInterrupt from None
    return code if isinstance(code, int) else 0


def _report(error: BenchBenchError, *, as_json: bool) -> int:
    from benchbench.cli.console import report_error

    try:
        report_error(error, as_json=as_json)
    except BenchBenchError:  # stdout takes nothing any more; stderr has the message
        return error.exit_code
    return error.exit_code
