"""A chart -> the data and layout that Plotly draws, in colours that the page resolves by theme (`@s0`, `@ink`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np

from benchbench.report.axes import Scale, scale
from benchbench.report.content import Array, Chart, Mark, Span, Tone
from benchbench.report.panel_drawing import PanelDrawing
from benchbench.report.plotly_parts import HUES, Drawing, line, note, short, text

MOST_POINTS = 2000
LEAST_POINTS = 16
_TRACE_COST = 20
_TOP_PX, _MARK_PX, _BOTTOM_PX = 28, 19, 46
_ONE_PX, _MORE_PX = 230, 112
_DOT_ROOM = 0.015
_NEAR_RIGHT = 0.85
_CROSSHAIR: Drawing = {
    "showspikes": True, "spikemode": "across", "spikedash": "dot", "spikecolor": "@faint", "spikethickness": 1,
}  # fmt: skip
_SHADES: dict[Tone, str] = dict.fromkeys(get_args(Tone), "@shade") | {
    "warning": "@shade-warning",
    "bad": "@shade-bad",
}


def height_px(chart: Chart) -> int:
    """How high a chart stands."""
    inner = _ONE_PX if len(chart.panels) == 1 else _MORE_PX * len(chart.panels)
    return inner + _top_px(chart) + _BOTTOM_PX


def limit_of(charts: Sequence[Chart], budget: int) -> int:
    """The points that a trace may have where several charts share a budget of points; a trace by itself costs some."""
    lengths = np.asarray([len(s.y) for c in charts for p in c.panels for s in p.series])
    limits = np.geomspace(MOST_POINTS, LEAST_POINTS, 100).astype(int)
    fits = (limit for limit in limits if int(np.minimum(lengths, limit).sum()) + _TRACE_COST * len(lengths) <= budget)
    return int(next(fits, LEAST_POINTS))


def legend(chart: Chart) -> list[tuple[str, str, str]]:
    """Each series' name once, with its colour and kind; a single name needs no legend."""
    first = {s.name: (s.name, f"s{s.hue % HUES}", s.kind) for p in reversed(chart.panels) for s in reversed(p.series)}
    order = dict.fromkeys(s.name for p in chart.panels for s in p.series if len(s.y))
    return [first[name] for name in order] if len(order) > 1 else []


def drawing(chart: Chart, limit: int = MOST_POINTS) -> Drawing:
    """What Plotly needs to draw a chart.

    Args:
        chart: what to draw.
        limit: the most points of a trace.
    """
    x = scale(chart.x_unit, [s.x for p in chart.panels for s in p.series])
    count = len(chart.panels)
    drawn = [PanelDrawing(panel=p, index=i, count=count, x=x, limit=limit) for i, p in enumerate(chart.panels)]
    layout: Drawing = {
        "meta": {"x": text(x.title(chart.x_label)), "panels": [text(d.title) for d in drawn]},
        "xaxis": _x_axis(chart, x),
        "shapes": [
            *_spans(chart.spans, x),
            *(_x_line(m, x) for m in chart.marks),
            *(s for d in drawn for s in d.lines()),
        ],
        "annotations": [*(n for d in drawn for n in d.notes()), *_x_notes(chart, x)],
        "showlegend": False,
        "margin": {"l": 52, "r": 14, "t": _top_px(chart), "b": _BOTTOM_PX},
        "hovermode": "closest",
        "bargap": 0.03,
        "barmode": "overlay",
    }
    for one in drawn:
        layout |= one.axis()
    return {"data": [trace for one in drawn for trace in one.traces()], "layout": layout}


def _x_axis(chart: Chart, x: Scale) -> Drawing:
    lowest = len(chart.panels)
    anchor = f"y{lowest if lowest > 1 else ''}"
    axis: Drawing = {"title": {"text": text(x.title(chart.x_label)), "standoff": 8}, "anchor": anchor}
    if lowest > 1:
        axis |= _CROSSHAIR
    if chart.x_log:
        return axis | {"type": "log"}
    low, high = _x_range(chart)
    return axis | ({"range": [short(low * x.factor), short(high * x.factor)]} if high > low else {})


def _x_range(chart: Chart) -> tuple[float, float]:
    """From the first to the last value or mark; room for a dot where there are dots."""
    series = [s for p in chart.panels for s in p.series]
    every = np.concatenate([np.empty(0), *(s.x for s in series), _edges(chart)])
    finite = every[np.isfinite(every)]
    if not len(finite):
        return 0.0, 0.0
    low, high = float(finite.min()), float(finite.max())
    room = _DOT_ROOM * (high - low) if any(s.kind in ("points", "dotted") for s in series) else 0.0
    return low - room, high + room


def _edges(chart: Chart) -> Array:
    """Where marks and shaded stretches lie on the x axis."""
    return np.asarray([*(m.at for m in chart.marks), *(at for s in chart.spans for at in (s.low, s.high))])


def _spans(spans: Sequence[Span], x: Scale) -> list[Drawing]:
    return [
        {
            "type": "rect", "layer": "below", "xref": "x", "yref": "paper", "y0": 0, "y1": 1, "line": {"width": 0},
            "x0": short(span.low * x.factor), "x1": short(span.high * x.factor), "fillcolor": _SHADES[span.tone],
            "label": {
                "text": text(span.label), "textposition": "top left", "font": {"size": 11, "color": "@faint"},
                **({} if span.tone == "plain" else {"yanchor": "bottom"}),
            },
        }
        for span in spans
    ]  # fmt: skip


def _x_line(mark: Mark, x: Scale) -> Drawing:
    at = short(mark.at * x.factor)
    return line({"xref": "x", "yref": "paper", "y0": 0, "y1": 1, "x0": at, "x1": at})


def _x_notes(chart: Chart, x: Scale) -> list[Drawing]:
    """The labels of the marks: to the right of their line, but on the left of one near the right edge."""
    low, high = _x_range(chart)
    place: Drawing = {"xref": "x", "y": 1, "yref": "paper", "yshift": _MARK_PX, "yanchor": "bottom"}
    sides = ("right" if m.at > low + _NEAR_RIGHT * (high - low) else "left" for m in chart.marks)
    return [
        note(mark.label, place | {"x": _place(mark.at * x.factor, chart), "xanchor": side})
        for mark, side in zip(chart.marks, sides, strict=True)
        if mark.label
    ]


def _place(at: float, chart: Chart) -> float:
    """Where a note stands: Plotly counts notes on a logarithmic axis in powers of ten."""
    return short(np.log10(at)) if chart.x_log else short(at)


def _top_px(chart: Chart) -> int:
    return _TOP_PX + (_MARK_PX if chart.marks else 0)
