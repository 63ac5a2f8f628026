"""`benchbench report`: a page, Markdown, CSV or JSON from what is stored, and the index of a folder of pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchbench.cli.languages import HELP, language_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchbench.report.subject import Subject

_REPORTS = Path("reports")


def command(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[RUN|STUDY]...", help="ids, their beginnings, or result folders; none = everything"),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("-o", help="the file to write; its suffix tells the format; default: reports/NAME.html"),
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="NAME", help="html, md, csv or json; several times for several files"),
    ] = None,
    index: Annotated[
        bool, typer.Option("--index", help="also list the pages of the folder in index.html; alone, do only that")
    ] = False,
    lang: Annotated[str, typer.Option(metavar="NAME", help=HELP)] = "en",
    out: Annotated[Path, typer.Option(help="the results folder")] = Path("results"),
) -> int:
    """Make one self-contained page, or the same content in other formats, from stored results; nothing is measured."""
    from benchbench.cli.console import console
    from benchbench.report import index_page
    from benchbench.report.pages import write
    from benchbench.report.rendering import Document, files

    terminal = console()
    language = language_of(lang)
    if index and not names and (file is None or file.name == index_page.INDEX):
        written = index_page.write_index(_REPORTS if file is None else file.parent, language)
        terminal.print(f"index: {written}", markup=False)
        return 0
    asked = files(file, formats or [], _REPORTS / "results")  # before anything is read
    subjects = _found(out, names)
    if file is None:
        asked = files(None, formats or [], _REPORTS / _default_name(subjects))
    document = Document(subjects=tuple(subjects), language=language)
    if document.left_out:
        told = f"the {'first' if names else 'newest'} {len(document.articles)} of {len(subjects):,} results"
        terminal.print(f"told whole: {told}; the others stand in the table, or name the ones that you want")
    for path, made_by in asked.items():
        kind = "page" if made_by.suffixes[0] == ".html" else "file"
        terminal.print(f"{kind}: {write(document, made_by, path)}", markup=False)
    if index:
        for folder in dict.fromkeys(path.parent for path in asked):
            terminal.print(f"index: {index_page.write_index(folder, language)}", markup=False)
    return 0


def _found(out: Path, names: Sequence[str] | None) -> list[Subject]:
    """What was named, or everything; what cannot be read of everything is said and left out."""
    from benchbench.cli.console import console
    from benchbench.report.finding import everything, named

    if names:
        return named(out, names)
    subjects, problems = everything(out)
    for problem in problems:
        console().print(f"left out: {problem}", markup=False)
    return subjects


def _default_name(subjects: Sequence[Subject]) -> str:
    """Of one run its scenario's name, of one study its id."""
    from benchbench.report.subject import RunSubject

    first = subjects[0]
    if len(subjects) > 1:
        return "results"
    return first.scenario.slug if isinstance(first, RunSubject) else first.id
