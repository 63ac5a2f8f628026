"""A nested state survives the way through JSON and tensors, types included."""

import json
import math

import pytest
import torch

from benchbench.training.state_tree import flattened, restored

STATE = {
    "state": {0: {"step": torch.tensor(3.0), "mean": torch.arange(6.0).view(2, 3)}, 7: {}},
    "groups": [{"betas": (0.9, 0.999), "lr": 1e-3, "fused": True, "name": "a", "none": None, "params": [0, 7]}],
    "odd": (math.inf, [1, (2, 3)], {}),
}


def test_what_goes_in_comes_out() -> None:
    flat, tensors = flattened(STATE)
    found = restored(json.loads(json.dumps(flat, allow_nan=False)), tensors)
    assert sorted(tensors) == ["state.state.0.mean", "state.state.0.step"]
    assert torch.equal(found["state"][0]["mean"], STATE["state"][0]["mean"])  # type: ignore[index]
    assert found["state"][7] == {}
    assert found["groups"] == STATE["groups"]
    assert isinstance(found["groups"][0]["betas"], tuple)
    assert found["odd"] == STATE["odd"]


def test_a_number_that_is_none_stays_so() -> None:
    flat, tensors = flattened({"loss": math.nan})
    assert math.isnan(restored(json.loads(json.dumps(flat, allow_nan=False)), tensors)["loss"])


def test_what_it_cannot_hold_is_named() -> None:
    with pytest.raises(TypeError, match=r"state\.a\.0 is a set"):
        flattened({"a": [{1}]})
