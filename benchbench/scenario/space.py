"""Dotted keys: where they lead in the types, and one override of a scenario's data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from benchbench.errors import ScenarioError, nearest
from benchbench.scenario.knobs import section_of

_NOT_SETTINGS = ("schema", "name", "question", "search", "trainer", "target", "measure")


def leaf_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Every dotted key that names a single setting below a type, and the sections too."""
    keys: list[str] = []
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        keys.append(key)
        section = section_of(field)
        if section is not None:
            keys.extend(leaf_keys(section, key + "."))
    return keys


def split_key(key: str) -> tuple[str, ...]:
    """The parts of a dotted key; what follows `search.space.` or `search.baseline.` is one part, dots and all."""
    for head in ("search.space.", "search.baseline."):
        if key.startswith(head) and len(key) > len(head):
            return (*head.rstrip(".").split("."), key[len(head) :])
    return tuple(key.split("."))


def put(data: dict[str, Any], key: str, value: object, known: list[str]) -> dict[str, Any]:
    """A copy of a scenario's data with one setting replaced; `data` itself is left as it was.

    Args:
        data: a scenario as plain data.
        key: a dotted key.
        value: plain data.
        known: every legal key, for the message about an unknown one.

    Raises:
        ScenarioError: no such key.
    """
    parts = split_key(key)
    name = ".".join(parts[:2]) if parts[0] == "search" else key
    if name not in known:
        raise ScenarioError(f"unknown key: {nearest(key, known)}", key=key)
    copy = dict(data)
    level = copy
    for part in parts[:-1]:
        inner = level.get(part)
        level[part] = dict(inner) if isinstance(inner, Mapping) else {}
        level = level[part]
    level[parts[-1]] = value
    return copy


def searchable(key: str) -> bool:
    """Whether a key is a setting that a search may change (not a name, a target, or how it is measured)."""
    return key.split(".")[0] not in _NOT_SETTINGS
