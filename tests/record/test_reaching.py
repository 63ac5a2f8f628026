"""Whether and when a repeat reached its target, from its evaluations alone."""

import math

import pytest

from benchbench.record.figures import Line
from benchbench.record.reaching import reach
from benchbench.scenario.types import Target
from tests.record.lines import evaluation, raw

TARGET = Target(metric="accuracy", at_least=0.8)


def test_the_crossing_is_interpolated_and_confirmed_by_the_next_evaluation() -> None:
    events = [
        evaluation(50, 5.0, accuracy=0.6),
        evaluation(100, 10.0, accuracy=0.85),
        evaluation(150, 15.0, accuracy=0.9),
    ]
    found = reach(raw(events), TARGET)
    assert (found.reached, found.confirmed_by, found.unconfirmed) == (True, "next-evaluation", 0)
    assert (found.time_to_target_s, found.steps_to_target) == (pytest.approx(9.0), pytest.approx(90.0))
    assert (found.previous_evaluation_s, found.previous_evaluation_step) == (5.0, 50)
    assert (found.crossing_evaluation_s, found.crossing_evaluation_step) == (10.0, 100)
    assert (found.best, found.evaluation_s) == (0.9, 1.5)


def test_a_lucky_evaluation_is_told_and_does_not_count() -> None:
    values = (0.9, 0.6, 0.7, 0.9, 0.9)
    found = reach(raw([evaluation(50 * n, 5.0 * n, accuracy=v) for n, v in enumerate(values, 1)]), TARGET)
    assert (found.reached, found.unconfirmed, found.steps_to_target) == (True, 1, pytest.approx(175.0))


def test_the_last_evaluation_of_all_stands_alone() -> None:
    found = reach(raw([evaluation(50, 5.0, accuracy=0.6), evaluation(100, 10.0, accuracy=0.8)]), TARGET)
    assert (found.reached, found.confirmed_by, found.time_to_target_s) == (True, "full-held-out", 10.0)


def test_the_first_evaluation_of_all_may_be_the_crossing() -> None:
    found = reach(raw([evaluation(50, 5.0, accuracy=1.0)]), TARGET)
    assert (found.previous_evaluation_s, found.previous_evaluation_step) == (0.0, 0)


def test_a_target_that_is_not_met_leaves_the_best() -> None:
    found = reach(raw([evaluation(50, 5.0, accuracy=0.7), evaluation(100, 10.0, accuracy=0.6)]), TARGET)
    assert (found.reached, found.time_to_target_s, found.steps_to_target, found.best) == (False, None, None, 0.7)
    assert found.evaluation_s == 1.0


def test_a_loss_is_met_from_above() -> None:
    target = Target(metric="loss", at_most=0.5)
    found = reach(raw([evaluation(5, 1.0, loss=0.9), evaluation(10, 2.0, loss=0.5)]), target)
    assert (found.reached, found.best) == (True, 0.5)
    assert reach(raw([evaluation(5, 1.0, loss=0.9), evaluation(10, 2.0, loss=1.2)]), target).best == 0.9


def test_what_is_crossed_after_the_deadline_reaches_nothing() -> None:
    plan: Line = {"event": "plan", "t": 0.0, "deadline_s": 4.0}
    found = reach(raw([plan, evaluation(50, 5.0, accuracy=0.9)]), TARGET)
    assert (found.reached, found.best) == (False, 0.9)
    assert reach(raw([{**plan, "deadline_s": 6.0}, evaluation(50, 5.0, accuracy=0.9)]), TARGET).reached


def test_the_test_split_is_no_evaluation_on_the_way() -> None:
    assert not reach(raw([{**evaluation(50, 5.0, accuracy=0.9), "split": "test"}]), TARGET).reached


@pytest.mark.parametrize("metrics", [{}, {"loss": 1.0}, {"accuracy": math.nan}, {"accuracy": None}])
def test_an_evaluation_without_the_metric_reaches_nothing(metrics: dict[str, float]) -> None:
    found = reach(raw([evaluation(50, 5.0, **metrics)]), TARGET)
    assert (found.reached, found.best) == (False, None)


def test_broken_evaluations_are_none() -> None:
    lines: list[Line] = [{"event": "eval"}, {"event": "eval", "step": 1, "metrics": "good"}]
    assert reach(raw([*lines, evaluation(50, 5.0, accuracy=0.9)]), TARGET).reached
    assert not reach(raw(), TARGET).reached
