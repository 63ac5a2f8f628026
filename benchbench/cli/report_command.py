"""`benchbench report`: one page from what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchbench.report.subject import Subject

_REPORTS = Path("reports")
_MOST = 20


def command(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN|STUDY]...", help="ids, their beginnings, or result folders; none = everything"),
    ] = None,
    page: Annotated[Path | None, typer.Option("-o", help="the page to write; default: reports/NAME.html")] = None,
    out: Annotated[Path, typer.Option(help="the results folder")] = Path("results"),
) -> int:
    """Make one self-contained HTML page from stored runs and studies; nothing is measured."""
    from benchbench.cli.console import console
    from benchbench.report.finding import everything, named
    from benchbench.report.pages import write_page

    terminal = console()
    if names:
        subjects = named(out, names)
    else:
        subjects, problems = everything(out)
        for problem in problems:
            terminal.print(f"left out: {problem}", markup=False)
    if len(subjects) > _MOST:
        told = (
            f"the first {_MOST} of {len(subjects)} results"
            if names
            else f"the newest {_MOST} of {len(subjects)} results"
        )
        terminal.print(f"the page holds {told}; name the ones that you want", markup=False)
    written = write_page(subjects[:_MOST], page or _default_page(subjects))
    terminal.print(f"page: {written}", markup=False)
    return 0


def _default_page(subjects: Sequence[Subject]) -> Path:
    """`reports/NAME.html`: of one run its scenario's name, of one study its id."""
    from benchbench.report.subject import RunSubject

    first = subjects[0]
    if len(subjects) > 1:
        return _REPORTS / "results.html"
    return _REPORTS / f"{first.scenario.slug if isinstance(first, RunSubject) else first.id}.html"
