from __future__ import annotations

import time

import numpy as np
import pytest

from benchbench.record.study import Overrides
from benchbench.scenario.search_types import Range
from benchbench.tuning.methods.factored import FactoredMethod
from benchbench.tuning.model.readings import Failing, Reading
from benchbench.tuning.space import Listed, Ranged, identity
from benchbench.tuning.stop import Stop
from tests.tuning.methods.driving import Driven, Request, Truth, field_of

BATCH, RATE, PRECISION = "training.global_batch", "training.optimizer.learning_rate", "precision"
AXES = {
    BATCH: Listed((8, 16, 32, 64, 128)),
    RATE: Ranged(Range(low=1e-5, high=1e-1, log=True)),
    PRECISION: Listed(("fp32", "bf16")),
    "training.attention": Listed(("auto", "eager", "sdpa")),
}
BASELINE: Overrides = {BATCH: 8, RATE: 1e-4, PRECISION: "fp32", "training.attention": "eager"}


def bowl(overrides: Overrides) -> Truth:
    """Best at batch 64, bf16, sdpa and a learning rate of 3e-3."""
    batch, rate = overrides[BATCH], overrides[RATE]
    assert isinstance(batch, int)
    assert isinstance(rate, float)
    if rate > 5e-2:
        return Truth(failing=Failing.DIVERGED)
    away = np.log10(rate / 3e-3)
    steps = 30 * (1 + 60 / batch) * np.exp(0.8 * away**2)
    step_s = 0.02 * (1 + batch / 40) * (0.7 if overrides[PRECISION] == "bf16" else 1)
    step_s *= {"auto": 1.0, "eager": 1.4, "sdpa": 0.9}[str(overrides["training.attention"])]
    return Truth(step_s=step_s, steps=int(steps) if steps <= 400 else None)


def best_s(requests: list[Request]) -> float:
    found = [bowl(o) for o, plan in requests if not plan.probe]
    return min(t.steps * t.step_s for t in found if t.steps is not None)


@pytest.mark.parametrize("seed", range(3))
def test_the_bottom_of_a_bowl_is_found_in_a_dozen_requests(seed: int) -> None:
    driven = Driven("factored", field_of(AXES, BASELINE, seed=seed), bowl).go_on(14)
    setups = [
        {**BASELINE, BATCH: b, RATE: 3e-3, PRECISION: "bf16", "training.attention": "sdpa"} for b in (32, 64, 128)
    ]
    optimum = min(t.steps * t.step_s for t in map(bowl, setups) if t.steps is not None)
    assert best_s(driven.requests) < 1.3 * optimum


def test_trainings_carry_deadlines_and_probes_none() -> None:
    driven = Driven("factored", field_of(AXES, BASELINE), bowl).go_on(14)
    assert {plan.probe for _, plan in driven.requests} == {True, False}
    assert all((plan.deadline_s is None) == plan.probe for _, plan in driven.requests)
    assert all("%" in plan.why for _, plan in driven.requests)


def test_no_step_is_probed_twice() -> None:
    driven = Driven("factored", field_of(AXES, BASELINE), bowl).go_on(25)
    system = [BATCH, PRECISION, "training.attention"]
    probed = [identity({key: o[key] for key in system}) for o, plan in driven.requests if plan.probe]
    assert len(probed) == len(set(probed))


@pytest.mark.parametrize("budget_s", [60.0, 200.0, 600.0])
def test_what_the_confirmation_needs_is_left(budget_s: float) -> None:
    reaching: Overrides = {**BASELINE, RATE: 1e-3}
    driven = Driven("factored", field_of(AXES, reaching), bowl, budget_s=budget_s).go_on(60)
    first = bowl(reaching)
    assert first.steps is not None
    assert driven.stop in (Stop.BUDGET, Stop.SETTLED)
    assert driven.left_s >= 2 + first.steps * first.step_s, "one repeat of the baseline, at least"


def test_out_of_memory_rules_out_what_steps_alike() -> None:
    def surface(overrides: Overrides) -> Truth:
        return Truth(failing=Failing.MEMORY) if overrides[BATCH] == 128 else bowl(overrides)

    driven = Driven("factored", field_of(AXES, BASELINE), surface).go_on(40)
    asked = [identity({**o, RATE: 0.0}) for o, _ in driven.requests if o[BATCH] == 128]
    assert len(asked) == len(set(asked))


def test_a_baseline_that_diverges_does_not_set_the_deadlines() -> None:
    def surface(overrides: Overrides) -> Truth:
        return Truth(failing=Failing.DIVERGED) if overrides == BASELINE else bowl(overrides)

    driven = Driven("factored", field_of(AXES, BASELINE), surface).go_on(10)
    assert any(bowl(o).steps is not None and not plan.probe for o, plan in driven.requests)
    assert driven.method.standing([o for o, _ in driven.requests]) is not None


def test_before_anything_ran_setups_are_tried_at_random_each_once() -> None:
    axes = {BATCH: Listed((16, 32)), PRECISION: Listed(("fp32", "bf16"))}
    driven = Driven("factored", field_of(axes), lambda _: Truth(failing=Failing.OTHER)).go_on(20)
    assert (len(driven.requests), driven.stop) == (3, Stop.EXHAUSTED)


def test_the_standing_orders_setups_by_all_measurements() -> None:
    driven = Driven("factored", field_of(AXES, BASELINE), bowl).go_on(14)
    setups = [o for o, plan in driven.requests if not plan.probe and bowl(o).steps is not None]
    standing = driven.method.standing(setups)
    assert standing is not None
    assert standing.noise > 0
    truth = [np.log(t.steps * t.step_s) for t in map(bowl, setups) if t.steps is not None]
    assert np.abs(np.array(standing.logs) - truth).max() < 0.4


@pytest.mark.alone
def test_most_of_a_large_space_may_be_illegal_and_a_plan_is_quick_all_the_same() -> None:
    axes = {BATCH: Ranged(Range(low=1, high=200)), "training.micro_batch": Ranged(Range(low=1, high=64))}

    def legal(setup: Overrides) -> bool:
        return int(str(setup[BATCH])) % int(str(setup["training.micro_batch"])) == 0

    def surface(overrides: Overrides) -> Truth:
        return Truth(step_s=0.01 + 0.001 * float(str(overrides[BATCH])), steps=100)

    began_s = time.process_time()
    driven = Driven("factored", field_of(axes, {BATCH: 32, "training.micro_batch": 32}, legal=legal), surface).go_on(4)
    assert all(legal(o) for o, _ in driven.requests)
    assert time.process_time() - began_s < 20


@pytest.mark.alone
def test_three_hundred_readings_are_taken_in_within_seconds() -> None:
    field = field_of(AXES, BASELINE)
    driven = Driven("factored", field, bowl)
    random = np.random.default_rng(0)
    for _ in range(300):
        driven.learn(field.space.drawn(random))
    began_s = time.process_time()
    driven.go_on(2)
    assert time.process_time() - began_s < 8


def test_values_of_a_continuum_are_written_as_a_person_would() -> None:
    driven = Driven("factored", field_of(AXES, BASELINE), bowl).go_on(10)
    rates = [request.overrides[RATE] for request in driven.requests]
    assert len(set(rates)) > 1
    assert all(rate == float(f"{rate:.3g}") for rate in rates)


def test_of_energy_a_step_counts_by_what_it_draws() -> None:
    method = FactoredMethod(field_of({PRECISION: Listed(("fp32", "bf16"))}))
    for precision, per_second in (("fp32", 10.0), ("bf16", 40.0)):
        overrides: Overrides = {PRECISION: precision}
        reading = Reading(
            overrides=overrides, trained=True, step_s=0.1, warmup_s=0.1, steps=100, training_s=10.1,
            per_second=per_second,
        )  # fmt: skip
        method.saw(overrides, reading)
    standing = method.standing([{PRECISION: "fp32"}, {PRECISION: "bf16"}])
    assert standing is not None
    assert standing.logs[1] - standing.logs[0] == pytest.approx(np.log(4), abs=0.3)
