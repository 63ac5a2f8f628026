"""A chart -> the data and layout that Plotly draws. Colours are names (`@s0`, `@ink`) that the page resolves by theme."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchbench.report.axes import Scale, scale
from benchbench.report.content import Array, Chart, Mark, Panel, Series, Span
from benchbench.report.thinning import kept
from benchbench.report.wording import clean

Drawing = dict[str, object]
"""JSON-ready data for Plotly, whose schema is its own: `data` (traces) and `layout`."""

POINTS_A_TRACE = 2000
LEAST_POINTS_A_TRACE = 24
_HUES = 8
_TOP_PX, _BOTTOM_PX, _ONE_PX, _MORE_PX = 34, 46, 230, 112
_DIGITS = 5


def height_px(chart: Chart) -> int:
    """How high a chart stands."""
    inner = _ONE_PX if len(chart.panels) == 1 else _MORE_PX * len(chart.panels)
    return inner + _TOP_PX + _BOTTOM_PX + (26 if _has_legend(chart) else 0)


def points(chart: Chart) -> int:
    """How many values a chart would draw if no limit but that of a trace held."""
    return sum(min(len(s.y), POINTS_A_TRACE) for p in chart.panels for s in p.series)


def drawing(chart: Chart, share: float = 1.0) -> Drawing:
    """What Plotly needs to draw a chart.

    Args:
        chart: what to draw.
        share: of the points of each trace to keep, where the page as a whole would grow too large.
    """
    x = scale(chart.x_unit, [s.x for p in chart.panels for s in p.series])
    limit = max(LEAST_POINTS_A_TRACE, int(POINTS_A_TRACE * min(1.0, share)))
    frames = [_Frame(panel=panel, index=i, count=len(chart.panels), x=x, limit=limit) for i, panel in enumerate(chart.panels)]
    named: set[str] = set()
    traces = [trace for frame in frames for trace in frame.traces(named)]
    layout: Drawing = {
        "xaxis": _x_axis(chart, x, len(frames)),
        "shapes": [*_spans(chart.spans, x), *_x_marks(chart.marks, x), *(s for f in frames for s in f.marks())],
        "annotations": [f.heading() for f in frames],
        "showlegend": _has_legend(chart),
        "margin": {"l": 52, "r": 14, "t": _TOP_PX + (26 if _has_legend(chart) else 0), "b": _BOTTOM_PX},
        "legend": {"orientation": "h", "x": 0, "xanchor": "left", "y": 1, "yref": "container", "yanchor": "top"},
        "hovermode": "closest",
        "bargap": 0.03,
        "barmode": "overlay",
        **{f.axis_key: f.axis() for f in frames},
    }
    return {"data": traces, "layout": layout}


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """One panel in its place: panels stand from the top down over one x axis."""

    panel: Panel
    index: int
    count: int
    x: Scale
    limit: int

    @property
    def axis_key(self) -> str:
        return f"yaxis{self.index + 1 if self.index else ''}"

    @property
    def ref(self) -> str:
        return f"y{self.index + 1 if self.index else ''}"

    @property
    def y(self) -> Scale:
        return scale(self.panel.unit, [s.y for s in self.panel.series])

    @property
    def domain(self) -> tuple[float, float]:
        height = 1.0 / self.count
        gap = 0.0 if self.count == 1 else 0.26 * height
        top = 1.0 - self.index * height
        return max(0.0, top - height + (gap if self.index < self.count - 1 else 0.0)), top

    def axis(self) -> Drawing:
        axis: Drawing = {"domain": list(self.domain), "anchor": "x", "rangemode": "tozero" if self.panel.from_zero else "normal"}
        if self.panel.log:
            axis["type"] = "log"
        elif self.panel.high is not None:
            axis["range"] = [0.0 if self.panel.from_zero else None, _short(self.panel.high * self.y.factor)]
        return axis

    def heading(self) -> Drawing:
        return {
            "text": _text(self.y.title(self.panel.label)), "showarrow": False, "xref": "paper", "yref": "paper", "x": 0,
            "y": self.domain[1], "xanchor": "left", "yanchor": "bottom", "yshift": 4,
        }  # fmt: skip

    def marks(self) -> list[Drawing]:
        return [
            _line(mark, {"xref": "paper", "yref": self.ref, "x0": 0, "x1": 1, "y0": at, "y1": at})
            for mark in self.panel.marks
            for at in [_short(mark.at * self.y.factor)]
        ]

    def traces(self, named: set[str]) -> list[Drawing]:
        return [self._trace(series, named) for series in self.panel.series if len(series.y)]

    def _trace(self, series: Series, named: set[str]) -> Drawing:
        colour = f"@s{series.hue % _HUES}"
        trace: Drawing = {
            "name": _text(series.name), "legendgroup": _text(series.name), "xaxis": "x", "yaxis": self.ref,
            "showlegend": series.name not in named, "hovertemplate": self._hover(series),
        }  # fmt: skip
        named.add(series.name)
        if series.kind == "bars":
            edges = series.x * self.x.factor
            trace |= {"type": "bar", "x": _numbers((edges[:-1] + edges[1:]) / 2), "y": _numbers(series.y * self.y.factor)}
            return trace | {"width": _numbers(np.diff(edges)), "marker": {"color": colour}}
        at = kept(series.y, self.limit)
        trace |= {"type": "scatter", "x": _numbers(series.x[at] * self.x.factor), "y": _numbers(series.y[at] * self.y.factor)}
        if series.labels:
            trace["text"] = [_text(series.labels[i]) for i in at]
        return trace | _style(series.kind, colour)

    def _hover(self, series: Series) -> str:
        """Refers to the name and never holds it: Plotly would read `%{...}` in it."""
        y = f"%{{y:.4~g}}{' ' + self.y.unit if self.y.unit else ''}"
        x = f"%{{x:.4~g}}{' ' + self.x.unit if self.x.unit else ''}"
        return ("%{text}<br>" if series.labels else "") + f"{y}<br>at {x}<extra>%{{fullData.name}}</extra>"


def _style(kind: str, colour: str) -> Drawing:
    if kind == "points":
        return {"mode": "markers", "marker": {"color": colour, "size": 8, "line": {"width": 1, "color": "@paper"}}}
    if kind == "dotted":
        return {"mode": "lines+markers", "line": {"color": colour, "width": 1.5}, "marker": {"color": colour, "size": 4}}
    line: Drawing = {"color": colour, "width": 1.5 if kind == "steps" else 1.2}
    return {"mode": "lines", "line": line | ({"shape": "hv"} if kind == "steps" else {})}


def _x_axis(chart: Chart, x: Scale, count: int) -> Drawing:
    anchor = f"y{count if count > 1 else ''}"
    return {"title": {"text": _text(x.title(chart.x_label)), "standoff": 8}, "anchor": anchor}


def _spans(spans: Sequence[Span], x: Scale) -> list[Drawing]:
    return [
        {
            "type": "rect", "layer": "below", "xref": "x", "yref": "paper", "y0": 0, "y1": 1, "line": {"width": 0},
            "x0": _short(span.low * x.factor), "x1": _short(span.high * x.factor), "fillcolor": "@shade",
            "label": {"text": _text(span.label), "textposition": "top left", "font": {"size": 11, "color": "@faint"}},
        }
        for span in spans
    ]  # fmt: skip


def _x_marks(marks: Sequence[Mark], x: Scale) -> list[Drawing]:
    return [
        _line(mark, {"xref": "x", "yref": "paper", "y0": 0, "y1": 1, "x0": at, "x1": at})
        for mark in marks
        for at in [_short(mark.at * x.factor)]
    ]


def _line(mark: Mark, place: Drawing) -> Drawing:
    label: Drawing = {"text": _text(mark.label), "font": {"size": 11, "color": "@faint"}, "textposition": "end", "textangle": 0}
    return {"type": "line", "line": {"width": 1, "dash": "dot", "color": "@ink"}, "label": label, **place}


def _has_legend(chart: Chart) -> bool:
    return len({s.name for p in chart.panels for s in p.series}) > 1


def _text(text: str) -> str:
    """Plotly reads tags in texts; a record's are shown as they stand."""
    return html.escape(clean(text), quote=False)


def _numbers(values: Array) -> list[float | int | None]:
    return [_short(float(v)) if np.isfinite(v) else None for v in values]


def _short(value: float) -> float | int:
    """Digits enough to draw with: pages are made of these."""
    if not np.isfinite(value):
        return 0
    short = float(f"{value:.{_DIGITS}g}") if abs(value) < 10**_DIGITS else round(value)
    return int(short) if short == int(short) else short
