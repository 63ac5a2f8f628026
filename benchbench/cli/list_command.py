"""`benchbench list`: the stored runs and studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def command(
    out: Annotated[Path, typer.Option(help="the results folder")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document on stdout")] = False,
) -> int:
    """List what is stored, oldest first."""
    from benchbench.cli.console import console, emit
    from benchbench.errors import RecordError
    from benchbench.record import document
    from benchbench.record.store import read_run, run_folders, unfinished

    entries: list[dict[str, Any]] = []
    problems: list[str] = []
    for folder in run_folders(out):
        try:
            entries.append(document.entry(read_run(folder), str(folder)))
        except RecordError as error:
            problems.append(str(error))
    terminal = console()
    if not entries:
        terminal.print(f"no results under {out}; `benchbench run SCENARIO` makes some", markup=False)
    else:
        _table(entries)
    for problem in problems:
        terminal.print(f"left out: {problem}", markup=False)
    for folder in unfinished(out):
        terminal.print(f"unfinished: {folder} (a command that is still running or was killed)", markup=False)
    if as_json:
        emit({"schema": 1, "runs": entries, "problems": problems, "unfinished": [str(f) for f in unfinished(out)]})
    return 0


def _table(entries: list[dict[str, Any]]) -> None:
    from rich.table import Table
    from rich.text import Text

    from benchbench.cli.console import console
    from benchbench.units import human

    table = Table("id", "name", "outcome", "step", "samples/s", "target", box=None)
    for entry in entries:
        summary = entry["summary"]
        step, rate, reached = (summary[k] for k in ("step_s", "samples_per_s", "reached_target"))
        table.add_row(
            Text(entry["id"]), Text(entry["name"]), entry["outcome"], human(step["value"], "s") if step else "",
            human(rate["value"], "") if rate else "", {True: "reached", False: "missed", None: ""}[reached],
        )  # fmt: skip
    console().print(table)
