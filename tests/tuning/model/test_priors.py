from __future__ import annotations

import numpy as np
import pytest

from benchbench.tuning.model.encoding import Encoding
from benchbench.tuning.model.priors import StepsToTarget, StepTime
from benchbench.tuning.space import Listed, SearchSpace
from tests.tuning.model.places import ENCODING, scenario, setup

RATES = [10.0**power for power in np.linspace(-5, -1, 41)]
BY_RATE = ENCODING.encode([setup(rate=rate) for rate in RATES])
BY_BATCH = ENCODING.encode([setup(batch=batch) for batch in (16, 32, 64)])


@pytest.fixture
def steps() -> StepsToTarget:
    pool = ENCODING.encode([setup(batch=b, rate=r) for b in (16, 32, 64) for r in RATES])
    return StepsToTarget.of(ENCODING, pool, ENCODING.encode([setup()]))


def draws(count: int, size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, size))


def test_a_larger_batch_never_takes_more_steps_nor_saves_more_than_in_proportion(steps: StepsToTarget) -> None:
    hypotheses = draws(300, steps.size)
    hypotheses[:, -1:] = 0
    flat = StepsToTarget(steps.optimizers, steps.batches, (1e-3, 1e-3), steps.batch, steps.baseline)
    log = flat.curve(hypotheses, BY_BATCH).log
    saved = -np.diff(log, axis=1)
    assert (saved > 0).all()
    assert (saved < np.log(2) + 1e-9).all()


def test_over_the_learning_rate_there_is_one_best_and_both_sides_are_worse(steps: StepsToTarget) -> None:
    curve = steps.curve(draws(300, steps.size), BY_RATE)
    turns = np.diff(np.sign(np.diff(curve.log, axis=1)), axis=1)
    assert ((turns > 0).sum(axis=1) <= 1).all()
    assert np.isfinite(curve.log).all()


def test_what_diverges_does_so_at_every_higher_rate(steps: StepsToTarget) -> None:
    diverges = steps.curve(draws(300, steps.size), BY_RATE).diverges
    assert (np.diff(diverges.astype(int), axis=1) >= 0).all()
    assert 0.02 < diverges[:, -1].mean() < 1


def test_the_best_rate_grows_with_the_batch(steps: StepsToTarget) -> None:
    hypotheses = draws(200, steps.size)
    small, large = (ENCODING.encode([setup(batch=b, rate=r) for r in RATES]) for b in (16, 64))
    best = [steps.curve(hypotheses, at).log.argmin(axis=1) for at in (small, large)]
    inside = (best[0] > 0) & (best[1] < len(RATES) - 1)
    assert (best[1] - best[0])[inside].mean() > 1


def test_todays_rate_was_chosen_with_some_care(steps: StepsToTarget) -> None:
    hypotheses = draws(2_000, steps.size)
    bowl = steps.curve(hypotheses, ENCODING.encode([setup()])).log - steps.curve(hypotheses, BY_RATE).log.min(
        axis=1, keepdims=True
    )
    plausible = steps.plausibility(hypotheses)
    assert (plausible <= 0).all()
    assert np.corrcoef(plausible, bowl[:, 0])[0, 1] < -0.9


def test_one_rate_has_no_bowl() -> None:
    encoding = Encoding(scenario(), SearchSpace({"training.global_batch": Listed((16, 64))}))
    pool = encoding.encode([{"training.global_batch": 16}, {"training.global_batch": 64}])
    belief = StepsToTarget.of(encoding, pool, pool.take([0]))
    curve = belief.curve(draws(50, belief.size), pool)
    assert not curve.diverges.any()
    assert (belief.plausibility(draws(50, belief.size)) == 0).all()


def test_every_optimizer_has_its_own_best_rate() -> None:
    name, rate = "training.optimizer.name", "training.optimizer.learning_rate"
    encoding = Encoding(scenario(), SearchSpace({name: Listed(("adamw", "sgd")), rate: Listed(tuple(RATES))}))
    found = []
    for optimizer in ("adamw", "sgd"):
        setups = encoding.encode([{name: optimizer, rate: r} for r in RATES])
        belief = StepsToTarget.of(encoding, setups, setups.take([20]))
        assert belief.size == 10
        found.append(belief.curve(draws(400, belief.size), setups).log.argmin(axis=1))
    assert (found[1] - found[0]).mean() > 4, "plain gradients want larger ones"


def test_a_step_takes_longer_with_more_sequences_and_less_than_in_proportion() -> None:
    belief = StepTime()
    log = belief.curve(draws(300, belief.size), BY_BATCH).log
    grown = np.diff(log, axis=1)
    assert (grown > 0).all()
    assert (grown < np.log(2)).all()


def test_accumulating_repeats_the_pass() -> None:
    space = SearchSpace({"training.micro_batch": Listed((8, 16, 32))})
    encoding = Encoding(scenario(training={"global_batch": 32}), space)
    setups = encoding.encode([{"training.micro_batch": m} for m in (8, 16, 32)])
    log = StepTime().curve(draws(300, 2), setups).log
    assert (np.diff(log, axis=1) < 0).all(), "many small passes are slower than one"
