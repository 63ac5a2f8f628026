"""One panel of a chart -> Plotly's traces, axis, lines and notes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchbench.report.axes import Scale, scale
from benchbench.report.content import Panel, Series
from benchbench.report.language import tr
from benchbench.report.plotly_parts import HUES, Drawing, line, note, numbers, short, text
from benchbench.report.thinning import kept

_GAP = 0.26


@dataclass(frozen=True, kw_only=True)
class PanelDrawing:
    """One panel in its place: panels stand from the top down over one x axis.

    Attributes:
        panel: what to draw.
        index: from the top.
        count: of the chart's panels.
        x: the scale of their x axis.
        limit: the most points of a trace.
    """

    panel: Panel
    index: int
    count: int
    x: Scale
    limit: int

    @property
    def ref(self) -> str:
        """Plotly's name of the y axis, as traces refer to it."""
        return f"y{self.index + 1 if self.index else ''}"

    @property
    def y(self) -> Scale:
        """The y axis's scale, for what lies within the frame."""
        high = self.panel.high or np.inf
        return scale(self.panel.unit, [s.y[s.y <= high] for s in self.panel.series])

    @property
    def title(self) -> str:
        """What the panel shows, with its unit."""
        return self.y.title(self.panel.label)

    @property
    def domain(self) -> tuple[float, float]:
        """From where to where the panel stands, in shares of the chart's height."""
        height = 1.0 / self.count
        top = 1.0 - self.index * height
        is_lowest = self.index == self.count - 1
        return (0.0 if is_lowest else top - (1 - _GAP) * height), top

    def axis(self) -> Drawing:
        """The y axis, under Plotly's key for it."""
        zero = self.panel.from_zero
        axis: Drawing = {"domain": list(self.domain), "anchor": "x", "rangemode": "tozero" if zero else "normal"}
        if self.panel.log:
            axis["type"] = "log"
        elif self.panel.high is not None:
            axis["range"] = [0 if zero else None, short(self.panel.high * self.y.factor)]
        return {self.ref.replace("y", "yaxis"): axis}

    def notes(self) -> list[Drawing]:
        """The panel's heading and the labels of its marks."""
        place: Drawing = {"x": 0, "xref": "paper", "xanchor": "left", "yanchor": "bottom"}
        found = [note(self.title, place | {"y": self.domain[1], "yref": "paper", "yshift": 4})]
        for mark in (m for m in self.panel.marks if m.label):
            at = short(np.log10(mark.at * self.y.factor) if self.panel.log else mark.at * self.y.factor)
            found.append(note(mark.label, place | {"y": at, "yref": self.ref, "xshift": 4}))
        return found

    def lines(self) -> list[Drawing]:
        """The panel's marks."""
        places = (short(mark.at * self.y.factor) for mark in self.panel.marks)
        return [line({"xref": "paper", "yref": self.ref, "x0": 0, "x1": 1, "y0": at, "y1": at}) for at in places]

    def traces(self) -> list[Drawing]:
        """The panel's series."""
        return [self._bars(s) if s.kind == "bars" else self._scatter(s) for s in self.panel.series if len(s.y)]

    def _bars(self, series: Series) -> Drawing:
        edges = series.x * self.x.factor
        return self._common(series) | {
            "type": "bar", "x": numbers((edges[:-1] + edges[1:]) / 2), "y": numbers(series.y * self.y.factor),
            "width": numbers(np.diff(edges)), "marker": {"color": _colour(series)},
        }  # fmt: skip

    def _scatter(self, series: Series) -> Drawing:
        at = kept(series.y, self.limit)
        trace = self._common(series) | {
            "type": "scatter", "x": numbers(series.x[at] * self.x.factor), "y": numbers(series.y[at] * self.y.factor),
        }  # fmt: skip
        if series.labels:
            trace["text"] = [text(series.labels[i]) for i in at]
        if series.low is not None and series.high is not None:
            up, down = (series.high - series.y)[at], (series.y - series.low)[at]
            trace["error_y"] = {
                "type": "data", "symmetric": False, "array": numbers(up * self.y.factor),
                "arrayminus": numbers(down * self.y.factor), "color": _colour(series), "thickness": 1, "width": 3,
            }  # fmt: skip
        return trace | _style(series)

    def _common(self, series: Series) -> Drawing:
        """The hover text refers to the name and never holds it: Plotly would read `%{...}` in it."""
        y, x = (f"%{{{axis}:.4~g}} {unit}".rstrip() for axis, unit in (("y", self.y.unit), ("x", self.x.unit)))
        label = "%{text}<br>" if series.labels else ""
        hover = text(tr("at {x}", x=x), f"{label}{y}<br>{{}}<extra>%{{fullData.name}}</extra>")
        return {"name": text(series.name), "xaxis": "x", "yaxis": self.ref, "hovertemplate": hover}


def _colour(series: Series) -> str:
    return f"@s{series.hue % HUES}"


def _style(series: Series) -> Drawing:
    colour = _colour(series)
    if series.kind == "points":
        return {"mode": "markers", "marker": {"color": colour, "size": 8, "line": {"width": 1, "color": "@paper"}}}
    if series.kind == "dotted":
        return {
            "mode": "lines+markers",
            "line": {"color": colour, "width": 1.5},
            "marker": {"color": colour, "size": 4},
        }
    shape: Drawing = {"shape": "hv", "width": 1.6} if series.kind == "steps" else {"width": 1.2}
    return {"mode": "lines", "line": shape | {"color": colour}}
