"""One suite over every search method."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest

from benchbench import registry
from benchbench.record.study import Overrides
from benchbench.scenario.search_types import Range
from benchbench.tuning.model.readings import Failing
from benchbench.tuning.space import Axis, Listed, Ranged, identity
from benchbench.tuning.stop import Stop
from tests.tuning.methods.driving import Driven, Surface, Truth, field_of

METHODS = ("factored", "gp", "random", "tpe")
BATCH, RATE = "training.global_batch", "training.optimizer.learning_rate"
SPACES: Mapping[str, Mapping[str, Axis]] = {
    "lists": {BATCH: Listed((16, 32, 64)), "precision": Listed(("fp32", "bf16")), RATE: Listed((1e-4, 1e-3))},
    "null": {"training.dropout": Listed((None, 0.1)), "training.gradient_clip": Listed((1.0, None, 2.0))},
    "whole": {BATCH: Ranged(Range(low=1, high=12)), "hardware.threads": Ranged(Range(low=1, high=9, step=4))},
    "grid": {"training.dropout": Ranged(Range(low=0.0, high=0.5, step=0.2)), BATCH: Listed((8, 16))},
    "continuum": {RATE: Ranged(Range(low=1e-5, high=1e-1, log=True)), BATCH: Listed((16, 64))},
    "plain-continuum": {"training.optimizer.weight_decay": Ranged(Range(low=0.0, high=0.3))},
    "large": {BATCH: Ranged(Range(low=1, high=300)), "hardware.threads": Ranged(Range(low=1, high=64))},
    "one-point": {BATCH: Listed((16,)), "precision": Listed(("fp32", "bf16")), RATE: Listed((1e-3,))},
    "single": {BATCH: Listed((16,))},
}
ALIKE = {"reaches": Truth(), "misses": Truth(steps=None), "refused": Truth(refused=True)} | {
    f"fails-{failing}": Truth(failing=failing) for failing in Failing
}


def first_of(space: str) -> Overrides:
    """A baseline, which a continuum has no first one of."""
    return {
        key: 1e-3 if key == RATE else 0.1 if axis.count is None else axis.at(0) for key, axis in SPACES[space].items()
    }


def rough(seed: int) -> Surface:
    """A surface without rhyme or reason: times, misses and failures of all kinds."""

    def surface(overrides: Overrides) -> Truth:
        drawn = random.Random(f"{seed}{identity(overrides)}")
        fate = drawn.choice([None] * 6 + list(Failing))
        steps = drawn.choice([None, *(drawn.randrange(1, 400) for _ in range(4))])
        return Truth(step_s=drawn.lognormvariate(-3, 1), steps=steps, failing=fate, refused=drawn.random() < 0.1)

    return surface


def test_every_method_is_under_contract() -> None:
    assert registry.names(registry.METHODS) == METHODS


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("space", SPACES)
def test_what_is_proposed_is_of_the_space_in_the_spaces_own_types(method: str, space: str) -> None:
    axes = SPACES[space]
    driven = Driven(method, field_of(axes, first_of(space)), rough(1)).go_on(12)
    assert driven.requests or driven.stop is not None
    for overrides, _ in driven.requests:
        assert list(overrides) == list(axes)
        for key, value in overrides.items():
            found = axes[key].find(value)
            assert found == (value,)
            assert type(found[0]) is type(value)


def test_what_is_not_legal_is_never_proposed(method: str) -> None:
    def legal(setup: Overrides) -> bool:
        return setup[BATCH] != 32 and not (setup["precision"] == "bf16" and setup[RATE] == 1e-3)

    driven = Driven(method, field_of(SPACES["lists"], legal=legal), rough(2)).go_on(40)
    assert driven.requests
    assert all(legal(overrides) for overrides, _ in driven.requests)
    assert driven.stop is not None


def test_where_nothing_is_legal_it_ends(method: str) -> None:
    for space in ("lists", "single"):
        driven = Driven(method, field_of(SPACES[space], legal=lambda _: False), lambda _: Truth()).go_on(3)
        assert (driven.requests, driven.stop is not None) == ([], True)


@pytest.mark.parametrize("space", ["lists", "continuum"])
def test_the_same_seed_proposes_the_same(method: str, space: str) -> None:
    one, two, other = (
        Driven(method, field_of(SPACES[space], first_of(space), seed=seed), rough(3)).go_on(8).requests
        for seed in (5, 5, 6)
    )
    assert one == two
    assert one != other


@pytest.mark.parametrize("fate", ALIKE)
@pytest.mark.parametrize("space", ["lists", "null", "one-point"])
def test_a_finite_space_of_one_fate_alone_comes_to_an_end(method: str, space: str, fate: str) -> None:
    driven = Driven(method, field_of(SPACES[space]), lambda _: ALIKE[fate]).go_on(120)
    assert driven.stop in (Stop.EXHAUSTED, Stop.SETTLED)
    trained = [identity(overrides) for overrides, plan in driven.requests if not plan.probe]
    if fate.startswith(("fails", "refused")):
        assert len(set(trained)) == len(trained), "what fails is not tried again"


@pytest.mark.parametrize("fate", ALIKE)
def test_in_a_continuum_no_fate_is_an_error(method: str, fate: str) -> None:
    driven = Driven(method, field_of(SPACES["continuum"], first_of("continuum")), lambda _: ALIKE[fate]).go_on(6)
    assert driven.requests or driven.stop is not None


@pytest.mark.parametrize("fate", ALIKE)
def test_a_baseline_outside_of_the_space_is_no_trouble(method: str, fate: str) -> None:
    outside: Overrides = {BATCH: 48, "precision": "fp16", RATE: 3e-7}

    def surface(overrides: Overrides) -> Truth:
        return ALIKE[fate] if overrides == outside else Truth(steps=int(1000 / overrides[BATCH]))

    driven = Driven(method, field_of(SPACES["lists"], outside), surface).go_on(30)
    assert outside not in [overrides for overrides, _ in driven.requests]
    assert any(overrides[BATCH] == 64 for overrides, _ in driven.requests)


@pytest.mark.parametrize("space", SPACES)
def test_a_probe_alone_is_enough_where_nothing_trains(method: str, space: str) -> None:
    driven = Driven(method, field_of(SPACES[space], first_of(space), trains=False), rough(4)).go_on(10)
    assert all(plan.deadline_s is None and not plan.probe for _, plan in driven.requests)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_it_goes_on_or_says_why_not(method: str, seed: int) -> None:
    space = sorted(SPACES)[seed % len(SPACES)]
    driven = Driven(method, field_of(SPACES[space], first_of(space), seed=seed), rough(seed), budget_s=300).go_on(15)
    assert len(driven.requests) == 15 or driven.stop is not None
    for _, plan in driven.requests:
        assert plan.deadline_s is None or plan.deadline_s > 0
