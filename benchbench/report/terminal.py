"""Sections -> rich, for the terminal. A chart is told by its range; the page draws it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import singledispatch

import numpy as np
from rich.console import Group, JustifyMethod, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from benchbench.report import wording
from benchbench.report.content import (
    Answer,
    Array,
    Bars,
    Block,
    Callout,
    Chart,
    Code,
    Facts,
    Paragraph,
    Parallel,
    Section,
    Table,
    Tone,
)
from benchbench.report.language import tr
from benchbench.stats.estimate import Estimate

_STYLES: dict[Tone, str] = {"plain": "", "good": "green", "warning": "yellow", "bad": "red", "muted": "dim"}
_ROWS = 40


def renderable(title: str, sections: Sequence[Section]) -> RenderableType:
    """A subject's sections one below the other.

    Args:
        title: what they speak of.
        sections: in order; the first is the answer and needs no heading.
    """
    parts: list[RenderableType] = [_text(title, "bold")]
    for index, section in enumerate(sections):
        if index:
            parts += [Text(), _text(section.title, "bold")]
        parts += [Padding(draw(block), (0, 0, 0, 2)) for block in section.blocks]
    return Group(*parts)


@singledispatch
def draw(block: Block) -> RenderableType:
    """One block of a section."""
    raise AssertionError(f"no way to draw {type(block).__name__}")


@draw.register
def _(block: Answer) -> RenderableType:
    return _text(block.text, _STYLES[block.tone])


@draw.register
def _(block: Paragraph) -> RenderableType:
    return _text(block.text, _STYLES[block.tone])


@draw.register
def _(block: Callout) -> RenderableType:
    title = _text(block.title, f"bold {_STYLES[block.tone]}".strip())
    return title.append(Text(f". {wording.clean(block.text)}" if block.text else "", style="not bold"))


@draw.register
def _(block: Code) -> RenderableType:
    parts: list[RenderableType] = [_text(f"{block.title}:", "dim")] if block.title else []
    return Group(*parts, Padding(_text(block.text.rstrip("\n")), (0, 0, 0, 2)))


@draw.register
def _(block: Facts) -> RenderableType:
    grid = Grid(box=None, show_header=False, pad_edge=False)
    grid.add_column(style="dim")
    grid.add_column()
    grid.add_column(style="dim")
    common = wording.common_basis(value for _, value in block.items)
    for label, value in block.items:
        point = wording.value_of(value) if isinstance(value, Estimate) else wording.cell(value)
        grid.add_row(_text(label), _text(point), _text(wording.detail(value, common)))
    return Group(grid, _text(tr("Intervals: {common}.", common=common), "dim")) if common else grid


@draw.register
def _(block: Table) -> RenderableType:
    grid = Grid(box=None, pad_edge=False, title=_text(block.title) if block.title else None, title_justify="left")
    shown = [c for c in block.columns if not c.minor]
    for column in shown:
        justify: JustifyMethod = "right" if column.numeric else "left"
        grid.add_column(_text(column.title), justify=justify, overflow="fold", no_wrap=not column.wide)
    for row in block.rows[:_ROWS]:
        pairs = zip(row.cells, block.columns, strict=True)
        cells = (_text(wording.cell(value, column.unit)) for value, column in pairs if not column.minor)
        grid.add_row(*cells, style=_STYLES[row.tone])
    left = len(block.rows) - _ROWS
    notes = [tr("{count} more rows are on the page.", count=left) if left > 0 else "", block.note]
    return Group(grid, *(_text(note, "dim") for note in notes if note))


@draw.register
def _(block: Chart) -> RenderableType:
    lines: list[RenderableType] = []
    for panel in block.panels:
        values = _finite([s.y for s in panel.series if s.kind != "bars"])
        if len(values):
            told = [wording.quantity(float(f(values)), panel.unit) for f in (np.min, np.median, np.max)]
            lines.append(_text(f"{panel.label}: {told[0]} to {told[2]}, median {told[1]}", "dim"))
    return Group(*lines)


@draw.register(Bars)
@draw.register(Parallel)
def _(block: Bars | Parallel) -> RenderableType:
    return _text(tr("{title}: drawn on the page.", title=block.title), "dim")


def _finite(arrays: Iterable[Array]) -> Array:
    joined: Array = np.concatenate([np.empty(0), *arrays])
    return joined[np.isfinite(joined)]


def _text(text: str, style: str = "") -> Text:
    """Text as it stands: no markup is read in it, and nothing in it steers the terminal."""
    return Text(wording.clean(text), style=style)
