"""`benchbench list`: the stored runs and studies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.table import Table


def command(
    out: Annotated[Path, typer.Option(help="the results folder")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document on stdout")] = False,
) -> int:
    """List what is stored, oldest first."""
    from benchbench.cli.console import console, emit
    from benchbench.errors import RecordError
    from benchbench.record import document
    from benchbench.record.lookup import STUDY, folders, without_document
    from benchbench.record.store import read_run, run_folders, unfinished
    from benchbench.record.study_store import read_study

    runs: list[dict[str, Any]] = []
    studies: list[dict[str, Any]] = []
    problems: list[str] = []
    for folder in (*run_folders(out), *folders(out, STUDY)):
        try:
            if (folder / STUDY).is_file():
                studies.append(read_study(folder).answer(str(folder), None))
            else:
                runs.append(document.entry(read_run(folder), str(folder)))
        except RecordError as error:
            problems.append(str(error))
    problems += without_document(out)
    terminal = console()
    if runs:
        terminal.print(_runs(runs))
    if studies:
        terminal.print(_studies(studies))
    if not runs and not studies:
        terminal.print(f"no results under {out}; `benchbench run SCENARIO` makes some", markup=False)
    for problem in problems:
        terminal.print(f"left out: {problem}", markup=False)
    left = [str(folder) for folder in unfinished(out)]
    for name in left:
        told = "its command is still running, or was killed: benchbench run SCENARIO --resume takes it up then"
        terminal.print(f"unfinished: {name} ({told})", markup=False)
    if as_json:
        emit({"schema": 1, "runs": runs, "studies": studies, "problems": problems, "unfinished": left})
    return 0


def _runs(entries: Sequence[dict[str, Any]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from benchbench.units import human

    table = Table("run", "name", "outcome", "step", "samples/s", "target", box=None)
    for entry in entries:
        step, rate, reached = (entry["summary"][k] for k in ("step_s", "samples_per_s", "reached_target"))
        table.add_row(
            Text(entry["id"]), Text(entry["name"]), entry["outcome"], human(step["value"], "s") if step else "",
            human(rate["value"], "") if rate else "", {True: "reached", False: "missed", None: ""}[reached],
        )  # fmt: skip
    return table


def _studies(answers: Sequence[dict[str, Any]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from benchbench.units import human

    table = Table("study", "verdict", "time to target", "speedup", "trials", "spent", box=None)
    for answer in answers:
        advice = answer["recommendation"]
        time_s, speedup = advice["time_to_target_s"], advice["speedup"]
        table.add_row(
            Text(answer["study"]), advice["verdict"], human(time_s["value"], "s") if time_s else "",
            f"{speedup['value']:.2f} x" if speedup else "", str(sum(answer["trials"].values())),
            human(answer["spent_s"], "s"),
        )  # fmt: skip
    return table
