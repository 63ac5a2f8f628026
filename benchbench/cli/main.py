"""The entry of the command `benchbench`."""

from __future__ import annotations

import os
import sys
from typing import NoReturn, cast

import typer

from benchbench.errors import BenchBenchError, InputError, Interrupted

# The base of typer's usage errors is click's class, which newer versions of typer carry inside them.
_UsageError = cast(type[Exception], next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException"))


def main() -> NoReturn:
    """Runs one command and exits with its code; an error becomes one message, never a traceback."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command.

    Args:
        arguments: what was typed behind `benchbench`.

    Returns:
        The exit code.
    """
    from benchbench.cli.app import app
    from benchbench.cli.console import report_error

    as_json = "--json" in arguments
    try:
        code = app(args=arguments, prog_name="benchbench", standalone_mode=False)
    except BenchBenchError as error:
        report_error(error, as_json=as_json)
        return error.exit_code
    except _UsageError as error:
        usage = InputError(f"{_text(error)} (see benchbench --help)")
        report_error(usage, as_json=as_json)
        return usage.exit_code
    except (KeyboardInterrupt, typer.Abort):
        stopped = Interrupted("interrupted before anything was measured")
        report_error(stopped, as_json=as_json)
        return stopped.exit_code
    except BrokenPipeError:  # the reader of our output went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code if isinstance(code, int) else 0


def _text(error: Exception) -> str:
    format_message = getattr(error, "format_message", None)
    return str(format_message() if format_message else error)
