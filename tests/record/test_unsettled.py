"""A run that never settles: the warning `unstable` with its reason, also where the warm-up was counted out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from benchbench.record.figures import RawLines, figures
from benchbench.record.summary import summarize, warnings_of
from benchbench.record.types import Figures, Outcome, Repeat, Run
from tests.report.records import MACHINE, scenario

Series = npt.NDArray[np.float64]


def lines(times: Series, *others: dict[str, Any]) -> RawLines:
    ends = np.cumsum(times)
    steps = [
        {"event": "step", "step": i + 1, "t": float(t), "step_s": float(s), "samples": 32, "tokens": 320, "loss": 1.0}
        for i, (s, t) in enumerate(zip(times, ends, strict=True))
    ]
    return RawLines(events=(*others, *steps), telemetry=())


def noisy(steps: int = 300) -> Series:
    return 0.1 * (1 + 0.02 * np.random.default_rng(1).standard_normal(steps))


def plan(procedure: str, warmup: int | str) -> dict[str, Any]:
    return {"event": "plan", "procedure": procedure, "warmup": warmup}


def steady(warmup: int, settled: bool) -> dict[str, Any]:
    return {"event": "steady", "warmup_steps": warmup, "settled": settled}


def found(times: Series, *others: dict[str, Any]) -> Figures:
    result = figures(lines(times, *others), 0.95, None)
    assert result is not None
    return result


TREND = noisy() * np.linspace(1.0, 1.2, 300)
SHIFT = noisy() * np.where(np.arange(300) < 200, 1.0, 1.1)


def test_a_trainer_that_found_no_steady_state_has_a_reason() -> None:
    result = found(TREND, plan("throughput", "auto"), steady(150, False))
    assert not result.settled
    assert result.unsettled is not None
    assert result.unsettled.kind == "trend"


def test_a_counted_warm_up_is_judged_by_the_steps_after_it() -> None:
    counted = plan("throughput", 20)
    assert found(noisy(), counted, steady(20, True)).settled
    result = found(SHIFT, counted, steady(20, True))
    assert not result.settled
    assert result.warmup_steps == 20, "as it was asked for"
    assert result.unsettled is not None
    assert result.unsettled.kind == "level-shift"


def test_a_training_to_a_target_is_not_judged() -> None:
    assert found(TREND, plan("time-to-target", 5)).settled


def test_what_settled_has_no_reason() -> None:
    result = found(noisy(), plan("throughput", "auto"), steady(10, True))
    assert result.settled
    assert result.unsettled is None


def run(every: Sequence[Figures]) -> Run:
    repeats = tuple(
        Repeat(index=i, seed=i, order=i, started_at="", wall_s=1.0, outcome=Outcome.OK, figures=f)
        for i, f in enumerate(every)
    )
    return Run.model_validate({
        "schema": 1, "id": "x", "scenario": scenario(), "created_at": "", "machine": MACHINE, "repeats": repeats,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (TREND, "rose steadily, by 14%"),
        (TREND[::-1], "fell steadily, by 12%"),
        (SHIFT, "rose by 9% at once, near step "),
        (noisy() + 0.03 * np.linspace(0, 1, 300) * np.sin(np.arange(300) / 5), "its swings grew by"),
    ],
)
def test_the_warning_says_why(times: Series, words: str) -> None:
    whole = run([found(times, plan("throughput", "auto"), steady(150, False))] * 2)
    (warning,) = [w for w in warnings_of(whole, summarize(whole)) if w.code == "unstable"]
    assert words in warning.message
    assert warning.message.count(words) == 1, "once for all repeats"


def test_without_a_reason_the_warning_stands_alone() -> None:
    short = found(noisy(22), plan("throughput", "auto"), steady(11, False))
    assert short.unsettled is None
    whole = run([short, short])
    (warning,) = [w for w in warnings_of(whole, summarize(whole)) if w.code == "unstable"]
    assert warning.message == "the step time did not settle in the warm-up; the mean may still drift"
