from __future__ import annotations

import math

import numpy as np
import pytest

from benchbench.tuning.model import choosing
from benchbench.tuning.model.choosing import WORTH, Choice, Costs, choose
from benchbench.tuning.model.readings import Failing, Reading
from tests.tuning.model.places import ENCODING, fitted, probed, setup, trained

BEST = math.log(10.0)


def costs(**changes) -> Costs:
    plain = {"startup_s": 2.0, "probe_s": 3.0, "left_s": 1e4, "repeats": 3, "finalist_s": None}
    return Costs(**{**plain, **changes})


def chosen(
    readings: list[Reading], pool: list, *, known=(), allowed=None, best=BEST, legal=lambda _: True, trains=True, **of
) -> Choice | None:
    encoded = ENCODING.encode(pool)
    probed_of = np.array([setup in known for setup in pool])
    may = np.ones(len(pool), dtype=bool) if allowed is None else np.array(allowed)
    return choose(fitted(*readings, trains=trains), encoded, best, costs(**of), probed_of, may, legal)


BF16 = setup(precision="bf16")
KNOWN = [trained(setup()), trained(setup()), probed(BF16, 0.05)]


def test_what_is_expected_to_be_faster_is_trained_under_a_deadline() -> None:
    found = chosen(KNOWN, [setup(), BF16], known=[setup(), BF16])
    assert found is not None
    assert found.setup == 1
    assert found.deadline_s is not None
    assert found.deadline_s <= 1.7 * 10.0
    assert found.gain > WORTH


@pytest.mark.parametrize("cheaper", [0, 1])
def test_of_two_that_gain_the_same_the_cheaper_is_chosen(monkeypatch: pytest.MonkeyPatch, cheaper: int) -> None:
    seconds = np.full((6, 2), 30.0)
    seconds[:, cheaper] = 10.0
    monkeypatch.setattr(choosing, "_worth", lambda *_: (np.full((6, 2), 0.1), seconds))
    found = chosen(KNOWN, [setup(), BF16], known=[setup(), BF16])
    assert found is not None
    assert (found.setup, found.gain, found.cost_s) == (cheaper, 0.1, 10.0)


def test_what_is_likely_to_fail_is_passed_over() -> None:
    diverged = [trained(setup(rate=1e-2), failing=Failing.DIVERGED) for _ in range(2)]
    pool = [setup(rate=3e-2, precision="bf16"), BF16]
    found = chosen([*KNOWN, *diverged], pool, known=pool)
    assert found is not None
    assert found.setup == 1


def test_the_price_is_what_a_request_costs_and_not_what_it_gains_alone() -> None:
    dear, cheap = (chosen(KNOWN, [BF16], known=[BF16], startup_s=s) for s in (200.0, 2.0))
    assert dear is not None
    assert cheap is not None
    assert dear.cost_s > 200 > cheap.cost_s
    assert dear.gain >= cheap.gain, "dear ones are given time enough to tell"


@pytest.mark.parametrize("left_s", [5.0, 20.0, 40.0, 60.0, 100.0])
def test_a_deadline_and_the_confirmation_after_it_lie_within_what_is_left(left_s: float) -> None:
    found = chosen(KNOWN, [setup(), BF16], known=[setup(), BF16], left_s=left_s, finalist_s=7.0)
    assert (found is None) == (left_s < 2 + 5 + 3 * 7)
    if found is not None:
        assert found.deadline_s is not None
        assert 2.0 + min(found.deadline_s, 400.0) + 3 * 7.0 <= left_s + 1e-6 or left_s >= 60


def test_there_is_no_request_when_nothing_is_left() -> None:
    assert chosen(KNOWN, [setup(), BF16], left_s=0.0) is None
    assert chosen(KNOWN, [setup(), BF16], left_s=-50.0) is None
    assert chosen(KNOWN, [setup(), BF16], allowed=[False, False]) is None
    assert chosen(KNOWN, [setup()], trains=False, left_s=2.0) is None


def test_a_dear_training_of_an_unknown_step_time_is_preceded_by_a_probe() -> None:
    other = setup(batch=64, precision="bf16")
    found = chosen([trained(setup())], [other], probe_s=3.0)
    assert found is not None
    assert found.deadline_s is None
    again = chosen([trained(setup()), probed(other, 0.1)], [other], known=[other])
    assert again is None or again.deadline_s is not None


def test_a_probe_as_dear_as_the_training_is_not_made() -> None:
    found = chosen([trained(setup())], [setup(batch=64, precision="bf16")], probe_s=500.0)
    assert found is not None
    assert found.deadline_s is not None


def test_where_all_is_known_to_be_slower_the_gain_is_below_what_is_worth_it() -> None:
    slow = [trained(setup(precision="bf16"), step_s=1.0, steps=100.0, training_s=100.0) for _ in range(4)]
    found = chosen([trained(setup()), *slow], [BF16], known=[BF16], best=math.log(10.0))
    assert found is None or found.gain < WORTH


def test_what_is_not_legal_is_passed_over_and_few_are_asked() -> None:
    pool = [BF16, setup(batch=64, precision="bf16"), setup(batch=16, precision="bf16")]
    asked: list[int] = []

    def legal(index: int) -> bool:
        asked.append(index)
        return index != first.setup

    first = chosen(KNOWN, pool)
    assert first is not None
    second = chosen(KNOWN, pool, legal=legal)
    assert second is not None
    assert second.setup != first.setup
    assert asked[0] == first.setup
    assert asked[-1] == second.setup
    assert chosen(KNOWN, pool, legal=lambda _: False) is None


def test_without_a_target_the_most_promising_is_probed() -> None:
    readings = [trained(setup(batch=b), step_s=s) for b, s in ((16, 0.1), (32, 0.1))]
    pool = [setup(batch=16), setup(batch=64)]
    found = chosen(readings, pool, trains=False, best=math.log(0.1 / 32))
    assert found is not None
    assert (found.setup, found.deadline_s, found.cost_s) == (1, None, 3.0)
