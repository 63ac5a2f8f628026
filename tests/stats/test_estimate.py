"""An estimate's JSON and its two changes of unit."""

import json

import pytest

from benchbench.stats.estimate import Estimate

STEP = Estimate(value=0.2, low=0.1, high=0.4, confidence=0.9, n=5, unit="s")
OPEN = STEP.model_copy(update={"high": None})


def test_the_json_is_exactly_the_contracts() -> None:
    assert json.loads(STEP.model_dump_json()) == STEP.document() == {
        "value": 0.2, "low": 0.1, "high": 0.4, "confidence": 0.9, "n": 5, "unit": "s",
    }  # fmt: skip
    assert list(STEP.document()) == ["value", "low", "high", "confidence", "n", "unit"]
    assert json.loads(OPEN.model_dump_json())["high"] is None
    assert Estimate.model_validate_json(STEP.model_dump_json()) == STEP


def test_scaling() -> None:
    found = STEP.scaled(1000, "ms")
    assert (found.value, found.low, found.high) == pytest.approx((200, 100, 400))
    assert (found.unit, found.n, found.confidence) == ("ms", 5, 0.9)
    assert OPEN.scaled(2, "s").high is None


def test_the_inverse_turns_the_bounds_around() -> None:
    found = STEP.inverse(32, "samples/s")
    assert (found.value, found.low, found.high) == pytest.approx((160, 80, 320))
    assert found.unit == "samples/s"


def test_an_open_bound_stays_open_on_the_other_side() -> None:
    assert (OPEN.inverse(1, "1/s").low, OPEN.inverse(1, "1/s").high) == (None, pytest.approx(10))
    from_zero = STEP.model_copy(update={"low": 0.0}).inverse(1, "1/s")
    assert (from_zero.low, from_zero.high) == (pytest.approx(2.5), None)


def test_an_estimate_never_changes() -> None:
    with pytest.raises(ValueError, match="frozen"):
        STEP.value = 1.0
