"""`benchbench show ID`: one stored run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    run_id: Annotated[str, typer.Argument(metavar="ID", help="an id, its beginning, or a result folder")],
    out: Annotated[Path, typer.Option(help="the results folder")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document on stdout")] = False,
) -> int:
    """Show one run: its estimates, warnings, machine and how to repeat it."""
    from benchbench.cli.console import console, emit
    from benchbench.record import document
    from benchbench.record.store import find, read_run
    from benchbench.report.pages import terminal_run

    folder = find(out, run_id)
    run = read_run(folder)
    console().print(terminal_run(folder, whole=True))
    if as_json:
        emit({"schema": 1, "run": document.entry(run, str(folder)), "repeats": [r.document() for r in run.repeats]})
    return 0
