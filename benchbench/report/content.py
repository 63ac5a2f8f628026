"""What a section says, as frozen values that know no renderer: the page and the terminal draw the same ones.

Texts of our own are messages (`language.tr`), so that a renderer can tell them in another language.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from benchbench.stats.estimate import Estimate

Array = npt.NDArray[np.float64]
Tone = Literal["plain", "good", "warning", "bad", "muted"]


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number with its unit; None is unknown."""

    value: float | None
    unit: str


Cell = str | bool | int | float | Quantity | Estimate | None
"""What stands in a table's cell or beside a fact's label; None is unknown."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The one sentence that answers the question of the page."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """Running text."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True, kw_only=True)
class Callout:
    """Something that must not be missed, and what to do about it."""

    tone: Tone
    title: str
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Code:
    """Text to be read or copied as it stands: a command, a file, a log."""

    text: str
    title: str = ""
    is_command: bool = False


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Labelled values. `prominent` ones are the figures that a reader came for."""

    items: tuple[tuple[str, Cell], ...]
    prominent: bool = False


@dataclass(frozen=True, kw_only=True)
class Column:
    """A table's column.

    Attributes:
        title: its heading.
        unit: of its bare numbers.
        numeric: set in line on the right.
        wide: running text, which may be broken into lines.
        minor: left out where there is little room.
        meter: its numbers are shares, drawn as bars too.
    """

    title: str
    unit: str = ""
    numeric: bool = False
    wide: bool = False
    minor: bool = False
    meter: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """A table's row: one cell a column."""

    cells: tuple[Cell, ...]
    tone: Tone = "plain"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows under columns; `note` says what was left out."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    title: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Series:
    """One line, dotted line (a dot a value), staircase, set of points or histogram; thinned only by a renderer.

    Attributes:
        name: as the legend has it.
        x: shape (n,), ascending but for points; for bars the edges, shape (n + 1,).
        y: shape (n,); nan is a gap.
        kind: how it is drawn.
        hue: equal numbers have equal colours within a page.
        labels: a text a point, or none at all.
        low: the lower ends of the intervals around y, shape (n,); nan where there is none.
        high: the upper ends likewise; both are given, or neither.
    """

    name: str
    x: Array
    y: Array
    kind: Literal["line", "dotted", "steps", "points", "bars"] = "line"
    hue: int = 0
    labels: tuple[str, ...] = ()
    low: Array | None = None
    high: Array | None = None


@dataclass(frozen=True, kw_only=True)
class Span:
    """A shaded stretch of the x axis; `warning` and `bad` ones stand out."""

    low: float
    high: float
    label: str = ""
    tone: Tone = "plain"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A straight line at one value of an axis: across a panel on its y axis, across a chart on the x axis."""

    at: float
    label: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """One y axis with its series. `high` cuts the axis off (what lies above is said in the chart's caption)."""

    label: str
    unit: str
    series: tuple[Series, ...]
    marks: tuple[Mark, ...] = ()
    from_zero: bool = False
    log: bool = False
    high: float | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Chart:
    """Panels one below the other over one x axis."""

    title: str
    x_label: str
    x_unit: str
    panels: tuple[Panel, ...]
    spans: tuple[Span, ...] = ()
    marks: tuple[Mark, ...] = ()
    caption: str = ""
    x_log: bool = False


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A bar that lies between two values; `label` stands above it.

    Attributes:
        label: what it is of, with its value.
        start: where it begins.
        end: where it ends, on either side of `start`.
        name: of its kind, as the legend has it.
        hue: of that kind.
        low: the lower end of the interval around `end`; None where there is none.
        high: the upper one likewise.
        detail: what more a reader finds on it.
    """

    label: str
    start: float
    end: float
    name: str
    hue: int = 0
    low: float | None = None
    high: float | None = None
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Bars one below the other over one axis. The section has a table of the same, for those who cannot see it.

    Attributes:
        title: of the whole.
        x_label: what the axis counts, in `x_unit`.
        x_unit: of the values.
        bars: from the top.
        marks: across all bars.
        log: whether equal lengths are equal ratios; then every value is above 0.
        caption: below it.
    """

    title: str
    x_label: str
    x_unit: str
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...] = ()
    log: bool = False
    caption: str = ""


Shade = Literal["q0", "q1", "q2", "q3", "q4", "faint", "bad"]
"""A colour of a path: five in an order, from the best to the worst, and those of what has no place in it."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One axis of `Parallel`: its name, and what stands at which share of its length."""

    label: str
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Path:
    """A line from axis to axis.

    Attributes:
        at: shape (axes,), the share of each axis's length; nan where it does not meet that axis.
        name: of its kind, as the legend has it; paths of one kind stand together.
        shade: of that kind.
        dash: whether the line is broken, so that its kind is told without colours too.
        label: what it is of.
        cells: the values that it stands for, as its row in the chart's data.
    """

    at: Array
    name: str
    shade: Shade
    dash: Literal["solid", "dash", "dot"] = "solid"
    label: str = ""
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Parallel:
    """Parallel coordinates: an axis a property, a path a thing. `columns` are the titles of the paths' cells."""

    title: str
    axes: tuple[Axis, ...]
    paths: tuple[Path, ...]
    columns: tuple[str, ...]
    caption: str = ""


Drawable = Chart | Bars | Parallel
"""What Plotly draws on a page."""

Block = Answer | Paragraph | Callout | Code | Facts | Table | Drawable


@dataclass(frozen=True, kw_only=True, eq=False)
class Section:
    """What one plug-in has to say. `folded` sections are for those who look for them."""

    title: str
    blocks: tuple[Block, ...]
    folded: bool = False
