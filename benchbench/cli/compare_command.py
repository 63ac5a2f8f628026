"""`benchbench compare`: is B faster than A?"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchbench.cli.languages import HELP, page_language

if TYPE_CHECKING:
    from benchbench.report.subject import ComparisonSubject

TRIPPED = 5


class FailIf(StrEnum):
    """What ends the command with exit code 5."""

    SLOWER = "slower"


def command(  # noqa: PLR0913, PLR0917 - one parameter an option
    names: Annotated[
        list[str],
        typer.Argument(metavar="A B...", help="run ids, their beginnings, folders or result files; A is the reference"),
    ],
    threshold: Annotated[str, typer.Option(help="a difference that matters: 2% or 0.02")] = "2%",
    fail_if: Annotated[
        FailIf | None, typer.Option("--fail-if", help="exit with 5 where a run is slower than A, or lost A's target")
    ] = None,
    across_machines: Annotated[
        bool, typer.Option("--across-machines", help="allow runs of different hardware; the answer names it")
    ] = False,
    lang: Annotated[str, typer.Option(metavar="NAME", help=HELP)] = "en",
    out: Annotated[Path, typer.Option(help="the results folder")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document on stdout")] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="write no page")] = False,
) -> int:
    """Compare stored runs with the first: ratio, interval, and faster, slower, equivalent or inconclusive."""
    from benchbench.cli import compare_output
    from benchbench.errors import InputError
    from benchbench.record.comparing import compare
    from benchbench.report.finding import runs_named
    from benchbench.report.subject import ComparisonSubject

    if len(names) < 2:
        raise InputError("name two runs or more: the one to compare with, and the others")
    limit, language = compare_output.parse_threshold(threshold), page_language(lang, no_report=no_report)
    runs = runs_named(out, names)
    found = compare([run.run for run in runs], limit, across_machines=across_machines)
    subject = ComparisonSubject(comparison=found, runs=tuple(runs), command=("benchbench", *sys.argv[1:]))
    page = None if language is None else compare_output.write_page(subject, language)
    return _answer(subject, fail_if, page, as_json=as_json)


def _answer(subject: ComparisonSubject, fail_if: FailIf | None, page: Path | None, *, as_json: bool) -> int:
    from benchbench.cli import compare_output
    from benchbench.cli.console import emit
    from benchbench.cli.run_output import shown

    compare_output.show(subject, page)
    if as_json:
        problems = [problem for run in subject.runs for problem in run.unreadable.values()]
        emit({**subject.comparison.answer(shown(page)), "problems": problems})
    return TRIPPED if fail_if is FailIf.SLOWER and subject.comparison.slower else 0
