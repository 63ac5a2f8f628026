"""A target on the steep part of a curve is a measurement, one on its plateau a lottery."""

import math

import numpy as np
import pytest

from benchbench.stats.crossing import Goal, Look, first_crossing
from benchbench.stats.plateau import plateau, standard_error

ROWS = 1000


def curve(end: float, rate: float, looks: int = 40, noise: float = 0.0, *, falls: bool = False) -> list[Look]:
    """An exponential approach to `end`, an evaluation every second."""
    generator = np.random.default_rng(3)
    found = []
    for n in range(1, looks + 1):
        part = 1 - math.exp(-rate * n)
        value = (5.0 - (5.0 - end) * part if falls else end * part) + noise * generator.standard_normal()
        found.append(Look(step=10 * n, training_s=float(n), value=value))
    return found


def judged(looks: list[Look], bound: float, *, rises: bool = True, rows: int | None = ROWS) -> object:
    goal = Goal(bound=bound, rises=rises)
    crossing = first_crossing(looks, goal)
    until = len(looks) if crossing is None else next(i for i, x in enumerate(looks) if x is crossing.seen) + 2
    return plateau(looks[:until], goal, crossing, rows)


def test_a_target_on_the_steep_part_is_no_lottery() -> None:
    assert judged(curve(0.95, 0.2), 0.80) is None
    assert judged(curve(0.95, 0.2, noise=0.004), 0.85) is None


def test_a_target_just_below_the_asymptote_is_one_and_a_lower_one_is_proposed() -> None:
    found = judged(curve(0.95, 0.2), 0.9495)
    assert found is not None
    assert found.share > 0.25
    assert 0.9095 <= found.proposal <= 0.9295
    assert judged(curve(0.95, 0.2), found.proposal) is None


def test_a_miss_within_the_noise_of_the_bound_is_one() -> None:
    flat = curve(0.90, 1.0, noise=0.003)
    assert judged(flat, 0.915) is not None
    assert judged(flat, 0.99) is None, "out of reach, and not by chance"
    assert judged(curve(0.95, 0.02), 0.93) is None, "still on its way"


def test_a_loss_is_judged_from_above() -> None:
    assert judged(curve(2.0, 0.2, noise=0.01, falls=True), 3.0, rises=False, rows=None) is None
    found = judged(curve(2.0, 0.2, noise=0.01, falls=True), 2.0, rises=False, rows=None)
    assert found is not None
    assert found.proposal > 2.0


def test_too_few_evaluations_say_nothing() -> None:
    assert judged(curve(0.95, 5.0, looks=2), 0.5) is None
    assert judged(curve(0.5, 0.2, looks=5), 0.9) is None


@pytest.mark.parametrize(
    ("value", "rows", "expected"), [(0.5, 100, 0.05), (0.9, 900, 0.01), (2.0, 100, 0.0), (0.5, None, 0.0)]
)
def test_the_binomial_error(value: float, rows: int | None, expected: float) -> None:
    assert standard_error(value, rows) == pytest.approx(expected)
