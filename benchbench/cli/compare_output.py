"""What `compare` is asked and what it says."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from benchbench.cli.console import console
from benchbench.cli.run_output import REPORTS, shown
from benchbench.errors import BenchBenchError, InputError

if TYPE_CHECKING:
    from benchbench.report.language import Language
    from benchbench.report.subject import ComparisonSubject

_THRESHOLD = re.compile(r"(\d{0,9}\.?\d{1,9}(?:[eE][-+]?\d{1,3})?)\s{0,9}(%?)")


def parse_threshold(text: str) -> float:
    """The fraction of `2%` or `0.02`.

    Raises:
        InputError: it is none above 0 and below 1.
    """
    match = _THRESHOLD.fullmatch(text.strip())
    value = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not 0 < value < 1:
        raise InputError(
            f"expected a share above 0 and below 100 %, such as 2% or 0.02, not {text!r}", key="--threshold"
        )
    return value


def write_page(subject: ComparisonSubject, language: Language = "en", reports: Path = REPORTS) -> Path | None:
    """Writes the page of a comparison; a page that cannot be written is said, and hurts nothing else."""
    from benchbench.report.pages import write_comparison

    ids = "\n".join(run.id for run in subject.runs)
    name = f"compare-{subject.scenario.slug}-{hashlib.sha256(ids.encode()).hexdigest()[:8]}"
    try:
        return write_comparison(subject, reports / f"{name}.html", language)
    except (BenchBenchError, OSError) as error:
        console().print(f"the page could not be written: {error}", markup=False)
        return None


def show(subject: ComparisonSubject, page: Path | None) -> None:
    """The verdict and its table, on stderr."""
    from benchbench.report.pages import terminal_comparison

    terminal = console()
    terminal.print(terminal_comparison(subject))
    if page is not None:
        terminal.print(f"page: {shown(page)}", markup=False)
