"""`benchbench export`: a study's recommendation for another tool."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from benchbench.tuning.export import Format


def command(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="a study's id, its beginning, or its folder")],
    format_name: Annotated[
        str, typer.Option("--format", metavar="NAME", help="accelerate, deepspeed, torchrun, training-arguments, yaml")
    ],
    file: Annotated[Path | None, typer.Option("-o", help="the file to write; default: standard output")] = None,
    out: Annotated[Path, typer.Option(help="the results folder")] = Path("results"),
) -> int:
    """Write a study's recommendation for another tool; what that tool cannot be told is listed beside it."""
    from typing import cast

    from benchbench import registry
    from benchbench.cli.console import console, put
    from benchbench.record.lookup import STUDY, find
    from benchbench.report.subject import study_subject
    from benchbench.tuning.export import chosen_of, commented, remarks

    writer = cast("Format", registry.load(registry.EXPORTS, format_name))
    subject = study_subject(find(out, study, (STUDY,)))
    chosen = chosen_of(subject.study, [run.run for run in subject.recommended_runs])
    written = writer.write(chosen)
    lines = remarks(chosen, written)
    if writer.comment is None:
        _say(lines)
        text = written.text
    else:
        text = commented(written.text, lines, writer.comment)
    if file is None:
        put(text)
    else:
        _write(file, text)
        console().print(f"written: {file}", markup=False)
    return 0


def _say(lines: Iterator[str]) -> None:
    from benchbench.cli.console import console

    terminal = console()
    for line in lines:
        terminal.print(line, markup=False)


def _write(file: Path, text: str) -> None:
    from benchbench.errors import StoreError
    from benchbench.record.store import write_atomic

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot be made: {error.strerror or error}", file=str(file.parent)) from error
    write_atomic(file, text)
