from __future__ import annotations

import pytest

from benchbench.scenario.search_types import Range
from benchbench.tuning.space import Axis, Listed, Ranged, Scalar, SearchSpace, identity, space_of
from tests.tuning.lab import Lab


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        (Listed((8, 16)), [8, 16]),
        (Listed((None, 0.1, "none", True)), [None, 0.1, "none", True]),
        (Ranged(Range(low=1, high=4)), [1, 2, 3, 4]),
        (Ranged(Range(low=8, high=30, step=8)), [8, 16, 24]),
        (Ranged(Range(low=1, high=8, log=True)), [1, 2, 3, 4, 5, 6, 7, 8]),
        (Ranged(Range(low=0.0, high=0.3, step=0.1)), [0.0, 0.1, 0.2, 0.3]),
        (Ranged(Range(low=0.05, high=0.2, step=0.1)), [0.05, 0.15]),
    ],
)
def test_a_countable_axis_has_its_own_values_with_their_types(axis: Axis, values: list[Scalar]) -> None:
    found = [axis.at(i) for i in range(axis.count)]
    assert found == values
    assert [type(v) for v in found] == [type(v) for v in values]
    assert all(axis.find(v) == (v,) for v in values)


def test_a_continuum_has_no_count_and_holds_what_lies_within() -> None:
    axis = Ranged(Range(low=1e-5, high=1e-3, log=True))
    assert axis.count is None
    assert axis.find(1e-4) == (1e-4,)
    assert axis.find(1e-3) == (1e-3,)
    assert axis.find(2e-3) is None


@pytest.mark.parametrize(
    ("axis", "value"),
    [
        (Listed((0, 2)), 1),
        (Listed((0, 1)), True),
        (Listed((True,)), 1),
        (Ranged(Range(low=1, high=4)), 2.5),
        (Ranged(Range(low=1, high=4)), 5),
        (Ranged(Range(low=1, high=4)), True),
        (Ranged(Range(low=1, high=4)), "auto"),
        (Ranged(Range(low=0.0, high=0.3, step=0.1)), 0.15),
        (Ranged(Range(low=0.0, high=1.0)), None),
    ],
)
def test_what_is_not_on_an_axis_is_not_found(axis: Axis, value: object) -> None:
    assert axis.find(value) is None


def test_a_grid_absorbs_the_rounding_of_floats() -> None:
    axis = Ranged(Range(low=0.1, high=0.9, step=0.1))
    assert axis.find(0.1 + 0.2) == (0.3,)


def test_every_setup_of_a_finite_space_has_its_index() -> None:
    space = SearchSpace({"a": Listed((1, 2, 3)), "b": Ranged(Range(low=1, high=2)), "c": Listed(("x",))})
    assert space.size == 6
    assert len({identity(space.setup(i)) for i in range(6)}) == 6


def test_a_space_with_a_continuum_has_no_size() -> None:
    assert SearchSpace({"a": Listed((1, 2)), "b": Ranged(Range(low=0.0, high=1.0))}).size is None


def test_the_first_new_setup_goes_round_about() -> None:
    space = SearchSpace({"a": Listed((1, 2, 3))})
    assert space.first_new(1, lambda s: s["a"] in (2, 3)) == {"a": 1}
    assert space.first_new(1, lambda _: True) is None


def test_one_and_one_point_nought_and_true_are_different_setups() -> None:
    assert len({identity({"a": v}) for v in (1, 1.0, True, "1")}) == 4


def test_the_settings_of_a_scenario_are_given_with_the_spaces_own_values(lab: Lab) -> None:
    scenario = lab.scenario()
    assert space_of(scenario).of(scenario) == {
        "training.global_batch": 32, "precision": "fp32", "training.attention": "auto",
    }  # fmt: skip
