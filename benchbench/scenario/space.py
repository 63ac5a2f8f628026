"""Dotted keys: where they lead in the types, and one override of a scenario's data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from benchbench.errors import ScenarioError, closest, look_alike, nearest
from benchbench.scenario.knobs import section_of

_MAPPINGS = ("search.space.", "search.baseline.", "search.proxy.", "search.constraints.metric.")


def leaf_keys(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Every dotted key that names a single setting below a type, and the sections too."""
    return [key for key, _ in fields_of(model, prefix)]


def fields_of(model: type[BaseModel], prefix: str = "") -> list[tuple[str, FieldInfo]]:
    """Every field below a type, sections and settings, with its dotted key, in the order of the file."""
    fields: list[tuple[str, FieldInfo]] = []
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        fields.append((key, field))
        section = section_of(field)
        if section is not None:
            fields.extend(fields_of(section, key + "."))
    return fields


def split_key(key: str) -> tuple[str, ...]:
    """The parts of a dotted key; what follows `search.space.` and its like is one part, dots and all."""
    for head in _MAPPINGS:
        if key.startswith(head) and len(key) > len(head):
            return (*head.rstrip(".").split("."), key[len(head) :])
    return tuple(key.split("."))


def put(data: dict[str, Any], key: str, value: object, known: Iterable[str]) -> dict[str, Any]:
    """A copy of a scenario's data with one setting replaced; `data` itself is left as it was.

    Args:
        data: a scenario as plain data.
        key: a dotted key.
        value: plain data.
        known: every legal key, for the message about an unknown one.

    Raises:
        ScenarioError: no such key.
    """
    check_key(key, known)
    parts = split_key(key)
    copy = dict(data)
    level = copy
    for part in parts[:-1]:
        inner = level.get(part)
        level[part] = dict(inner) if isinstance(inner, Mapping) else {}
        level = level[part]
    level[parts[-1]] = value
    return copy


def check_key(key: str, known: Iterable[str]) -> None:
    """Refuses a dotted key that is not known.

    Raises:
        ScenarioError: no such key; it names the nearest, or those of the section that it would stand in.
    """
    keys = set(known)
    if key in keys or (".".join(split_key(key)[:-1]) + ".") in _MAPPINGS:
        return
    parts = key.split(".")
    depth = 0
    while ".".join(parts[: depth + 1]) in keys:
        depth += 1
    parent = ".".join(parts[:depth])
    children = (k.removeprefix(parent + ".") for k in keys if not parent or k.startswith(parent + "."))
    siblings = {child for child in children if "." not in child}
    raise ScenarioError(unknown_key(parent, parts[depth], siblings, keys), key=key)


def unknown_key(parent: str, name: str, siblings: Iterable[str], known: Iterable[str]) -> str:
    """The message about a key that its section does not have.

    Args:
        parent: the section's dotted key; empty at the top.
        name: what the user wrote.
        siblings: the keys that the section has.
        known: every dotted key, for a setting that belongs elsewhere.
    """
    names = list(siblings)
    if not names:
        return f"unknown key: {parent} holds a value, not keys"
    close = closest(name, names)
    if close is not None:
        close = f"{parent}.{close}" if parent else close
    else:
        elsewhere = {key.rpartition(".")[2]: key for key in sorted(known, reverse=True)}
        leaf = closest(name.rpartition(".")[2], elsewhere, cutoff=0.8)
        close = None if leaf is None else elsewhere[leaf]
    return f"unknown key: {nearest(name, names) if close is None else f'did you mean {close!r}?{look_alike(name)}'}"
