from __future__ import annotations

import math

import numpy as np
import pytest

from benchbench.tuning.model.encoding import Encoding
from benchbench.tuning.model.readings import Failing
from benchbench.tuning.space import Listed, SearchSpace
from tests.tuning.model.places import ENCODING, fitted, probed, scenario, setup, trained

RATES = ENCODING.encode([setup(rate=10.0**power) for power in (-5, -3, -1)])


def test_what_was_measured_is_expected() -> None:
    model = fitted(*(trained(setup()) for _ in range(4)))
    (mean,), (spread,) = (getattr(model.expected(ENCODING.encode([setup()])), name) for name in ("mean", "spread"))
    assert math.exp(mean) == pytest.approx(10.0, rel=0.1)
    assert spread < 0.2


def test_the_time_is_the_product_of_the_factors() -> None:
    """Batch 64 is known by its step, and the steps it takes by the other precision."""
    model = fitted(
        trained(setup()),
        trained(setup(batch=64, precision="bf16"), steps=60.0, training_s=6.0),
        probed(setup(batch=64), 0.3),
    )
    (mean,) = model.expected(ENCODING.encode([setup(batch=64)])).mean
    assert math.exp(mean) == pytest.approx(0.3 * 60, rel=0.3)


def test_a_probe_takes_the_steps_part_of_the_doubt_away() -> None:
    other = ENCODING.encode([setup(batch=64, precision="bf16")])
    before = fitted(trained(setup())).expected(other)
    after = fitted(trained(setup()), probed(setup(batch=64, precision="bf16"), 0.2)).expected(other)
    assert after.step_spread[0] < 0.05 < before.step_spread[0]
    assert after.spread[0] < before.spread[0]


def test_a_training_that_was_cut_takes_longer_than_it_did() -> None:
    here = ENCODING.encode([setup(rate=1e-2)])
    before = fitted(trained(setup())).expected(here).mean[0]
    cut = trained(setup(rate=1e-2), more_steps_than=300.0, training_s=30.0)
    after = fitted(trained(setup()), cut).expected(here).mean[0]
    assert after > before
    assert after > math.log(25.0)


def test_a_divergence_marks_higher_learning_rates() -> None:
    diverged = trained(setup(rate=1e-2), failing=Failing.DIVERGED)
    before = fitted(trained(setup())).expected(RATES).works.mean(axis=0)
    after = fitted(trained(setup()), diverged).expected(RATES).works.mean(axis=0)
    assert after[2] < 0.2 < before[2], "at ten times the rate that diverged"
    assert after[1] > 0.9, "at the one that reached"


def test_nothing_reaches_beyond_all_the_steps_that_a_training_may_take() -> None:
    gave_up = trained(setup(rate=1e-5), more_steps_than=400.0, gave_up=True, training_s=40.0)
    found = fitted(trained(setup()), gave_up).expected(ENCODING.encode([setup()]))
    assert math.exp(found.longest[0]) == pytest.approx(40.0, rel=0.1)
    cut = trained(setup(rate=1e-5), more_steps_than=400.0, training_s=40.0)
    assert fitted(trained(setup()), cut).expected(ENCODING.encode([setup()])).longest[0] == math.inf


def test_where_nothing_reached_yet_more_is_expected_than_was_trained() -> None:
    missed = trained(setup(), more_steps_than=200.0, gave_up=True, training_s=20.0)
    (mean,) = fitted(missed).expected(ENCODING.encode([setup()])).mean
    assert math.exp(mean) > 20.0


def test_without_a_target_seconds_a_sample_are_expected() -> None:
    readings = [trained(setup(batch=b), step_s=s) for b, s in ((16, 0.1), (64, 0.2))]
    found = fitted(*readings, trains=False).expected(ENCODING.encode([setup(batch=16), setup(batch=64)]))
    assert np.exp(found.mean) == pytest.approx([0.1 / 16, 0.2 / 64], rel=0.1)
    assert (found.longest == math.inf).all()


def test_compiling_is_expected_to_take_a_while_before_it_was_seen() -> None:
    space = SearchSpace({"training.compile": Listed(("none", "default"))})
    encoding = Encoding(scenario(), space)
    told = trained({"training.compile": "none"}, steps=100.0, training_s=10.5, warmup_s=0.5)
    both = encoding.encode([{"training.compile": value} for value in ("none", "default")])
    warmup = np.exp(fitted(told, encoding=encoding).warmup.at(both).mean)
    assert warmup[0] == pytest.approx(0.5, rel=0.2)
    assert warmup[1] > 5.0


def test_the_same_seed_expects_the_same() -> None:
    readings = [trained(setup()), probed(setup(batch=64), 0.2)]
    one, two, other = (fitted(*readings, seed=seed).expected(RATES).log for seed in (0, 0, 1))
    assert (one == two).all()
    assert (one != other).any()
