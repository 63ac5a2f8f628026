"""A throughput run and a training to a target: what they count, when they evaluate, when they end."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch

from benchbench.record.figures import RawLines
from benchbench.record.reaching import ended_early, reach
from benchbench.record.types import Reach
from benchbench.scenario.types import Target
from benchbench.training.clock import HostClock, Tick
from benchbench.training.loop import Loop
from benchbench.training.procedures import evaluate, throughput, time_to_target
from benchbench.workload.batches import Batch, held_out
from benchbench.workload.task import HeldOut, Objective
from tests.training.small import CPU, ENCODING, Recorder, loop_of, prepared, scenario


class Scored:
    """The real task, with held-out scores that are given (each from its step on) and an evaluation that takes long."""

    def __init__(self, loop: Loop, scores: Mapping[int, float], slow_s: float = 0.0) -> None:
        self._loop, self._task, self._scores, self._slow_s = loop, loop.parts.task, scores, slow_s
        self.modes: list[bool] = []

    def loss_sums(self, model: torch.nn.Module, batch: Batch, objective: Objective) -> Mapping[str, torch.Tensor]:
        self.modes.append(model.training)
        return self._task.loss_sums(model, batch, objective)

    def metric_names(self, labels: Sequence[str]) -> Sequence[str]:
        return self._task.metric_names(labels)

    def score(self, model: torch.nn.Module, held_out: HeldOut) -> Mapping[str, float]:
        assert not model.training
        assert torch.is_inference_mode_enabled()
        time.sleep(self._slow_s)
        now = max((step for step in self._scores if step <= self._loop.steps_taken), default=None)
        return {**self._task.score(model, held_out), "accuracy": 0.1 if now is None else self._scores[now]}


class PacedClock(HostClock):
    """The host's clock on which every step takes a tenth of a second."""

    def step(self, number: int, loss: torch.Tensor) -> Sequence[Tick]:
        return [replace(tick, step_s=0.1) for tick in super().step(number, loss)]


def train(
    scores: Mapping[int, float],
    *,
    deadline_s: float = math.inf,
    slow_s: float = 0.0,
    paced: bool = False,
    max_steps: int = 20,
    by_curve: bool = False,
    **target: Any,
) -> tuple[Loop, Recorder, Mapping[str, float]]:
    wanted = scenario(
        training={"max_steps": max_steps},
        measure={"procedure": "time-to-target"},
        target={"metric": "accuracy", "at_least": 0.8, "eval_every": 4, **target},
    )
    loop, events = loop_of(wanted)
    task = Scored(loop, scores, slow_s)
    loop.parts = replace(loop.parts, task=task)
    loop.clock = PacedClock() if paced else loop.clock
    metrics = time_to_target(
        loop, wanted, events, held_out(prepared().validation, ENCODING, CPU), deadline_s, by_curve=by_curve
    )
    assert all(task.modes), "a training step ran in evaluation mode"
    return loop, events, metrics


def test_it_stops_when_a_second_evaluation_meets_the_target_too() -> None:
    loop, events, metrics = train({4: 0.5, 8: 0.79, 12: 0.8, 16: 0.9})
    assert [e["step"] for e in events.of("eval")] == [4, 8, 12, 16]
    assert loop.steps_taken == 16
    assert metrics["accuracy"] == 0.9
    assert metrics["loss"] > 0
    assert [e["metrics"]["accuracy"] for e in events.of("eval")] == [0.5, 0.79, 0.8, 0.9]


def test_one_lucky_evaluation_does_not_end_it() -> None:
    loop, _, _ = train({4: 0.9, 8: 0.5, 12: 0.85, 16: 0.86})
    assert loop.steps_taken == 16


def test_a_metric_between_two_evaluations_is_not_seen() -> None:
    loop, _, _ = train({7: 1.0, 8: 0.1, 12: 1.0})
    assert loop.steps_taken == 16


def test_the_last_step_is_evaluated_even_out_of_turn() -> None:
    loop, events, _ = train({}, max_steps=10)
    assert loop.steps_taken == 10
    assert [e["step"] for e in events.of("eval")] == [4, 8, 10]


def test_a_loss_is_a_target_from_above() -> None:
    loop, _, metrics = train({}, metric="loss", at_least=None, at_most=100.0)
    assert loop.steps_taken == 8
    assert metrics["loss"] <= 100.0
    loop, _, metrics = train({}, metric="loss", at_least=None, at_most=0.2)
    assert loop.steps_taken == 20, "an accuracy of 0.1 is below, and nobody asked for it"
    assert metrics["loss"] > 0.2


def test_an_evaluation_is_outside_of_the_training_clock() -> None:
    began_s = time.monotonic()
    loop, events, _ = train({}, slow_s=0.2)
    wall_s = time.monotonic() - began_s
    steps, evaluations = events.of("step"), events.of("eval")
    assert len(evaluations) == 5
    assert all(e["evaluation_s"] >= 0.2 for e in evaluations)
    assert loop.training_s == pytest.approx(sum(s["step_s"] for s in steps))
    assert loop.training_s < wall_s - 5 * 0.2
    assert max(s["step_s"] for s in steps) < 0.2
    sums = [sum(s["step_s"] for s in steps[: e["step"]]) for e in evaluations]
    assert [e["training_s"] for e in evaluations] == pytest.approx(sums)


def test_the_deadline_counts_training_seconds_and_is_evaluated() -> None:
    loop, events, _ = train({}, deadline_s=0.95, paced=True, slow_s=0.1)
    assert loop.steps_taken == 10
    assert [e["step"] for e in events.of("eval")] == [4, 8, 10]
    assert events.of("plan")[0]["deadline_s"] == 0.95


def reached(events: Recorder, at_least: float = 0.8) -> Reach:
    return reach(RawLines(events=tuple(events.lines), telemetry=()), Target(metric="accuracy", at_least=at_least))


def test_a_target_crossed_after_the_deadline_does_not_count() -> None:
    _, events, _ = train({10: 0.8}, deadline_s=0.95, paced=True)
    assert not reached(events).reached, "it was crossed at the tenth step, after 1 s"


def test_a_target_crossed_before_the_deadline_counts_without_a_second_look() -> None:
    loop, events, _ = train({10: 0.9}, deadline_s=0.99, paced=True)
    found = reached(events)
    assert (loop.steps_taken, found.confirmed_by) == (10, "full-held-out")
    assert found.time_to_target_s == pytest.approx(0.8 + 0.2 * 7 / 8)


def test_a_score_that_is_no_number_meets_nothing_and_is_left_out() -> None:
    loop, events, metrics = train({4: math.nan, 8: 0.9})
    assert loop.steps_taken == 12
    assert "accuracy" not in events.of("eval")[0]["metrics"]
    assert metrics["accuracy"] == 0.9


def test_an_evaluation_draws_no_random_numbers_and_changes_no_weights() -> None:
    wanted = scenario(training={"dropout": 0.3})
    plain, disturbed = loop_of(wanted), loop_of(wanted)
    for loop, events in (plain, disturbed):
        torch.manual_seed(5)
        for _ in range(3):
            loop.start()
            loop.step()
            loop.stop()
            if loop is disturbed[0]:
                evaluate(loop, events, held_out(prepared().validation, ENCODING, CPU))
    assert plain[1].losses == disturbed[1].losses


def test_a_throughput_run_takes_warm_up_and_measured_steps_and_never_evaluates() -> None:
    wanted = scenario(training={"max_steps": 3}, measure={"warmup": 4, "steps": 9})
    loop, events = loop_of(wanted)
    throughput(loop, wanted, events, timeout_s=600.0)
    assert loop.steps_taken == len(events.of("step")) == 13
    assert not events.of("eval")
    (plan,), (steady,) = events.of("plan"), events.of("steady")
    assert (plan["steps_total"], plan["warmup"]) == (13, 4)
    assert (steady["warmup_steps"], steady["settled"], steady["steps"]) == (4, True, 13)
    assert events.of("step")[-1]["learning_rate"] == 0.0, "beyond max_steps the schedule stays at its end"


class LaggingClock(HostClock):
    """A step becomes known three steps later, as on a device that Python runs ahead of."""

    def __init__(self) -> None:
        super().__init__()
        self._known: list[Tick] = []

    def step(self, number: int, loss: torch.Tensor) -> Sequence[Tick]:
        self._known += super().step(number, loss)
        return [self._known.pop(0)] if len(self._known) > 3 else []

    def stop(self) -> Sequence[Tick]:
        rest, self._known = self._known, []
        return rest


@pytest.mark.parametrize("measure", [{"warmup": 4, "steps": 9}, {"steps": 9}, {"relative_halfwidth": 0.5}])
def test_a_device_that_runs_ahead_takes_no_step_too_many(measure: dict[str, Any]) -> None:
    wanted = scenario(measure=measure)
    loop, events = loop_of(wanted)
    loop.clock = LaggingClock()
    throughput(loop, wanted, events, timeout_s=600.0)
    (steady,) = events.of("steady")
    assert [s["step"] for s in events.of("step")] == list(range(1, steady["steps"] + 1))
    if "warmup" in measure:
        assert steady["steps"] == 13
    if "steps" in measure:
        assert steady["steps"] - steady["warmup_steps"] == 9


def rising(most: float, steps: int = 200) -> Mapping[int, float]:
    """Scores that rise evenly."""
    return {step: most * step / steps for step in range(1, steps + 1)}


def test_a_curve_that_cannot_reach_before_the_deadline_ends_a_training() -> None:
    train_it = partial(train, rising(0.3), deadline_s=6.0, paced=True, max_steps=200)
    loop, events, _ = train_it(by_curve=True)
    assert 24 <= loop.steps_taken < 60
    assert [e["by"] for e in events.of("ended")] == ["curve"]
    assert ended_early(RawLines(events=tuple(events.lines), telemetry=())) == {
        "stopped_by_deadline": True, "stopped_by_curve": True,
    }  # fmt: skip
    loop, events, _ = train_it(by_curve=False)
    assert loop.steps_taken >= 60, "a claim that is confirmed is never judged by its curve"
    assert [e["by"] for e in events.of("ended")] == ["deadline"]


def test_a_curve_never_ends_a_training_whose_steps_all_fit_before_the_deadline() -> None:
    for deadline_s in (math.inf, 30.0):
        loop, events, _ = train(rising(0.1), deadline_s=deadline_s, paced=True, max_steps=60, by_curve=True)
        assert loop.steps_taken == 60
        assert [e["by"] for e in events.of("ended")] == ["steps"]


def test_a_curve_that_reaches_is_left_alone() -> None:
    loop, events, _ = train(rising(0.9, 50), deadline_s=6.0, paced=True, max_steps=200, by_curve=True)
    assert [e["by"] for e in events.of("ended")] == ["target"]
    assert loop.steps_taken <= 52
