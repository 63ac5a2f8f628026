"""The learning rate's course against closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from benchbench.scenario.training_types import Schedule
from benchbench.training.schedules import factor
from tests.training.small import loop_of, scenario, take

STEPS, WARMUP = 200, 20
# The factor of a step after the warm-up, from the share d of the other steps that are done.
FORMS: dict[str, Callable[[float], float]] = {
    "constant": lambda _d: 1.0,
    "linear": lambda d: 1.0 - d,
    "cosine": lambda d: (1.0 + math.cos(math.pi * d)) / 2,
    "exponential": lambda d: math.exp(d * math.log(0.01)),
    "inverse-sqrt": lambda d: math.sqrt(WARMUP / (WARMUP + d * (STEPS - WARMUP))),
    "step": lambda d: 1.0 if d < 1 / 3 else 0.1 if d < 2 / 3 else 0.01,
}
ENDS = {
    "constant": 1.0, "linear": 0.0, "cosine": 0.0, "exponential": 0.01, "inverse-sqrt": math.sqrt(0.1), "step": 0.01,
}  # fmt: skip


def course(name: str, warmup_fraction: float = WARMUP / STEPS, steps: int = STEPS) -> list[float]:
    schedule = Schedule.model_validate({"name": name, "warmup_fraction": warmup_fraction})
    return [factor(schedule, step, steps) for step in range(1, steps + 1)]


@pytest.mark.parametrize("name", FORMS)
def test_every_schedule_follows_its_formula(name: str) -> None:
    warm = [step / WARMUP for step in range(1, WARMUP + 1)]
    rest = [FORMS[name]((step - 1 - WARMUP) / (STEPS - WARMUP)) for step in range(WARMUP + 1, STEPS + 1)]
    np.testing.assert_allclose(course(name), warm + rest, rtol=1e-9)


@pytest.mark.parametrize("name", FORMS)
def test_it_climbs_in_the_warm_up_and_never_again(name: str) -> None:
    found = course(name)
    assert all(a < b for a, b in pairwise(found[:WARMUP]))
    assert all(a >= b for a, b in pairwise(found[WARMUP - 1 :]))
    assert found[WARMUP - 1] == found[WARMUP] == 1.0
    assert all(0.0 < value <= 1.0 for value in found)


@pytest.mark.parametrize("name", FORMS)
def test_it_ends_where_it_says_and_stays(name: str) -> None:
    schedule = Schedule.model_validate({"name": name, "warmup_fraction": WARMUP / STEPS})
    for step in (STEPS + 1, 10 * STEPS):
        assert factor(schedule, step, STEPS) == pytest.approx(ENDS[name], abs=1e-12)


@pytest.mark.parametrize("name", FORMS)
def test_without_a_warm_up_it_begins_at_its_peak(name: str) -> None:
    found = course(name, warmup_fraction=0.0)
    assert found[0] == 1.0
    if name == "inverse-sqrt":
        np.testing.assert_allclose(found, [1 / math.sqrt(step) for step in range(1, STEPS + 1)], rtol=1e-12)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_trainings_have_a_rate(name: str, steps: int) -> None:
    assert all(0.0 < value <= 1.0 for value in course(name, 0.1, steps))
    assert all(0.0 < value <= 1.0 for value in course(name, 0.9, steps))


def test_the_steps_of_the_stairs_lie_at_the_thirds() -> None:
    found = course("step", warmup_fraction=0.0, steps=9)
    np.testing.assert_allclose(found, [1.0] * 3 + [0.1] * 3 + [0.01] * 3, rtol=1e-12)


@pytest.mark.parametrize("procedure", ["throughput", "time-to-target"])
@pytest.mark.parametrize("name", FORMS)
def test_the_horizon_is_max_steps_whatever_is_measured(name: str, procedure: str) -> None:
    wanted = scenario(
        training={"max_steps": 10, "schedule": {"name": name, "warmup_fraction": 0.2}},
        measure={"procedure": procedure, "steps": 3, "warmup": 1},
        target={"metric": "accuracy", "at_least": 0.9},
    )
    loop, events = loop_of(wanted)
    loop.start()
    take(loop, 6)
    expected = [1e-2 * value for value in course(name, 0.2, 10)[:6]]
    assert [line["learning_rate"] for line in events.of("step")] == pytest.approx(expected)
