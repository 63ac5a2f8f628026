"""Bars and parallel coordinates become drawings that Plotly accepts, with their data beside them."""

import json
from typing import Any, cast

import numpy as np
import plotly.graph_objects as go
import pytest

from benchbench.report.content import Axis, Bar, Bars, Mark, Parallel, Path, Quantity
from benchbench.report.drawn import drawing, height_px, legend
from benchbench.report.language import tr
from benchbench.report.sections import attribution, parallel
from benchbench.report.subject import StudySubject
from tests.report.reading import english
from tests.report.searches import searched
from tests.report.test_figure import _with_colours

BARS = Bars(
    title="t",
    x_label="ratio",
    x_unit="x",
    bars=(
        Bar(label="<b>up</b>", start=1.0, end=2.0, name="a", low=1.8, high=2.2, detail="1.8 to 2.2"),
        Bar(label="=down", start=2.0, end=1.5, name=tr("software"), hue=1),
    ),
    marks=(Mark(at=1.0, label="one"),),
    log=True,
)
TIME, NO_TIME = Quantity(value=3, unit="s"), Quantity(value=None, unit="s")
PARALLEL = Parallel(
    title="t",
    axes=(Axis(label="first", ticks=((0.25, "x"), (0.75, "y"))), Axis(label="last", ticks=((0.0, "3 s"),))),
    paths=(
        Path(at=np.asarray([0.25, 0.0]), name="fast", shade="q0", label="<i>one", cells=(1, TIME)),
        Path(at=np.asarray([0.75, np.nan]), name="failed", shade="bad", dash="dash", cells=(2, NO_TIME)),
    ),
    columns=("trial", "time"),
)  # fmt: skip


def sections() -> list[Bars | Parallel]:
    of = StudySubject(study=searched())
    made = [attribution.render(of), parallel.render(of)]
    return [b for s in made if s is not None for b in s.blocks if isinstance(b, Bars | Parallel)]


@pytest.mark.parametrize("block", [BARS, PARALLEL, *sections()], ids=lambda block: type(block).__name__)
def test_plotly_accepts_a_drawing(block: Bars | Parallel) -> None:
    found = _with_colours(english(drawing(block)))
    go.Figure(data=found["data"], layout=found["layout"])
    json.dumps(found, allow_nan=False)
    assert height_px(block) > 100


@pytest.mark.parametrize("block", [BARS, PARALLEL, *sections()], ids=lambda block: type(block).__name__)
def test_the_legend_has_the_names_of_the_traces_in_their_order(block: Bars | Parallel) -> None:
    names = [trace["name"] for trace in english(drawing(block))["data"]]
    assert [name for name, _, _ in legend(block)] == list(dict.fromkeys(names))


def test_a_bar_lies_between_its_values_and_one_that_goes_back_is_hatched() -> None:
    up, whisker, down = english(drawing(BARS))["data"]
    assert (up["base"], up["x"]) == ([1], [1])
    assert (down["base"], down["x"]) == ([1.5], [0.5])
    assert up["marker"]["pattern"]["shape"] == [""]
    assert down["marker"]["pattern"]["shape"] == ["/"]
    assert whisker["x"] == [2]
    assert whisker["error_x"]["array"] == pytest.approx([0.2])


def test_ratios_have_round_ticks_with_1_among_them() -> None:
    axis = english(drawing(BARS))["layout"]["xaxis"]
    assert axis["type"] == "log"
    assert 1.0 in axis["tickvals"]
    assert "2\N{MULTIPLICATION SIGN}" in axis["ticktext"]
    wide = Bars(title="", x_label="", x_unit="x", log=True, bars=(Bar(label="", start=1.0, end=800.0, name="a"),))
    assert len(english(drawing(wide))["layout"]["xaxis"]["tickvals"]) <= 8


def test_seconds_have_their_unit_and_nothing_is_no_axis() -> None:
    bar = Bar(label="", start=0.0, end=0.02, name="a")
    found = english(drawing(Bars(title="", x_label="time", x_unit="s", bars=(bar,))))
    assert found["layout"]["xaxis"]["title"]["text"] == "time (ms)"
    assert found["data"][0]["x"] == [20]
    still = Bars(title="", x_label="", x_unit="s", bars=(Bar(label="", start=1.0, end=1.0, name="a"),))
    assert "range" not in english(drawing(still))["layout"]["xaxis"]


def test_a_path_runs_over_the_axes_from_the_top_and_ends_in_a_gap() -> None:
    fast, failed = english(drawing(PARALLEL))["data"]
    assert fast["x"] == [0.25, 0, None]
    assert fast["y"] == [1, 0, None]
    assert failed["x"] == [0.75, None, None]
    assert failed["line"]["dash"] == "dash"
    assert fast["zorder"] > failed["zorder"], "the best lie on top"


def test_the_texts_of_records_are_shown_as_they_stand() -> None:
    told = json.dumps(english([drawing(BARS), drawing(PARALLEL)]))
    assert "<b>up" not in told
    assert "&lt;i&gt;one" in told


def test_the_data_are_the_values_and_not_their_places() -> None:
    rows = english(cast("Any", drawing(PARALLEL))["layout"]["meta"]["rows"])
    assert rows == [["trial", "time", "kind"], [1, 3, "fast"], [2, None, "failed"]]
    assert english(cast("Any", drawing(BARS))["layout"]["meta"]["rows"])[1] == [
        "&lt;b&gt;up&lt;/b&gt;",
        "a",
        1,
        2,
        1.8,
        2.2,
    ]
