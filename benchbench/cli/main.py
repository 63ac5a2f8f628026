"""The entry of the command `benchbench`."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from benchbench.errors import BenchBenchError, InputError, Interrupted


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
    import click

    from benchbench.cli.app import app
    from benchbench.cli.console import report_error

    as_json = "--json" in arguments
    try:
        code = app(args=arguments, prog_name="benchbench", standalone_mode=False)
    except BenchBenchError as error:
        report_error(error, as_json)
        return error.exit_code
    except click.ClickException as error:
        usage = InputError(f"{error.format_message()} (see benchbench --help)")
        report_error(usage, as_json)
        return usage.exit_code
    except (KeyboardInterrupt, click.Abort):
        stopped = Interrupted("interrupted before anything was measured")
        report_error(stopped, as_json=False)
        return stopped.exit_code
    except BrokenPipeError:  # the reader of our output went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code if isinstance(code, int) else 0
