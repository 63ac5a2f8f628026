"""Optuna's own samplers as methods: each setup once, and their own cleverness beneath."""

from __future__ import annotations

import pytest

from benchbench.record.study import Overrides
from benchbench.scenario.search_types import Range
from benchbench.tuning.method import Plan
from benchbench.tuning.space import Listed, Ranged, identity
from benchbench.tuning.stop import Stop
from tests.tuning.methods.driving import Driven, Truth, field_of

BLACK_BOXES = ("gp", "random", "tpe")
SMALL = {"batch": Listed((8, 16, 32)), "name": Listed(("a", None, "b")), "one": Listed((1.0,))}
CONTINUUM = {"x": Ranged(Range(low=0.0, high=1.0)), "y": Listed((1, 2, 3, 4))}


@pytest.fixture(params=BLACK_BOXES)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_setup_of_a_finite_space_is_proposed_once(method: str) -> None:
    baseline: Overrides = {"batch": 16, "name": None, "one": 1.0}
    driven = Driven(method, field_of(SMALL, baseline), lambda _: Truth()).go_on(20)
    assert driven.stop is Stop.EXHAUSTED
    found = [overrides for overrides, _ in driven.requests]
    assert len({identity(o) for o in found}) == len(found) == 8
    assert baseline not in found
    assert {type(o["batch"]) for o in found} == {int}
    assert all(plan == Plan() for _, plan in driven.requests), "each a whole measurement"


def test_a_baseline_beside_the_space_does_not_take_a_place_in_it(method: str) -> None:
    driven = Driven(method, field_of(SMALL, {"batch": "auto", "name": "a", "one": 1.0}), lambda _: Truth()).go_on(20)
    assert len(driven.requests) == 9


def test_what_may_not_be_counts_as_gone(method: str) -> None:
    field = field_of(SMALL, legal=lambda setup: setup["batch"] != 16)
    driven = Driven(method, field, lambda _: Truth()).go_on(20)
    assert (len(driven.requests), driven.stop) == (5, Stop.EXHAUSTED)


def test_in_a_continuum_what_may_be_is_found_and_the_end_is_seen(method: str) -> None:
    baseline: Overrides = {"x": 0.5, "y": 1}
    rare = field_of(CONTINUUM, baseline, legal=lambda setup: setup["y"] == 3 and setup["x"] < 0.2)
    driven = Driven(method, rare, lambda _: Truth()).go_on(8)
    assert [(o["y"], o["x"] < 0.2) for o, _ in driven.requests] == [(3, True)] * 8
    never = Driven(method, field_of(CONTINUUM, baseline, legal=lambda _: False), lambda _: Truth()).go_on(3)
    assert never.stop is Stop.EXHAUSTED


def test_a_black_box_holds_nothing_of_setups(method: str) -> None:
    driven = Driven(method, field_of(SMALL), lambda _: Truth()).go_on(3)
    assert driven.method.standing([overrides for overrides, _ in driven.requests]) is None
