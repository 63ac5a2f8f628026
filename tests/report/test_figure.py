"""Charts become drawings that Plotly accepts, in the units of their axes."""

import itertools
import json
from typing import Any, cast

import numpy as np
import plotly.graph_objects as go
import pytest

from benchbench.report.axes import scale
from benchbench.report.content import Array, Chart, Mark, Panel, Series, Span
from benchbench.report.figure import MOST_POINTS, drawing, height_px, legend, limit_of
from benchbench.report.language import tr
from tests.report.reading import english


def _line(name: str = "a", n: int = 10, kind: str = "line") -> Series:
    x: Array = np.arange(float(n))
    return Series(name=name, x=np.arange(n + 1.0) if kind == "bars" else x, y=0.001 * x, kind=cast("Any", kind))


def _chart(*panels: Panel, **changes: Any) -> Chart:
    return Chart(title="t", x_label="time", x_unit="s", panels=panels, **changes)


def _panel(*series: Series, **changes: Any) -> Panel:
    return Panel(label="step time", unit="s", series=series, **changes)


def _with_colours(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            k: "#123456" if isinstance(v, str) and v.startswith("@") else _with_colours(v) for k, v in value.items()
        }
    return [_with_colours(v) for v in value] if isinstance(value, list) else value


@pytest.mark.parametrize("kind", ["line", "dotted", "steps", "points", "bars"])
def test_plotly_accepts_a_drawing(kind: str) -> None:
    panel = _panel(_line(kind=kind), marks=(Mark(at=0.005, label="target"),), high=0.02, from_zero=True)
    chart = _chart(
        panel, _panel(_line("b"), log=True), spans=(Span(low=0, high=2, label="w"),), marks=(Mark(at=3.0, label="m"),)
    )
    found = _with_colours(english(drawing(chart)))
    go.Figure(data=found["data"], layout=found["layout"])  # raises for a key that Plotly does not have
    json.dumps(found, allow_nan=False)


def test_an_axis_has_short_numbers_in_its_unit() -> None:
    found = english(drawing(_chart(_panel(_line()))))
    assert found["layout"]["annotations"][0]["text"] == "step time (ms)"
    assert found["data"][0]["y"][1] == 1
    assert found["layout"]["xaxis"]["title"]["text"] == "time (s)"
    assert found["layout"]["xaxis"]["range"] == [0, 9]


@pytest.mark.parametrize(
    ("unit", "largest", "expected"),
    [
        ("s", 0.0002, "µs"), ("s", 0.2, "ms"), ("s", 100.0, "s"), ("s", 1000.0, "min"), ("s", 10_000.0, "h"),
        ("bytes", 2.0**31, "GiB"), ("bytes", 100.0, "bytes"), ("fraction", 0.5, "%"), ("MHz", 1980.0, "GHz"),
        ("W", 300.0, "W"), ("", 5.0, ""),
    ],
)  # fmt: skip
def test_scales(unit: str, largest: float, expected: str) -> None:
    found = scale(unit, [np.asarray([0.0, np.nan, largest])])
    assert found.unit == expected
    assert scale(unit, []).factor > 0


def test_what_lies_above_the_frame_does_not_choose_the_unit() -> None:
    series = Series(name="a", x=np.arange(3.0), y=np.asarray([30.0, 0.01, 0.02]))
    found = english(drawing(_chart(_panel(series, high=0.03))))
    assert found["layout"]["annotations"][0]["text"] == "step time (ms)"


def test_a_text_of_ours_stands_in_every_language_and_a_records_as_it_is() -> None:
    found = cast("Any", drawing(_chart(_panel(_line(tr("warm-up")), _line("<b>warm-up")))))
    assert found["data"][0]["name"] == {"en": "warm-up", "zh": "预热"}
    assert found["data"][1]["name"] == "&lt;b&gt;warm-up"


def test_the_data_behind_a_chart_name_their_axes() -> None:
    found = english(drawing(_chart(_panel(_line()), Panel(label="loss", unit="", series=(_line(),)))))
    assert found["layout"]["meta"] == {"x": "time (s)", "panels": ["step time (ms)", "loss"]}


def test_a_logarithmic_axis_has_its_notes_at_powers_of_ten() -> None:
    found = english(drawing(_chart(_panel(_line()), marks=(Mark(at=1000.0, label="m"),), x_log=True)))
    (note,) = (n for n in found["layout"]["annotations"] if n["text"] == "m")
    factor = found["layout"]["shapes"][0]["x0"] / 1000.0
    assert note["x"] == pytest.approx(3 + np.log10(factor), abs=1e-4)
    assert found["layout"]["xaxis"]["type"] == "log"
    assert "range" not in found["layout"]["xaxis"]


@pytest.mark.parametrize(
    ("tone", "colour"), [("plain", "@shade"), ("bad", "@shade-bad"), ("warning", "@shade-warning")]
)
def test_a_stretch_is_coloured_by_its_tone(tone: Any, colour: str) -> None:
    found = cast("Any", drawing(_chart(_panel(_line()), spans=(Span(low=0, high=1, tone=tone),))))
    assert found["layout"]["shapes"][0]["fillcolor"] == colour


def test_gaps_are_null_and_nothing_is_nan() -> None:
    series = Series(name="a", x=np.arange(3.0), y=np.asarray([1.0, np.nan, np.inf]))
    assert cast("Any", drawing(_chart(_panel(series))))["data"][0]["y"] == [1, None, None]


def test_panels_share_one_axis_and_do_not_overlap() -> None:
    found = cast("Any", drawing(_chart(*(_panel(_line()) for _ in range(5)))))
    domains = [found["layout"][f"yaxis{k}"]["domain"] for k in ("", "2", "3", "4", "5")]
    assert {t["xaxis"] for t in found["data"]} == {"x"}
    assert domains[0][1] == 1.0
    assert domains[-1][0] == 0.0
    assert all(upper[0] > lower[1] for upper, lower in itertools.pairwise(domains))
    assert height_px(_chart(_panel(), _panel(), _panel())) > height_px(_chart(_panel()))


def test_a_legend_names_each_series_once() -> None:
    assert legend(_chart(_panel(_line("a")))) == []
    chart = _chart(_panel(_line("a"), _line("b")), _panel(_line("a")))
    assert [name for name, _, _ in legend(chart)] == ["a", "b"]


def test_charts_share_a_budget_of_points() -> None:
    long, short = _chart(_panel(_line(n=100_000))), _chart(_panel(_line(n=50)))
    assert limit_of([long, short], 10**6) == MOST_POINTS
    assert limit_of([], 10) == MOST_POINTS
    limit = limit_of([long] * 100 + [short], 45_000)
    assert 100 * limit <= 45_000
    assert limit > 200
    assert len(cast("Any", drawing(long, limit))["data"][0]["y"]) <= limit
