"""The intervals of whole runs, warm-up and all, cover what they say: the quick form of the recorded simulation."""

import pytest

from benchmarks.simulations.coverage import CASES, coverage

TRIALS = 400
TOLERANCE = 0.033  # three standard errors of 400 trials


@pytest.mark.parametrize("repeats", [2, 3, 5, 10])
@pytest.mark.parametrize("case", ["autocorrelation", "everything"])
def test_a_95_percent_interval_covers_95_percent(case: str, repeats: int) -> None:
    found = coverage(CASES[case], repeats, TRIALS)
    assert 0.95 - TOLERANCE <= found <= 0.95 + TOLERANCE
