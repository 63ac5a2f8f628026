"""The bases of every value that passes between layers: frozen, closed, hashable."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

LARGEST_INTEGER = 2**63 - 1  # what every file format and library here can hold

V = TypeVar("V")


class Value(BaseModel):
    """A frozen value whose unknown keys are errors. Two equal values hash alike, mappings inside included."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=True)


class Observed(BaseModel):
    """A frozen value that was stored: keys that a later version added are ignored when it is read back."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null", populate_by_name=True)

    def document(self) -> dict[str, Any]:
        """The value as JSON-ready mappings and lists; a number that is no number is null."""
        document: dict[str, Any] = json.loads(self.model_dump_json(by_alias=True))
        return document


class FrozenMapping(Mapping[str, V]):
    """A mapping that never changes: it can be hashed, copied and pickled, which `MappingProxyType` cannot.

    Order is kept, and counts for nothing in a comparison.
    """

    __slots__ = ("_items",)
    _items: Mapping[str, V]

    def __init__(self, items: Mapping[str, V]) -> None:
        object.__setattr__(self, "_items", MappingProxyType(dict(items)))

    def __getitem__(self, key: str) -> V:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a {type(self).__name__} never changes")

    def __reduce__(self) -> tuple[type[FrozenMapping[V]], tuple[dict[str, V]]]:
        return type(self), (dict(self._items),)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self._items)!r})"
