from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from benchbench.tuning.model.encoding import Encoded
from benchbench.tuning.model.gaussian import Kernel, Posterior, Seen
from benchbench.tuning.model.priors import Curve

KERNEL = Kernel(axes=(0, 1), category=(False, True), effect=(0.09, 0.04), interplay=0.01)
NOISE = 0.05


@dataclass(frozen=True)
class Nothing:
    """A belief that says nothing: what is left is a plain Gaussian process."""

    size: int = 1
    diverges_from: float = 2.0

    def plausibility(self, draws: np.ndarray) -> np.ndarray:
        return np.zeros(len(draws))

    def curve(self, draws: np.ndarray, setups: Encoded) -> Curve:
        shape = (len(draws), len(setups))
        at = np.broadcast_to(setups.coordinates[:, 0], shape)
        return Curve(np.zeros(shape), at + 0 * draws[:, :1] > self.diverges_from)


@dataclass(frozen=True)
class Edge(Nothing):
    """Training fails beyond an edge that is not known."""

    def curve(self, draws: np.ndarray, setups: Encoded) -> Curve:
        shape = (len(draws), len(setups))
        return Curve(np.zeros(shape), setups.coordinates[None, :, 0] > 0.5 + 0.5 * draws[:, :1])


def places(*rows: tuple[float, float]) -> Encoded:
    coordinates = np.array(rows, dtype=np.float64).reshape(len(rows), 2)
    ones = np.ones(len(rows))
    return Encoded(coordinates=coordinates, batch=ones, micro=ones, rate=ones, optimizer=ones.astype(np.int64))


def seen(setups: Encoded, log, bound=None, diverged: Encoded | None = None) -> Seen:
    count = len(setups)
    flags = np.zeros(count, dtype=bool) if bound is None else np.array(bound)
    return Seen(
        setups, np.array(log, dtype=np.float64), flags, np.zeros(count), places() if diverged is None else diverged
    )


AT = places((0.0, 0), (0.4, 0), (0.4, 1), (1.0, 1))
LOG = [1.0, 1.3, 0.9, 1.1]
ASKED = places((0.2, 0), (0.2, 1), (0.9, 1), (0.4, 0))


def test_exact_measurements_give_the_closed_form() -> None:
    posterior = Posterior(Nothing(), KERNEL, (NOISE,), seen(AT, LOG), (0,))
    found = posterior.at(ASKED)
    closed = []
    for scale in (0.4, 1.0, 2.0):  # the scales that are chosen from
        among = KERNEL(AT, AT, scale) + NOISE**2 * np.eye(4)
        across = KERNEL(ASKED, AT, scale)
        mean = across @ np.linalg.solve(among, LOG)
        variance = KERNEL.variance(scale) - np.diag(across @ np.linalg.solve(among, across.T))
        closed.append((mean, variance))
    fits = [
        np.allclose(found.mean, mean, atol=1e-6) and np.allclose(found.variance, v, atol=1e-5) for mean, v in closed
    ]
    assert any(fits)


def test_covariances_are_those_of_the_residuals() -> None:
    posterior = Posterior(Nothing(), KERNEL, (NOISE,), seen(AT, LOG), (0,))
    together = posterior.together(ASKED, ASKED)
    assert together == pytest.approx(together.T)
    assert np.diag(together) == pytest.approx(posterior.at(ASKED).variance, abs=1e-5)
    assert np.linalg.eigvalsh(together).min() > -1e-6


@pytest.mark.parametrize("least", [1.5, 2.0])
def test_a_bound_pulls_the_expectation_up(least: float) -> None:
    without = Posterior(Nothing(), KERNEL, (NOISE,), seen(AT, LOG), (0,)).at(ASKED)
    bounded = seen(places(*AT.coordinates, (0.2, 0)), [*LOG, least], [False] * 4 + [True])
    found = Posterior(Nothing(), KERNEL, (NOISE,), bounded, (0,)).at(ASKED)
    assert found.mean[0] > without.mean[0] + 0.1
    assert found.mean[0] > least - 0.3


def test_a_bound_far_below_what_is_expected_tells_nothing() -> None:
    without = Posterior(Nothing(), KERNEL, (NOISE,), seen(AT, LOG), (0,)).at(ASKED)
    bounded = seen(places(*AT.coordinates, (0.2, 0)), [*LOG, -3.0], [False] * 4 + [True])
    found = Posterior(Nothing(), KERNEL, (NOISE,), bounded, (0,)).at(ASKED)
    assert found.mean == pytest.approx(without.mean, abs=0.02)


def test_predictions_tighten_as_readings_come_in() -> None:
    random = np.random.default_rng(0)
    spreads = []
    for count in (1, 3, 9, 27):
        at = places(*((x, 0) for x in random.random(count)))
        found = Posterior(Nothing(), KERNEL, (NOISE,), seen(at, np.ones(count)), (0,)).at(places((0.5, 0)))
        spreads.append(float(found.spread[0]))
    assert spreads[0] > spreads[-1]
    assert spreads[-1] < 0.1


def test_a_divergence_marks_what_lies_beyond_it() -> None:
    plain = Posterior(Edge(), KERNEL, (NOISE,), seen(AT.take([0]), [1.0]), (0,)).at(ASKED).works.mean(axis=0)
    failed = seen(AT.take([0]), [1.0], diverged=places((0.5, 0)))
    told = Posterior(Edge(), KERNEL, (NOISE,), failed, (0,)).at(ASKED).works.mean(axis=0)
    assert told[2] < 0.2 < plain[2], "at 0.9, beyond the 0.5 that failed"
    assert told[0] > told[2]


def test_repeated_measurements_of_one_setup_are_no_trouble() -> None:
    at = places(*[(0.5, 1)] * 40)
    found = Posterior(Nothing(), KERNEL, (0.01, NOISE), seen(at, [1.0] * 40), (0,)).at(at.take([0]))
    assert found.mean[0] == pytest.approx(1.0, abs=0.01)
    assert found.spread[0] < 0.03


@pytest.mark.parametrize("seed", range(12))
def test_whatever_is_measured_predictions_are_numbers(seed: int) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 30))
    at = places(*((float(random.random()), float(random.integers(0, 2))) for _ in range(count)))
    bound = random.random(count) < random.random()
    bound[0] = False
    log = random.normal(0, 10 ** random.uniform(-3, 1.5), count)
    failed = places(*((float(random.random()), 0.0) for _ in range(int(random.integers(0, 4)))))
    found = Posterior(Edge(), KERNEL, (0.01, 0.1), seen(at, log, bound, failed), (seed,)).at(ASKED)
    assert np.isfinite(found.log).all()
    assert (found.variance > 0).all()
    assert ((found.works > 0) & (found.works < 1)).all()


@pytest.mark.parametrize("noises", [(0.06, 0.12, 0.25), (0.01, 0.02, 0.04)])
def test_a_single_measurement_leaves_the_noise_at_what_is_usual(noises: tuple[float, ...]) -> None:
    one = places((0.4, 0))
    assert Posterior(Nothing(), KERNEL, noises, seen(one, [1.0]), (0,)).noise == noises[1]


def test_repeats_that_agree_or_spread_settle_the_noise() -> None:
    same = places(*[(0.4, 0)] * 12)
    spread = 0.3 * np.array([-1, 1] * 6)
    assert Posterior(Nothing(), KERNEL, (0.06, 0.12, 0.25), seen(same, 1.0 + spread), (0,)).noise == 0.25
    assert Posterior(Nothing(), KERNEL, (0.06, 0.12, 0.25), seen(same, 1.0 + spread / 10), (0,)).noise == 0.06
