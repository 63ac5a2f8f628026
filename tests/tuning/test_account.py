"""What the search cost and saves: nothing is promised that is not proved."""

import pytest

from benchbench.stats.estimate import Estimate
from benchbench.tuning.account import economics


def estimate(value: float) -> Estimate:
    return Estimate(value=value, low=value, high=value, confidence=0.95, n=3, unit="s")


def test_a_proved_speedup_pays_after_the_search_over_the_saving() -> None:
    found = economics(600.0, estimate(100.0), estimate(40.0), proved=True)
    assert (found.search_s, found.saved_per_training_s) == (600.0, 60.0)
    assert found.break_even_trainings == pytest.approx(10.0)


def test_nothing_is_saved_without_a_proof() -> None:
    found = economics(600.0, estimate(100.0), estimate(40.0), proved=False)
    assert found.search_s == 600.0
    assert found.saved_per_training_s is None
    assert found.break_even_trainings is None


@pytest.mark.parametrize("pair", [(None, 40.0), (100.0, None), (None, None)])
def test_what_was_not_measured_saves_nothing(pair: tuple[float | None, float | None]) -> None:
    before, after = (None if value is None else estimate(value) for value in pair)
    assert economics(600.0, before, after, proved=True).break_even_trainings is None


def test_a_saving_of_nothing_never_pays() -> None:
    found = economics(600.0, estimate(40.0), estimate(40.0), proved=True)
    assert found.saved_per_training_s == 0.0
    assert found.break_even_trainings is None
