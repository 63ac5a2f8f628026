"""Thinning keeps what a reader looks for: peaks, dips, gaps and the ends."""

import numpy as np
import pytest

from benchbench.report.thinning import kept


def test_a_short_series_is_kept_whole() -> None:
    assert kept(np.arange(10.0), 10).tolist() == list(range(10))
    assert kept(np.empty(0), 10).tolist() == []


@pytest.mark.parametrize("limit", [8, 100, 2000])
@pytest.mark.parametrize("n", [9, 2001, 123_456])
def test_peaks_dips_and_ends_survive(n: int, limit: int) -> None:
    limit = min(limit, n - 1)
    rng = np.random.default_rng(n)
    y = rng.normal(1.0, 0.01, n)
    peak, dip = rng.choice(n, 2, replace=False)
    y[peak], y[dip] = 50.0, -50.0
    at = kept(y, limit)
    assert len(at) <= limit
    assert {0, n - 1, peak, dip} <= set(at.tolist())
    assert (np.diff(at) > 0).all()


def test_a_gap_stays_a_gap() -> None:
    y = np.ones(10_000)
    y[5000:5003] = np.nan
    at = kept(y, 300)
    assert len(at) <= 300
    assert np.isnan(y[at]).any()
    assert kept(np.full(10_000, np.nan), 300).size <= 300


def test_the_shape_is_drawn_from_end_to_end() -> None:
    at = kept(np.sin(np.arange(100_000) / 1000), 500)
    assert np.diff(at).max() < 2 * 100_000 / 249
