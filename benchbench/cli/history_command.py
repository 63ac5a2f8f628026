"""`benchbench history`: did it get slower, and since when?"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchbench.cli.compare_command import TRIPPED, FailIf
from benchbench.cli.languages import HELP, page_language

if TYPE_CHECKING:
    from benchbench.record.history import History
    from benchbench.report.subject import HistorySubject


class Followed(StrEnum):
    """What may be followed."""

    TIME_TO_TARGET = "time_to_target_s"
    STEP = "step_s"
    SAMPLES = "samples_per_s"


def command(  # noqa: PLR0913, PLR0917 - one parameter an option
    scenario: Annotated[
        str | None,
        typer.Argument(
            metavar="[SCENARIO]",
            help="its name, its file, or the beginning of its key; none = every scenario with two runs or more",
        ),
    ] = None,
    metric: Annotated[
        Followed | None,
        typer.Option(help="default: the time to the target where every run has it, else the step time"),
    ] = None,
    threshold: Annotated[str, typer.Option(help="a step that matters: 2% or 0.02")] = "2%",
    fail_if: Annotated[
        FailIf | None,
        typer.Option("--fail-if", help="exit with 5 where the newest step is slower, or the target was lost"),
    ] = None,
    lang: Annotated[str, typer.Option(metavar="NAME", help=HELP)] = "en",
    out: Annotated[Path, typer.Option(help="the results folder")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document on stdout")] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="write no page")] = False,
) -> int:
    """Show stored runs over time and commits, and the steps in them; every machine has a series of its own."""
    from benchbench.cli import history_output
    from benchbench.cli.compare_output import parse_threshold
    from benchbench.record.history_runs import history
    from benchbench.report.subject import HistorySubject

    limit, language = parse_threshold(threshold), page_language(lang, no_report=no_report)
    found = history(out, scenario, metric.value if metric else None, limit)
    typed = ("benchbench", *sys.argv[1:])
    subjects = [HistorySubject(series=series, threshold=limit, command=typed) for series in found.series]
    page = None if language is None else history_output.write_page(subjects, language)
    return _answer(found, subjects, fail_if, page, as_json=as_json)


def _answer(
    found: History, subjects: list[HistorySubject], fail_if: FailIf | None, page: Path | None, *, as_json: bool
) -> int:
    from benchbench.cli import history_output
    from benchbench.cli.console import emit
    from benchbench.cli.run_output import shown

    history_output.show(subjects, found.problems, page)
    if as_json:
        emit(found.answer(shown(page)))
    return TRIPPED if fail_if is FailIf.SLOWER and found.slower else 0
