"""The bases of frozen values."""

from __future__ import annotations

import copy
import pickle

import pytest
from pydantic import ValidationError

from benchbench.values import FrozenMapping, Observed, Value


class Inner(Value):
    number: float


class Outer(Value):
    inner: Inner
    names: tuple[str, ...] = ()


class Seen(Observed):
    number: float


def test_a_value_is_frozen_closed_and_strict() -> None:
    value = Outer(inner=Inner(number=1.0))
    with pytest.raises(ValidationError, match="frozen"):
        value.names = ("a",)  # type: ignore[misc]
    for wrong in ({"number": 1.0, "other": 2}, {"number": "1"}, {"number": True}, {"number": float("nan")}):
        with pytest.raises(ValidationError):
            Inner.model_validate(wrong)


def test_equal_values_hash_alike() -> None:
    one, other = (Outer(inner=Inner(number=n), names=("a",)) for n in (0.0, -0.0))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Outer(inner=Inner(number=1.0), names=("a",))


def test_an_observed_value_ignores_what_a_later_version_added() -> None:
    assert Seen.model_validate({"number": 1, "new": 2}) == Seen(number=1.0)
    assert Seen(number=float("inf")).document() == {"number": None}


def test_a_frozen_mapping_reads_like_one() -> None:
    mapping = FrozenMapping({"b": 1, "a": 2})
    assert dict(mapping) == {"b": 1, "a": 2}
    assert list(mapping) == ["b", "a"]
    assert mapping["a"] == 2
    assert "c" not in mapping
    assert mapping == {"a": 2, "b": 1}
    assert hash(mapping) == hash(FrozenMapping({"a": 2, "b": 1}))
    assert repr(mapping) == "FrozenMapping({'b': 1, 'a': 2})"


def test_a_frozen_mapping_never_changes() -> None:
    source = {"a": 1}
    mapping = FrozenMapping(source)
    source["a"] = 2
    assert mapping["a"] == 1
    with pytest.raises(TypeError):
        mapping["a"] = 3  # type: ignore[index]
    with pytest.raises(TypeError):
        mapping._items["a"] = 3  # type: ignore[index]
    with pytest.raises(AttributeError, match="never changes"):
        mapping._items = {}


def test_a_frozen_mapping_is_copied_and_pickled() -> None:
    mapping = FrozenMapping({"a": (1, 2)})
    for same in (copy.copy(mapping), copy.deepcopy(mapping), pickle.loads(pickle.dumps(mapping))):
        assert same == mapping
        assert isinstance(same, FrozenMapping)
