"""Whether and when a repeat reached its target, from its evaluations alone."""

import math

import pytest

from benchbench.record.figures import Line, RawLines
from benchbench.record.reaching import reach, target_warnings
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
    assert (found.reached, found.best, found.steps_to_target) == (True, 0.5, pytest.approx(10.0))
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


def saturating(count: int, *, metric: str = "accuracy", **ready: int) -> RawLines:
    """Evaluations that approach 0.9, the twentieth and those after it flat."""
    values = [0.9 * (1 - math.exp(-0.3 * n)) for n in range(1, count + 1)]
    events = [evaluation(10 * n, float(n), **{metric: v}) for n, v in enumerate(values, 1)]
    return raw([{"event": "ready", "t": 0.0, **ready}, *events])


def test_a_target_on_the_plateau_is_called_one_and_a_lower_one_is_named() -> None:
    (warning,) = target_warnings(saturating(20, validation_labels=500), Target(metric="accuracy", at_least=0.897))
    assert warning.code == "target-at-plateau"
    assert "at_least 0.897 sits on the plateau" in warning.message
    proposal = float(warning.message.rpartition("at_least: ")[2].split()[0])
    assert 0.857 <= proposal <= 0.877
    assert target_warnings(saturating(9, validation_labels=500), Target(metric="accuracy", at_least=0.8)) == ()


@pytest.mark.parametrize(
    ("metric", "ready", "warned"),
    [
        ("accuracy", {"validation_rows": 500, "validation_labels": 1_000_000}, False),
        ("accuracy", {"validation_rows": 500, "validation_labels": 500}, True),
        ("exact_match", {"validation_rows": 500, "validation_labels": 1_000_000}, True),
        ("rouge1", {"validation_rows": 500, "validation_labels": 500}, False),
    ],
)
def test_the_noise_is_that_of_what_was_counted(metric: str, ready: dict[str, int], warned: bool) -> None:
    found = target_warnings(saturating(16, metric=metric, **ready), Target(metric=metric, at_least=0.89))
    assert bool(found) is warned
