"""Parallel coordinates -> the data and layout that Plotly draws: the axes lie one below the other.

Lying axes leave room for long names and fit a narrow screen. They are drawn as lines, since the trace that Plotly has
for them compiles programs in the browser, which the page's policy forbids, and has no dark mode.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchbench.report.content import Cell, Parallel, Path
from benchbench.report.language import tr
from benchbench.report.plotly_parts import Drawing, note, numbers, short, text
from benchbench.report.wording import cell, number_of

_AXIS_PX, _TOP_PX, _BOTTOM_PX = 92, 30, 34
_WIDTHS = {"q0": 2.0}
_ROOM = 0.03


def height_px(parallel: Parallel) -> int:
    """How high they stand."""
    return _AXIS_PX * max(1, len(parallel.axes) - 1) + _TOP_PX + _BOTTOM_PX


def legend(parallel: Parallel) -> list[tuple[str, str, str]]:
    """Each kind of path once, with its colour and how its line is broken."""
    first = {p.name: (p.name, p.shade, f"line {p.dash}") for p in reversed(parallel.paths)}
    return [first[name] for name in dict.fromkeys(p.name for p in parallel.paths)]


def drawing(parallel: Parallel) -> Drawing:
    """What Plotly needs to draw them: one trace a kind, its paths apart from each other by a gap."""
    names = list(dict.fromkeys(p.name for p in parallel.paths))
    kinds = [[p for p in parallel.paths if p.name == name] for name in names]
    count = len(parallel.axes)
    return {
        "data": [_trace(kind, count, len(kinds) - i) for i, kind in enumerate(kinds)],
        "layout": {
            "meta": {"rows": _rows(parallel)},
            "xaxis": _bare([-_ROOM, 1 + _ROOM]),
            "yaxis": _bare([-0.05, count - 1 + 0.05]),
            "shapes": [_line(count - 1 - i) for i in range(count)],
            "annotations": [one for i in range(count) for one in _notes(parallel, i)],
            "showlegend": False,
            "margin": {"l": 6, "r": 6, "t": _TOP_PX, "b": _BOTTOM_PX},
            "hovermode": "closest",
        },
    }


def _bare(ends: Sequence[float]) -> Drawing:
    """An axis that nothing is read off: what stands on the lines says it."""
    return {
        "range": list(ends), "showticklabels": False, "showgrid": False, "zeroline": False, "ticks": "",
        "title": {"text": ""},
    }  # fmt: skip


def _trace(kind: Sequence[Path], count: int, order: int) -> Drawing:
    at = np.concatenate([np.append(path.at, np.nan) for path in kind])
    levels: list[float | None] = [*(float(level) for level in range(count - 1, -1, -1)), None]
    first = kind[0]
    return {
        "type": "scatter", "mode": "lines+markers", "name": text(first.name), "xaxis": "x", "yaxis": "y",
        "x": numbers(at), "y": levels * len(kind), "zorder": order,
        "text": [text(path.label) for path in kind for _ in range(count + 1)],
        "hovertemplate": "%{text}<extra>%{fullData.name}</extra>",
        "line": {"color": f"@{first.shade}", "width": _WIDTHS.get(first.shade, 1.2), "dash": first.dash},
        "marker": {"color": f"@{first.shade}", "size": 4},
    }  # fmt: skip


def _line(level: float) -> Drawing:
    return {
        "type": "line", "layer": "below", "xref": "x", "yref": "y", "x0": 0, "x1": 1, "y0": level, "y1": level,
        "line": {"width": 1, "color": "@faint"},
    }  # fmt: skip


def _notes(parallel: Parallel, index: int) -> list[Drawing]:
    """The name above an axis and what stands below it, on a ground of their own: paths cross them."""
    axis, level = parallel.axes[index], len(parallel.axes) - 1 - index
    ground: Drawing = {"bgcolor": "@paper", "borderpad": 1, "yref": "y", "y": level}
    name = note(axis.label, ground | {"x": 0, "xref": "x", "xanchor": "left", "yanchor": "bottom", "yshift": 6})
    ticks = [
        note(words, ground | {
            "x": short(at), "xref": "x", "yanchor": "top", "yshift": -5,
            "xanchor": "left" if at <= _ROOM else "right" if at >= 1 - _ROOM else "center",
        })
        for at, words in axis.ticks
    ]  # fmt: skip
    return [name, *ticks]


def _rows(parallel: Parallel) -> list[list[object]]:
    """The paths as the page's reader takes them away."""
    rows: list[list[object]] = [[text(title) for title in (*parallel.columns, tr("kind"))]]
    rows += [[*map(_value, path.cells), text(path.name)] for path in parallel.paths]
    return rows


def _value(value: Cell) -> object:
    number = None if isinstance(value, bool) else number_of(value)
    if number is not None:
        return short(number) if np.isfinite(number) else None
    return text(cell(value)) if isinstance(value, str | bool) else None
