"""`md`: GitHub's Markdown. A chart is told by a small table of its series, or by its section's; the page draws it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import singledispatch
from itertools import islice
from typing import ClassVar

import numpy as np

from benchbench.report import wording
from benchbench.report.content import (
    Answer,
    Bars,
    Block,
    Callout,
    Cell,
    Chart,
    Code,
    Facts,
    Panel,
    Paragraph,
    Parallel,
    Section,
    Series,
    Table,
    Tone,
)
from benchbench.report.html_page import Article
from benchbench.report.rendering import Document
from benchbench.stats.estimate import Estimate

_ALERTS: dict[Tone, str] = {
    "plain": "NOTE", "good": "TIP", "warning": "WARNING", "bad": "CAUTION", "muted": "NOTE",
}  # fmt: skip
_SERIES = 24
_ROWS = 1000
_SPECIAL = re.compile(r"[\\`*\[\]<>&|~$]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
_OPENS_BLOCK = re.compile(r"(?:#{1,6}|[+-]|\d{1,9}[.)])(?=\s|$)|[-=]{2,}")
_RANGE = (np.min, np.median, np.max)
_LARGEST_HEADING = 6


class Markdown:
    """Headings, alerts, tables and fenced code; no text of a record becomes markup."""

    suffixes: ClassVar[tuple[str, ...]] = (".md", ".markdown")

    def text(self, document: Document) -> str:
        """See `Renderer`."""
        parts: list[str] = []
        level = 1
        if document.overview is not None:
            parts += [_heading(document.title, 1), *_section(document.overview, 2)]
            level = 2
        for article in document.articles:
            parts += _article(article, level)
        if document.left_out:
            parts.append(f"{document.left_out:,} more stand in the table above alone; name those that you want.")
        return "\n\n".join(parts) + "\n"


def _article(article: Article, level: int) -> Iterator[str]:
    yield _heading(article.title, level)
    yield _line(f"{article.kind} {article.id}, {article.made_at}")
    if article.settings:
        yield _line(article.settings)
    if article.question:
        yield f"*{escaped(article.question)}*"
    for section in article.sections:
        yield from _section(section, level + 1)


def _section(section: Section, level: int) -> Iterator[str]:
    """A folded section opens with a click on GitHub; elsewhere it stands open."""
    if section.folded:
        yield f"<details><summary>{html.escape(wording.clean(section.title))}</summary>"
    else:
        yield _heading(section.title, level)
    yield from (told for told in map(draw, section.blocks) if told)
    if section.folded:
        yield "</details>"


def _heading(text: str, level: int) -> str:
    return f"{'#' * min(level, _LARGEST_HEADING)} {escaped(text)}"


def escaped(text: str) -> str:
    """A text within a line of Markdown, shown as it stands; a line break becomes a tag."""
    line = wording.clean(text).replace("\t", " ").strip()
    return _SPECIAL.sub(lambda m: _ENTITIES.get(m[0]) or f"\\{m[0]}", line).replace("\n", "<br>")


def _line(text: str) -> str:
    """A text as a paragraph of its own: what it begins with opens no list and no heading."""
    marked = escaped(text)
    opening = _OPENS_BLOCK.match(marked)
    return marked if opening is None else f"{marked[: opening.end() - 1]}\\{marked[opening.end() - 1 :]}"


def _titled(text: str) -> str:
    """The title of a block."""
    return f"**{escaped(text)}**" if text.strip() else ""


@singledispatch
def draw(block: Block) -> str:
    """One block of a section."""
    raise AssertionError(f"no way to draw {type(block).__name__}")


@draw.register
def _(block: Answer) -> str:
    return f"**{escaped(block.text)}**" if block.text.strip() else ""


@draw.register
def _(block: Paragraph) -> str:
    return _line(block.text)


@draw.register
def _(block: Callout) -> str:
    text = f"\n> {_line(block.text)}" if block.text else ""
    return f"> [!{_ALERTS[block.tone]}]\n> **{escaped(block.title)}**{'<br>' if text else ''}{text}"


@draw.register
def _(block: Code) -> str:
    text = wording.clean(block.text).rstrip("\n")
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    title = f"{_titled(block.title)}\n\n" if block.title else ""
    return f"{title}{fence}{'sh' if block.is_command else 'text'}\n{text}\n{fence}"


@draw.register
def _(block: Facts) -> str:
    common = wording.common_basis(value for _, value in block.items)
    rows = [(label, _value(value), wording.detail(value, common)) for label, value in block.items]
    if not any(small for _, _, small in rows):
        return _grid(("", ""), "lr", [row[:2] for row in rows])
    grid = _grid(("", "", "interval"), "lrl", rows)
    return f"{grid}\n\nIntervals: {escaped(common)}." if common else grid


def _value(value: Cell) -> str:
    return wording.value_of(value) if isinstance(value, Estimate) else wording.cell(value)


@draw.register
def _(block: Table) -> str:
    columns = block.columns
    rows = [
        [wording.cell(value, column.unit) for value, column in zip(row.cells, columns, strict=True)]
        for row in block.rows[:_ROWS]
    ]
    left = len(block.rows) - _ROWS
    notes = [f"{left:,} more rows are left out here." if left > 0 else "", block.note]
    grid = _grid([c.title for c in columns], ["r" if c.numeric else "l" for c in columns], rows)
    return "\n\n".join(part for part in (_titled(block.title), grid, *map(_line, notes)) if part)


@draw.register
def _(block: Chart) -> str:
    every = [(panel, series) for panel in block.panels for series in panel.series if len(series.y)]
    rows = [_of_series(panel, series, block.x_unit) for panel, series in islice(every, _SERIES)]
    left = len(every) - _SERIES
    notes = [f"{left:,} more series are left out here." if left > 0 else "", block.caption]
    over = f"over {block.x_label}"
    grid = _grid(("", "", "points", "lowest", "median", "highest", over), "llrrrrr", rows) if rows else ""
    return "\n\n".join(part for part in (_titled(block.title), grid, *map(_line, notes)) if part)


@draw.register(Bars)
@draw.register(Parallel)
def _(_block: Bars | Parallel) -> str:
    return ""  # the table beside it says the same


def _of_series(panel: Panel, series: Series, x_unit: str) -> list[str]:
    """A series by its range; of a histogram these are its bars."""
    x = series.x[np.isfinite(series.x)]
    over = f"{wording.quantity(float(x.min()), x_unit)} to {wording.quantity(float(x.max()), x_unit)}" if len(x) else ""
    told = [wording.UNKNOWN] * 3
    values = series.y[np.isfinite(series.y)]
    if len(values):
        told = [wording.quantity(float(f(values)), panel.unit) for f in _RANGE]
    return [panel.label, series.name, f"{len(series.y):,}", *told, over]


def _grid(titles: Sequence[str], sides: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as GitHub reads it: a line a row, whose cells are one line each."""
    rule = ["---:" if side == "r" else "---" for side in sides]
    lines = [[escaped(title) for title in titles], rule, *([escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


PLUGIN = Markdown()
