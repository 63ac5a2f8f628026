"""Dotted keys, and one override of plain data."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbench.errors import ScenarioError
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.space import check_key, fields_of, leaf_keys, put, split_key, unknown_key

KEYS = leaf_keys(Scenario)


def test_keys_come_in_the_order_of_the_file_sections_first() -> None:
    assert KEYS[:4] == ["schema", "name", "question", "model"]
    assert KEYS.index("training") < KEYS.index("training.optimizer") < KEYS.index("training.optimizer.name")
    assert len(KEYS) == len(set(KEYS))
    assert [key for key, _ in fields_of(Scenario)] == KEYS


@pytest.mark.parametrize(
    ("key", "parts"),
    [
        ("precision", ("precision",)), ("training.optimizer.name", ("training", "optimizer", "name")),
        ("search", ("search",)), ("search.space", ("search", "space")), ("search.space.", ("search", "space", "")),
        ("search.space.a.b", ("search", "space", "a.b")), ("search.baseline.a.b.c", ("search", "baseline", "a.b.c")),
        ("search.other.a", ("search", "other", "a")), ("", ("",)), (".", ("", "")),
    ],
)  # fmt: skip
def test_split(key: str, parts: tuple[str, ...]) -> None:
    assert split_key(key) == parts


@pytest.mark.parametrize(
    ("data", "key", "value", "after"),
    [
        ({}, "precision", "bf16", {"precision": "bf16"}),
        ({"precision": "fp32"}, "precision", None, {"precision": None}),
        ({}, "training.optimizer.name", "sgd", {"training": {"optimizer": {"name": "sgd"}}}),
        ({"data": {"workers": 1}}, "data.split.train", "a", {"data": {"workers": 1, "split": {"train": "a"}}}),
        ({"training": None}, "training.seed", 1, {"training": {"seed": 1}}),
        ({"training": {"adapter": "none"}}, "training.adapter.rank", 4, {"training": {"adapter": {"rank": 4}}}),
        ({}, "search.space.training.seed", (1,), {"search": {"space": {"training.seed": (1,)}}}),
        ({}, "search.baseline.precision", "bf16", {"search": {"baseline": {"precision": "bf16"}}}),
    ],
)  # fmt: skip
def test_put(data: dict[str, Any], key: str, value: object, after: dict[str, Any]) -> None:
    before = copy.deepcopy(data)
    assert put(data, key, value, KEYS) == after
    assert data == before


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("precison", "did you mean 'precision'?"),
        ("training.optimiser.name", "did you mean 'training.optimizer'?"),
        ("training.optimizer.learningrate", "did you mean 'training.optimizer.learning_rate'?"),
        ("lerning_rate", "did you mean 'training.optimizer.learning_rate'?"),
        ("training.zzz", "known: activation_checkpointing"),
        ("zzz.zzz", "known: data"),
        ("zzz", "known: data"),
        ("", "unknown key"),
        (".", "unknown key"),
        ("training.", "unknown key"),
        ("precision.x", "precision holds a value, not keys"),
        ("training.seed.x.y", "training.seed holds a value, not keys"),
        ("search.zzz", "known: baseline, constraints, method, proxy, reuse, space"),
        ("x" * 100_000, "unknown key"),
        ("a." * 50_000, "unknown key"),
    ],
)
def test_an_unknown_key_is_refused(key: str, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        put({}, key, 1, KEYS)
    assert caught.value.key == key
    assert words in caught.value.message
    assert len(caught.value.message) < 400


@given(st.text() | st.sampled_from(KEYS), st.none() | st.integers() | st.text())
def test_any_key_is_put_or_refused(key: str, value: object) -> None:
    try:
        data: Any = put({}, key, value, KEYS)
    except ScenarioError:
        return
    for part in split_key(key):
        data = data[part]
    assert data == value


def test_every_key_is_known() -> None:
    for key in (*KEYS, "search.space.x", "search.baseline.x.y"):
        check_key(key, KEYS)


def test_a_far_fetched_name_is_not_proposed() -> None:
    assert "did you mean" not in unknown_key("training", "batch_size", ["seed"], KEYS)
