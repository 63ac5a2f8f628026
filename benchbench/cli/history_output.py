"""What `history` says, and its page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchbench.cli.console import console
from benchbench.cli.run_output import REPORTS, shown
from benchbench.errors import BenchBenchError

if TYPE_CHECKING:
    from benchbench.report.language import Language
    from benchbench.report.subject import HistorySubject


def write_page(subjects: Sequence[HistorySubject], language: Language = "en", reports: Path = REPORTS) -> Path | None:
    """Writes the page of a history; a page that cannot be written is said, and hurts nothing else."""
    from benchbench.report.pages import write_history

    slugs = {subject.scenario.slug for subject in subjects}
    name = slugs.pop() if len(slugs) == 1 else "all"
    try:
        return write_history(subjects, reports / f"history-{name}.html", language)
    except (BenchBenchError, OSError) as error:
        console().print(f"the page could not be written: {error}", markup=False)
        return None


def show(subjects: Sequence[HistorySubject], problems: Sequence[str], page: Path | None) -> None:
    """Every series and what was left out, on stderr."""
    from benchbench.report.pages import terminal_history

    terminal = console()
    for subject in subjects:
        terminal.print(terminal_history(subject))
    for problem in problems:
        terminal.print(problem, markup=False)
    if page is not None:
        terminal.print(f"page: {shown(page)}", markup=False)
