"""`csv`: one long tidy table of every figure, a line each (RFC 4180); the columns are `tidy.COLUMNS`."""

from __future__ import annotations

import csv
import io
from typing import ClassVar

from benchbench.report.rendering import Document
from benchbench.report.tidy import COLUMNS, Line, lines_of
from benchbench.report.wording import clean

_DIGITS = 10
_FORMULA = ("=", "+", "-", "@", "\t")


class Csv:
    """Numbers in base units with ten digits and a point; what is unknown is empty."""

    suffixes: ClassVar[tuple[str, ...]] = (".csv",)

    def text(self, document: Document) -> str:
        """See `Renderer`."""
        file = io.StringIO(newline="")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_cells(line) for subject in document.subjects for line in lines_of(subject))
        return file.getvalue()


def _cells(line: Line) -> list[str]:
    return [_cell(value) for value in line]


def _cell(value: str | float | int | None) -> str:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front, which it hides."""
    if value is None:
        return ""
    if isinstance(value, str):
        shown = clean(value)
        return f"'{shown}" if shown.startswith(_FORMULA) else shown
    return str(value) if isinstance(value, int) else f"{value:.{_DIGITS}g}"


PLUGIN = Csv()
