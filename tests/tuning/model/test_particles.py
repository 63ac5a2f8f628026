from __future__ import annotations

import numpy as np
import pytest

from benchbench.tuning.model.particles import settled

COUNT = 4_000


@pytest.mark.parametrize(("seen", "noise"), [(1.5, 0.5), (3.0, 0.1), (-0.2, 2.0)])
def test_a_normal_belief_and_a_normal_measurement_give_the_known_posterior(seen: float, noise: float) -> None:
    """Prior N(0, 1), a measurement of it: mean seen / (1 + noise^2), variance noise^2 / (1 + noise^2)."""

    def score(draws: np.ndarray) -> np.ndarray:
        return -(((draws[:, 0] - seen) / noise) ** 2) / 2

    draws = settled(score, 2, COUNT, np.random.default_rng(0))
    share = 1 / (1 + noise**2)
    deviation = noise * share**0.5
    assert draws[:, 0].mean() == pytest.approx(seen * share, abs=0.12 * deviation)
    assert draws[:, 0].std() == pytest.approx(deviation, rel=0.12)
    assert draws[:, 1].mean() == pytest.approx(0, abs=0.2), "what was not measured is as before"
    assert draws[:, 1].std() == pytest.approx(1, rel=0.15)


def test_nothing_measured_leaves_the_prior_as_it_is() -> None:
    draws = settled(lambda draws: np.zeros(len(draws)), 1, COUNT, np.random.default_rng(1))
    assert draws.mean() == pytest.approx(0, abs=0.06)
    assert draws.std() == pytest.approx(1, rel=0.06)


def test_a_far_and_sharp_likelihood_is_found() -> None:
    def score(draws: np.ndarray) -> np.ndarray:
        return -(((draws - [2.5, -2.5]) / 0.02) ** 2).sum(axis=1) / 2

    draws = settled(score, 2, 600, np.random.default_rng(2))
    assert draws.mean(axis=0) == pytest.approx([2.5, -2.5], abs=0.03)


def test_the_same_seed_gives_the_same_draws() -> None:
    def score(draws: np.ndarray) -> np.ndarray:
        return -np.abs(draws[:, 0] - 1)

    one, two, other = (settled(score, 1, 200, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert (one == two).all()
    assert (one != other).any()
