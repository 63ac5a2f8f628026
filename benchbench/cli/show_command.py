"""`benchbench show ID`: one stored run or study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    name: Annotated[str, typer.Argument(metavar="ID", help="an id, its beginning, or a result folder")],
    out: Annotated[Path, typer.Option(help="the results folder")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document on stdout")] = False,
) -> int:
    """Show one run or study: its estimates, warnings, machine and how to repeat it."""
    from benchbench.cli.console import console, emit
    from benchbench.record import document
    from benchbench.record.lookup import find, is_study
    from benchbench.record.study_store import read_study
    from benchbench.report.pages import terminal_run, terminal_study
    from benchbench.report.subject import run_subject

    place = find(out, name)
    if is_study(place):
        study = read_study(place)
        console().print(terminal_study(place, whole=True))
        if as_json:
            emit(study.answer(str(place), None))
        return 0
    subject = run_subject(place)
    console().print(terminal_run(place, whole=True))
    if as_json:
        repeats = [repeat.document() for repeat in subject.run.repeats]
        problems = list(subject.unreadable.values())
        emit({"schema": 1, "run": document.entry(subject.run, str(place)), "repeats": repeats, "problems": problems})
    return 0
