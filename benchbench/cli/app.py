"""The commands. Each lives in a file of its own and imports what it needs when it runs."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable

import typer

from benchbench.errors import Interrupted

COMMANDS = (
    "run", "tune", "verify", "export", "compare", "history", "report", "list", "show", "schema", "hardware", "doctor",
)  # fmt: skip

app = typer.Typer(
    name="benchbench",
    help="Finds the fastest way to train a language model to a target accuracy on this hardware, and shows why you "
    "may believe it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


def _told(command: Callable[..., int]) -> Callable[..., int]:
    """A command whose interruption is ours to report: typer would end in silence."""

    @functools.wraps(command)
    def run(*arguments: object, **options: object) -> int:
        try:
            return command(*arguments, **options)
        except KeyboardInterrupt:
            raise Interrupted("interrupted before anything was measured") from None

    return run


for _name in COMMANDS:
    _module = importlib.import_module(f"benchbench.cli.{_name}_command")
    app.command(_name)(_told(_module.command))
