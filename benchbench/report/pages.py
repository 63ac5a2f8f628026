"""Result folders -> files on disk, or something that rich prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchbench.errors import StoreError
from benchbench.record.store import write_atomic
from benchbench.record.study import Study
from benchbench.record.types import Run
from benchbench.report import index_page
from benchbench.report.language import Language
from benchbench.report.plugins import sections_of
from benchbench.report.rendering import DEFAULT, Document, Renderer, renderer
from benchbench.report.subject import (
    AnySubject,
    ComparisonSubject,
    HistorySubject,
    RunSubject,
    StudySubject,
    Subject,
    run_subject,
    study_subject,
)

if TYPE_CHECKING:
    from rich.console import RenderableType


def write_run(folders: Sequence[Path], out_file: Path, language: Language = "en") -> Path:
    """Writes one page for the runs of a command.

    Args:
        folders: result folders (or `result.json` files), at least one.
        out_file: the page; what stood there before is replaced at once or not at all.
        language: that it opens in.

    Returns:
        `out_file`.

    Raises:
        RecordError: a folder that cannot be read.
        StoreError: the page cannot be written.
    """
    return write_page([run_subject(folder) for folder in folders], out_file, language)


def write_study(folder: Path, out_file: Path, language: Language = "en") -> Path:
    """Writes the page of a study; its runs are found beside its folder. Arguments and errors as `write_run`."""
    return write_page([study_subject(folder)], out_file, language)


def write_page(subjects: Sequence[Subject], out_file: Path, language: Language = "en") -> Path:
    """Writes one page for several runs and studies, those that find no room in its table alone.

    Arguments and errors as `write_run`.
    """
    return write(Document(subjects=tuple(subjects), language=language), renderer(DEFAULT), out_file)


def write_comparison(subject: ComparisonSubject, out_file: Path, language: Language = "en") -> Path:
    """Writes the page of a comparison, opening in a language; `out_file`, result and errors as `write_run`."""
    return write(Document(subjects=(subject,), language=language), renderer(DEFAULT), out_file)


def write_history(subjects: Sequence[HistorySubject], out_file: Path, language: Language = "en") -> Path:
    """Writes one page for the series of a history, as `write_comparison` does."""
    return write(Document(subjects=tuple(subjects), language=language), renderer(DEFAULT), out_file)


def write(document: Document, made_by: Renderer, out_file: Path) -> Path:
    """Writes a document's file, and brings the index of its folder up to date where there is one.

    Args:
        document: what to tell.
        made_by: in which format.
        out_file: what stood there before is replaced at once or not at all.

    Returns:
        `out_file`.

    Raises:
        StoreError: it cannot be written.
    """
    text = made_by.text(document)
    try:
        out_file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot be made: {error.strerror or error}", file=str(out_file.parent)) from error
    write_atomic(out_file, text)
    index_page.refresh(out_file.parent)
    return out_file


def terminal_run(run: Run | Path, *, whole: bool = False) -> RenderableType:
    """A run for the terminal.

    Args:
        run: the run, or its result folder.
        whole: every section, and not just the answer, the warnings and what went wrong.
    """
    subject = RunSubject(run=run) if isinstance(run, Run) else run_subject(run)
    return _terminal(subject, whole)


def terminal_study(study: Study | Path, *, whole: bool = False) -> RenderableType:
    """A study for the terminal; arguments as `terminal_run`."""
    subject = StudySubject(study=study) if isinstance(study, Study) else study_subject(study)
    return _terminal(subject, whole)


def terminal_comparison(subject: ComparisonSubject) -> RenderableType:
    """A comparison's short answer for the terminal."""
    return _terminal(subject, whole=False)


def terminal_history(subject: HistorySubject) -> RenderableType:
    """A series' short answer for the terminal."""
    return _terminal(subject, whole=False)


def _terminal(subject: AnySubject, whole: bool) -> RenderableType:
    from benchbench.report.terminal import renderable

    return renderable(f"{subject.scenario.name}  {subject.id}", sections_of(subject, brief=not whole))
