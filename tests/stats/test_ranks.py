"""Kendall's tau, beside scipy's."""

import pytest
from scipy.stats import kendalltau

from benchbench.stats.ranks import kendall_tau


@pytest.mark.parametrize(
    ("one", "other"),
    [([1, 2, 3], [1, 2, 3]), ([1, 2, 3], [3, 2, 1]), ([1, 2, 3, 4], [2, 1, 4, 3]), ([1, 1, 2], [1, 2, 3])],
)
def test_it_is_scipys(one: list[float], other: list[float]) -> None:
    assert kendall_tau(one, other) == pytest.approx(kendalltau(one, other).statistic)


@pytest.mark.parametrize(("one", "other"), [([], []), ([1.0], [2.0]), ([1.0, 1.0], [1.0, 2.0])])
def test_nothing_to_order_has_none(one: list[float], other: list[float]) -> None:
    assert kendall_tau(one, other) is None
