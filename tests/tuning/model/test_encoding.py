from __future__ import annotations

import math

import numpy as np
import pytest

from benchbench.scenario.search_types import Range
from benchbench.tuning.model.encoding import Encoding
from benchbench.tuning.space import Listed, Ranged, SearchSpace
from tests.tuning.model.places import ENCODING, scenario, setup


def coordinates(values, *asked) -> list[float]:
    axis = values if isinstance(values, Ranged) else Listed(tuple(values))
    (column,) = Encoding(scenario(), SearchSpace({"training.gradient_clip": axis})).columns
    return [column.coordinate(value) for value in asked]


def test_a_logarithmic_range_is_even_in_orders_of_magnitude() -> None:
    axis = Ranged(Range(low=1e-5, high=1e-1, log=True))
    assert coordinates(axis, 1e-5, 1e-3, 1e-1) == pytest.approx([0, 0.5, 1])


def test_a_list_over_magnitudes_is_too_and_a_narrow_one_is_not() -> None:
    assert coordinates([1, 2, 4, 16], 1, 4, 16) == pytest.approx([0, 0.5, 1])
    assert coordinates([1.0, 2.0, 3.0], 1, 2, 3) == pytest.approx([0, 0.5, 1])
    assert coordinates([0.0, 0.1, 0.4], 0.0, 0.1, 0.4) == pytest.approx([0, 0.25, 1]), "nought has no logarithm"


def test_values_without_an_order_are_categories_and_a_stranger_is_one_of_its_own() -> None:
    assert coordinates([None, 0.5, 1.0], None, 0.5, 1.0, 2.0) == [0, 1, 2, 3]
    assert coordinates(["a", "b"], "b", "z") == [1, 2]
    assert coordinates([True, 1, 1.5], True, 1) == [0, 1]


def test_what_lies_outside_of_the_ends_is_finite() -> None:
    axis = Ranged(Range(low=1e-5, high=1e-1, log=True))
    assert np.isfinite(coordinates(axis, 1e-9, 10.0, 0.0, None, "auto")).all()
    assert coordinates(axis, 1e-7) == pytest.approx([-0.5])


def test_an_axis_of_one_point_divides_by_nothing() -> None:
    assert coordinates([3.0], 3.0) == [0]
    assert np.isfinite(coordinates([5, 5.0, 5.5], 5)).all()


def test_what_formulas_ask_comes_from_the_setup_else_from_the_scenario() -> None:
    encoded = ENCODING.encode([setup(batch=64), setup(rate=1e-2)])
    assert list(encoded.batch) == [64, 32]
    assert list(encoded.rate) == [1e-3, 1e-2]
    assert list(encoded.micro) == [64, 32], "auto is the whole batch"
    assert list(encoded.optimizer) == [0, 0]
    assert encoded.coordinates.shape == (2, 3)
    fixed = scenario(training={"global_batch": 48, "micro_batch": 8})
    one = Encoding(fixed, SearchSpace({"precision": Listed(("bf16",))})).encode([{"precision": "bf16"}])
    assert (list(one.batch), list(one.micro)) == ([48], [8])


def test_optimizers_are_numbered() -> None:
    space = SearchSpace({"training.optimizer.name": Listed(("lion", "adamw"))})
    encoding = Encoding(scenario(), space)
    assert encoding.optimizers == ("lion", "adamw")
    told = encoding.encode([{"training.optimizer.name": name} for name in ("adamw", "lion", "sgd")])
    assert list(told.optimizer) == [1, 0, 0]


def test_setups_that_differ_in_steps_to_target_alone_step_alike() -> None:
    assert ENCODING.step_signature(setup(rate=1e-2)) == ENCODING.step_signature(setup())
    assert ENCODING.step_signature(setup(batch=64)) != ENCODING.step_signature(setup())
    assert ENCODING.step_signature(setup(precision="bf16")) != ENCODING.step_signature(setup())


def test_rows_can_be_taken_and_none_are_none() -> None:
    encoded = ENCODING.encode([setup(batch=b) for b in (16, 32, 64)])
    assert list(encoded.take([2, 0]).batch) == [64, 16]
    assert len(encoded.take(encoded.batch > 16)) == 2
    assert len(ENCODING.encode([])) == 0
    assert ENCODING.encode([]).coordinates.shape == (0, 3)
    assert math.isfinite(encoded.coordinates.sum())
