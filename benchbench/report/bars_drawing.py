"""Bars one below the other -> the data and layout that Plotly draws."""

from __future__ import annotations

import numpy as np

from benchbench.report.axes import Scale, scale
from benchbench.report.content import Bar, Bars
from benchbench.report.language import tr
from benchbench.report.plotly_parts import HUES, Drawing, line, note, numbers, short, text

_ROW_PX, _TOP_PX, _MARK_PX, _BOTTOM_PX = 46, 8, 19, 46
_LABEL_AT, _BAR_AT, _THICK = -0.24, 0.16, 0.4
_ROOM = 0.04
_NEAR_RIGHT = 0.7
_RATIOS = (
    0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.33, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.2, 1.3, 1.5, 1.75, 2, 2.5, 3,
    4, 5, 6, 8, 10, 15, 20, 30, 50, 100, 200, 500, 1000,
)  # fmt: skip
_TICKS = 6


def height_px(bars: Bars) -> int:
    """How high they stand."""
    return _ROW_PX * len(bars.bars) + _top_px(bars) + _BOTTOM_PX


def legend(bars: Bars) -> list[tuple[str, str, str]]:
    """Each kind once, with its colour; a single kind needs no legend."""
    first = {bar.name: (bar.name, f"s{bar.hue % HUES}", "bars") for bar in reversed(bars.bars)}
    order = dict.fromkeys(bar.name for bar in bars.bars)
    return [first[name] for name in order] if len(order) > 1 else []


def drawing(bars: Bars) -> Drawing:
    """What Plotly needs to draw them: of each kind its bars, and a whisker at the end of each that has an interval."""
    x = scale(bars.x_unit, [np.asarray(_places(bars))])
    rows = list(enumerate(bars.bars))
    kinds = [[(i, b) for i, b in rows if b.name == name] for name in dict.fromkeys(b.name for b in bars.bars)]
    traces = [trace for kind in kinds for trace in (_bars(kind, x), _whiskers(kind, x)) if trace is not None]
    return {
        "data": traces,
        "layout": {
            "meta": {"rows": _rows(bars, x)},
            "xaxis": _x_axis(bars, x),
            "yaxis": {"range": [len(rows) - 0.5, -0.5], "showticklabels": False, "showgrid": False, "ticks": ""},
            "shapes": [_line(mark.at * x.factor) for mark in bars.marks],
            "annotations": [*(_label(i, b) for i, b in rows), *_notes(bars, x)],
            "showlegend": False,
            "margin": {"l": 10, "r": 14, "t": _top_px(bars), "b": _BOTTOM_PX},
            "hovermode": "closest",
            "barmode": "overlay",
        },
    }  # fmt: skip


def _places(bars: Bars) -> list[float]:
    """Every value that must be in sight."""
    inside = [v for b in bars.bars for v in (b.start, b.end, b.low, b.high) if v is not None]
    return [v for v in (*inside, *(m.at for m in bars.marks)) if np.isfinite(v) and (v > 0 or not bars.log)]


def _x_axis(bars: Bars, x: Scale) -> Drawing:
    title = bars.x_label if bars.x_unit == "x" else x.title(bars.x_label)
    axis: Drawing = {"title": {"text": text(title), "standoff": 8}}
    places = np.asarray(_places(bars)) * x.factor
    low, high = (float(places.min()), float(places.max())) if len(places) else (0.0, 0.0)
    if not high > low:
        return axis
    if not bars.log:
        room = _ROOM * (high - low)
        return axis | {"range": [short(low - room if low < 0 else low), short(high + room)]}
    ends = np.log10([low, high]) + np.asarray([-1, 1]) * _ROOM * np.log10(high / low)
    axis |= {"type": "log", "range": numbers(ends)}
    if bars.x_unit != "x":
        return axis
    ticks = _ratios(low, high)
    return axis | {"tickvals": ticks, "ticktext": [f"{tick:g}\N{MULTIPLICATION SIGN}" for tick in ticks]}


def _ratios(low: float, high: float) -> list[float]:
    """Round ratios between two, not more than there is room for; 1 is always among those that could be."""
    inside = [r for r in _RATIOS if low * 0.98 <= r <= high * 1.02]
    apart = np.log(high / low) / _TICKS
    kept: list[float] = [1.0] if 1 in inside else inside[:1]
    for one in inside:
        if all(abs(np.log(one / other)) >= apart for other in kept):
            kept.append(one)
    return sorted(kept)


def _bars(kind: list[tuple[int, Bar]], x: Scale) -> Drawing:
    """One that goes back is hatched: its direction is told without the axis."""
    colour = f"@s{kind[0][1].hue % HUES}"
    starts = np.asarray([b.start for _, b in kind]) * x.factor
    ends = np.asarray([b.end for _, b in kind]) * x.factor
    return _common(kind) | {
        "type": "bar", "orientation": "h", "base": numbers(np.minimum(starts, ends)),
        "x": numbers(np.abs(ends - starts)), "y": [i + _BAR_AT for i, _ in kind], "width": _THICK,
        "marker": {
            "color": colour,
            "pattern": {"shape": ["/" if b.end < b.start else "" for _, b in kind], "fgcolor": colour, "size": 6},
        },
        "text": [text(b.label) for _, b in kind], "customdata": [text(b.detail) for _, b in kind],
        "textposition": "none", "hovertemplate": "%{text}<br>%{customdata}<extra>%{fullData.name}</extra>",
    }  # fmt: skip


def _whiskers(kind: list[tuple[int, Bar]], x: Scale) -> Drawing | None:
    known = [(i, b, b.low, b.high) for i, b in kind if b.low is not None and b.high is not None]
    if not known:
        return None
    ends = np.asarray([b.end for _, b, _, _ in known])
    up = np.asarray([high for *_, high in known]) - ends
    down = ends - np.asarray([low for *_, low, _ in known])
    return _common(kind) | {
        "type": "scatter", "mode": "markers", "x": numbers(ends * x.factor), "y": [i + _BAR_AT for i, *_ in known],
        "marker": {"color": "@ink", "size": 5}, "hoverinfo": "skip",
        "error_x": {
            "type": "data", "symmetric": False, "array": numbers(up * x.factor), "arrayminus": numbers(down * x.factor),
            "color": "@ink", "thickness": 1.2, "width": 4,
        },
    }  # fmt: skip


def _common(kind: list[tuple[int, Bar]]) -> Drawing:
    return {"name": text(kind[0][1].name), "xaxis": "x", "yaxis": "y"}


def _label(row: int, bar: Bar) -> Drawing:
    place: Drawing = {
        "x": 0,
        "xref": "paper",
        "xanchor": "left",
        "y": row + _LABEL_AT,
        "yref": "y",
        "yanchor": "middle",
    }
    return note(bar.label, place | {"bgcolor": "@paper", "borderpad": 1})


def _line(at: float) -> Drawing:
    return line({"xref": "x", "yref": "paper", "y0": 0, "y1": 1, "x0": short(at), "x1": short(at)})


def _notes(bars: Bars, x: Scale) -> list[Drawing]:
    """The labels of the marks: to the right of their line, but on the left of one near the right edge."""
    places = np.asarray(_places(bars))
    if bars.log:
        places = np.log(places)
    low, high = (float(places.min()), float(places.max())) if len(places) else (0.0, 0.0)
    found = []
    for mark in (m for m in bars.marks if m.label):
        at = np.log(mark.at) if bars.log else mark.at
        side = "left" if at <= low + _NEAR_RIGHT * (high - low) else "right"
        drawn = short(np.log10(mark.at * x.factor)) if bars.log else short(mark.at * x.factor)
        place: Drawing = {"x": drawn, "xref": "x", "y": 1, "yref": "paper", "yanchor": "bottom", "xanchor": side}
        found.append(note(mark.label, place))
    return found


def _top_px(bars: Bars) -> int:
    return _TOP_PX + (_MARK_PX if any(mark.label for mark in bars.marks) else 0)


def _rows(bars: Bars, x: Scale) -> list[list[object]]:
    """The bars as the page's reader takes them away."""
    ends = (x.title(tr("from")), x.title(tr("to")), tr("low"), tr("high"))
    head: list[object] = [text(title) for title in (tr("bar"), tr("kind"), *ends)]
    rows: list[list[object]] = [head]
    for bar in bars.bars:
        values = (None if v is None else short(v * x.factor) for v in (bar.start, bar.end, bar.low, bar.high))
        rows.append([text(bar.label), text(bar.name), *values])
    return rows
