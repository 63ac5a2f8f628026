"""The first crossing that the next evaluation does not deny, interpolated."""

import math

import pytest

from benchbench.stats.crossing import Goal, Look, denied, first_crossing

SCORE, LOSS = Goal(bound=0.8, rises=True), Goal(bound=2.0, rises=False)


def looks(*values: float) -> list[Look]:
    """An evaluation every 10 steps and 5 seconds."""
    return [Look(step=10 * n, training_s=5.0 * n, value=value) for n, value in enumerate(values, 1)]


@pytest.mark.parametrize(
    ("values", "step", "confirmed", "lucky"),
    [
        ((0.6, 1.0, 0.9), 15.0, True, 0),
        ((0.6, 0.8, 0.8), 20.0, True, 0),
        ((0.6, 1.0), 15.0, False, 0),
        ((0.9,), 10.0, False, 0),
        ((0.9, 0.9), 10.0, True, 0),
        ((0.9, 0.6, 1.0, 1.0), 25.0, True, 1),
        ((0.6, 0.9, 0.7, 0.9, 0.7, 0.9), 55.0, False, 2),
    ],
)
def test_of_a_score(values: tuple[float, ...], step: float, confirmed: bool, lucky: int) -> None:
    found = first_crossing(looks(*values), SCORE)
    assert found is not None
    assert found.step == pytest.approx(step)
    assert found.training_s == pytest.approx(step / 2)
    assert (found.confirmed, found.denied) == (confirmed, lucky)


def test_of_a_loss() -> None:
    found = first_crossing(looks(4.0, 1.0, 0.5), LOSS)
    assert found is not None
    assert found.step == pytest.approx(10 + 10 * 2 / 3)
    assert (found.before, found.seen) == tuple(looks(4.0, 1.0))


@pytest.mark.parametrize("values", [(), (0.1, 0.7), (0.9, 0.7)])
def test_there_may_be_none(values: tuple[float, ...]) -> None:
    assert first_crossing(looks(*values), SCORE) is None


@pytest.mark.parametrize(("deadline_s", "counts"), [(7.4, False), (7.5, True), (math.inf, True)])
def test_the_crossing_itself_counts_against_the_deadline(deadline_s: float, counts: bool) -> None:
    assert (first_crossing(looks(0.6, 1.0, 1.0), SCORE, deadline_s) is not None) is counts


def test_what_was_denied_is_counted_without_a_crossing_too() -> None:
    assert denied(looks(0.9, 0.1, 0.9, 0.1), SCORE) == 2
