"""What is shown while a search goes on."""

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from benchbench.cli.tune_live import Display, LiveDisplay, PlainDisplay, State
from benchbench.tuning.moments import Moment
from benchbench.tuning.objective import Objective, Throughput, TimeToTarget
from tests.tuning.lab import Lab

OVERRIDES = {"training.global_batch": 64, "training.optimizer.learning_rate": 0.00012345678}
MOMENTS = (
    Moment(event="start", role="baseline", number=0, left_s=300.0, overrides=OVERRIDES),
    Moment(event="progress", role="baseline", number=0, left_s=299.0, overrides=OVERRIDES, what={"event": "start"}),
    Moment(
        event="progress", role="baseline", number=0, left_s=298.0, overrides=OVERRIDES,
        what={"progress": {"step": 7, "loss": 0.5}},
    ),
    Moment(event="end", role="baseline", number=0, left_s=290.0, overrides=OVERRIDES, value=12.0, best=12.0),
    *(
        Moment(event="refused", number=n, left_s=290.0, overrides=OVERRIDES, best=12.0, message=f"impossible {n}")
        for n in range(1, 6)
    ),
    Moment(event="end", number=6, left_s=280.0, overrides=OVERRIDES, best=12.0),
    Moment(event="end", number=7, left_s=270.0, overrides=OVERRIDES, best=12.0, message="out of [memory]"),
    Moment(event="stop", left_s=260.0, best=12.0, message="interrupted"),
    Moment(
        event="start", role="confirmation", number=0, left_s=250.0, overrides=OVERRIDES, best=12.0,
        message="repeat 1 of 3",
    ),
)  # fmt: skip


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(out=tmp_path / "results")


def shown(lab: Lab, kind: type[Display], moments: Sequence[Moment], objective: Objective | None = None) -> str:
    written = io.StringIO()
    terminal = Console(file=written, force_terminal=kind is LiveDisplay, width=200, highlight=False)
    with kind(terminal, State(lab.scenario(), objective or TimeToTarget())) as display:
        for moment in moments:
            display.watch(moment)
    return written.getvalue()


@pytest.mark.parametrize("kind", [PlainDisplay, LiveDisplay])
def test_it_says_what_runs_the_time_left_the_best_and_what_failed(lab: Lab, kind: type[Display]) -> None:
    text = shown(lab, kind, MOMENTS)
    for part in (
        "baseline: global_batch=64 learning_rate=0.0001235", "time left 5 min 00 s", "best so far 12.0 s (trial 0)",
        "trial 6: global_batch=64 learning_rate=0.0001235: the target was not reached", "out of [memory]",
        "the search ended: interrupted", "confirmation of trial 0, repeat 1 of 3",
        "measured 3, without a value 2, refused 5",
    ):  # fmt: skip
        assert part in text, part


@pytest.mark.parametrize("kind", [PlainDisplay, LiveDisplay])
def test_the_first_refusals_are_told_and_the_rest_are_counted(lab: Lab, kind: type[Display]) -> None:
    text = shown(lab, kind, MOMENTS)
    assert "impossible 3 (further refusals are only counted)" in text
    assert "impossible 4" not in text


def test_plain_lines_carry_no_terminal_codes(lab: Lab) -> None:
    assert "\x1b" not in shown(lab, PlainDisplay, MOMENTS)


def test_a_throughput_search_counts_seconds_a_sample(lab: Lab) -> None:
    text = shown(lab, PlainDisplay, [Moment(event="end", number=1, left_s=9.0, value=0.002, best=0.002)], Throughput())
    assert "2.00 ms a sample" in text


@pytest.mark.parametrize("kind", [PlainDisplay, LiveDisplay])
def test_what_is_reused_is_said_and_counted_apart(lab: Lab, kind: type[Display]) -> None:
    told = Moment(
        event="reused", number=8, left_s=9.0, overrides=OVERRIDES, best=12.0, value=13.0, message="reused from run-x"
    )
    start = Moment(event="start", number=99, left_s=9.0, overrides=OVERRIDES, best=12.0)
    text = shown(lab, kind, [*[told] * 5, start])
    assert text.count(": reused from run-x; 13.0 s") == 3
    assert text.count("(further ones are only counted)") == 1
    assert "measured 0, reused 5, without a value 0, refused 0" in text
