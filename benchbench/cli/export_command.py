"""`benchbench export`: a study's recommendation for another tool, or results for an experiment tracker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from benchbench.tuning.export import Format


def command(
    name: Annotated[str, typer.Argument(metavar="STUDY|RUN", help="an id, its beginning, or a folder")],
    format_name: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="NAME",
            help="of a study's recommendation: accelerate, deepspeed, torchrun, training-arguments, yaml; of all that "
            "a run or study recorded: tensorboard, mlflow, wandb",
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Option("-o", help="where to write; default: standard output, or the tracker's own place in this folder"),
    ] = None,
    out: Annotated[Path, typer.Option(help="the results folder")] = Path("results"),
) -> int:
    """Write a study's recommendation for another tool, or a run or study for an experiment tracker."""
    from typing import cast

    from benchbench import registry
    from benchbench.errors import UnsupportedError, nearest

    formats, trackers = registry.names(registry.EXPORTS), registry.names(registry.TRACKERS)
    if format_name not in (*formats, *trackers):
        known = nearest(format_name, (*formats, *trackers))
        raise UnsupportedError(f"no format is called {format_name!r}: {known}", key="--format")
    if format_name in trackers:
        return _track(name, format_name, file, out)
    return _recommend(name, cast("Format", registry.load(registry.EXPORTS, format_name)), file, out)


def _track(name: str, format_name: str, place: Path | None, out: Path) -> int:
    from benchbench.cli.console import console
    from benchbench.report.finding import named
    from benchbench.report.tracking import journals_of, tracker

    (subject,) = named(out, [name])
    writer = tracker(format_name)
    journals = journals_of(subject)
    shown = writer.write(journals, place or Path(writer.place))
    terminal = console()
    terminal.print(f"written: {len(journals)} {'entry' if len(journals) == 1 else 'entries'}", markup=False)
    terminal.print(f"to see them: {shown}", markup=False)
    return 0


def _recommend(name: str, writer: Format, file: Path | None, out: Path) -> int:
    """A setting that the tool cannot be told is listed beside the file, or in its comments."""
    from benchbench.cli.console import console, put
    from benchbench.record.lookup import STUDY, find
    from benchbench.report.subject import study_subject
    from benchbench.tuning.export import chosen_of, commented, remarks

    subject = study_subject(find(out, name, (STUDY,)))
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
