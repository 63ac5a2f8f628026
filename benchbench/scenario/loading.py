"""A scenario file and its overrides -> a Scenario, or one message that says what is wrong, where, and what to do."""

from __future__ import annotations

import itertools
import math
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from benchbench.errors import ScenarioError, closest
from benchbench.scenario.expected import explain
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.space import leaf_keys, put, split_key
from benchbench.scenario.text import Document, dotted, parse, shown
from benchbench.scenario.writing import to_yaml

__all__ = ["KEYS", "line_of", "load", "parse_override", "read", "to_yaml", "validate", "vary", "with_overrides"]

SIZE_LIMIT_BYTES = 256 * 1024
VARIANT_LIMIT = 1_000
KEYS = tuple(leaf_keys(Scenario))
_SIBLINGS = 10
_EXAMPLE = "scenarios/bert_base.yaml"


def load(path: str | FilePath, overrides: Sequence[str] = ()) -> tuple[Scenario, ...]:
    """Reads a scenario file; a key that `overrides` names more than once makes one variant for every combination.

    The file must be a scenario by itself; overrides apply to what it says, in the order given.

    Args:
        path: the file.
        overrides: texts `a.b=value`, the value in YAML 1.2.

    Returns:
        One scenario, or one a variant, in the order written.

    Raises:
        ScenarioError: whatever is wrong, with file, line and key.
    """
    file = str(path)
    document = parse(read(path), file)
    _check_whole(document, file)
    alone = validate(document, file)
    _check_search(alone, document, file)
    grouped = _grouped(overrides, file)
    if not grouped:
        return (alone,)
    chosen = (dict(zip(grouped, values, strict=True)) for values in itertools.product(*grouped.values()))
    variants = tuple(with_overrides(document, variant, file) for variant in chosen)
    for variant in variants:
        _check_search(variant, Document(document.data), file, via="--set")
    return variants


def line_of(path: str | FilePath, key: str) -> int | None:
    """The line on which a file sets a key, for a message that is made after loading; None where it does not.

    Raises:
        ScenarioError: as `load`.
    """
    return parse(read(path), str(path)).lines.get(split_key(key))


def _grouped(overrides: Sequence[str], file: str) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = {}
    for text in overrides:
        try:
            key, value = parse_override(text)
        except ScenarioError as error:
            raise ScenarioError(error.message, file=file, key=error.key, via=error.via) from None
        grouped.setdefault(key, []).append(value)
    count = math.prod(len(values) for values in grouped.values())
    if count > VARIANT_LIMIT:
        raise ScenarioError(f"{count:,} variants; at most {VARIANT_LIMIT:,} are allowed", file=file, via="--set")
    return grouped


def read(path: str | FilePath) -> str:
    """The text of a scenario file.

    Raises:
        ScenarioError: missing, a folder or device, too large, or not text.
    """
    file = str(path)
    try:
        raw = _read_bytes(path)
    except FileNotFoundError:
        raise ScenarioError(f"there is no such file{_siblings(FilePath(path))}", file=file) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScenarioError(f"cannot be read: {reason}", file=file) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ScenarioError("not UTF-8 text; a scenario is a YAML file", file=file, line=line) from None
    if "\0" in text:
        raise ScenarioError("a binary file; a scenario is a YAML file", file=file)
    return text


def _siblings(path: FilePath) -> str:
    """The scenario beside a missing file whose name is nearest, else all of them; empty where there is none."""
    try:
        found = {p.stem: p.name for p in path.parent.glob("*.y*ml") if p.is_file()}
    except OSError:
        found = {}
    close = closest(path.stem, found)
    hint = (
        f"known: {', '.join(sorted(found.values())[:_SIBLINGS])}"
        if close is None
        else f"did you mean {found[close]!r}?"
    )
    return f": {hint}" if found else ""


def _read_bytes(path: str | FilePath) -> bytes:
    """Reads a regular file of a scenario's size, without waiting for a pipe or reading a device without end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise ScenarioError(f"{kind}; name a scenario file such as {_EXAMPLE}", file=str(path))
        with open(descriptor, "rb", closefd=False) as stream:
            raw = stream.read(SIZE_LIMIT_BYTES + 1) or b""  # None where a read would have to wait
    finally:
        os.close(descriptor)
    if len(raw) > SIZE_LIMIT_BYTES:
        raise ScenarioError(f"larger than {SIZE_LIMIT_BYTES // 1024} KiB; this is not a scenario", file=str(path))
    return raw


def _check_whole(document: Document, file: str) -> None:
    if document.data is None:
        raise ScenarioError("empty; a scenario needs at least name, model and task", file=file)
    if not isinstance(document.data, dict):
        raise ScenarioError(
            f"expected keys with values at the top, such as name: ..., not {shown(document.data)}",
            file=file,
            line=document.line_of(()),
        )


def parse_override(text: str) -> tuple[str, Any]:
    """`a.b=value` -> the key and the value as YAML 1.2 reads it.

    Raises:
        ScenarioError: no equals sign, no value, or a value that is not YAML.
    """
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ScenarioError(f"expected KEY=VALUE, such as precision=bf16, not {shown(text)}", via="--set")
    place = dotted((key,))
    try:
        document = parse(value)
    except ScenarioError as error:
        raise ScenarioError(error.message, key=place, via="--set") from None
    if not document.lines:
        raise ScenarioError("no value stands after the equals sign; write null for none", key=place, via="--set")
    return key, document.data


def with_overrides(
    document: Document, overrides: Mapping[str, Any], file: str | None = None, via: str | None = "--set"
) -> Scenario:
    """The scenario of a document with some settings replaced.

    Args:
        document: a scenario as plain data, legal by itself.
        overrides: plain data by dotted key.
        file: its name, for messages.
        via: how the overrides came, for messages.

    Raises:
        ScenarioError: an unknown key, or a value or combination that is not legal.
    """
    data = document.data
    try:
        for key, value in overrides.items():
            data = put(data, key, _tuples(value), KEYS)
        return validate(Document(data, {} if overrides else document.lines), file)
    except ScenarioError as error:
        if not overrides or via is None:
            raise
        own = error.key is not None and any(f"{error.key}.".startswith(f"{key}.") for key in overrides)
        how = via if own else f"with {via} {', '.join(overrides)}"
        raise ScenarioError(error.message, file=file, key=error.key, via=how) from None


def vary(scenario: Scenario, overrides: Mapping[str, Any]) -> Scenario:
    """A valid scenario with some settings replaced, as `--set` does.

    Raises:
        ScenarioError: as `with_overrides`.
    """
    return with_overrides(Document(_tuples(scenario.document())), overrides, via=None)


def _tuples(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _tuples(value) for key, value in data.items()}
    return tuple(_tuples(value) for value in data) if isinstance(data, (list, tuple)) else data


def validate(document: Document, file: str | None = None) -> Scenario:
    """Plain data -> a scenario.

    Raises:
        ScenarioError: the first problem in the file's order, the others listed under it.
    """
    try:
        return Scenario.model_validate(document.data)
    except ValidationError as error:
        raise explain(error, Scenario, document, file) from None


def _check_search(scenario: Scenario, document: Document, file: str, via: str | None = None) -> None:
    """Refuses a baseline or a proxy that, as a whole, is no legal scenario."""
    for part, overrides in (("baseline", scenario.search.baseline), ("proxy", scenario.search.proxy)):
        if not overrides:
            continue
        try:
            vary(scenario, overrides)
        except ScenarioError as error:
            key = f"search.{part}.{error.key}" if error.key in overrides else f"search.{part}"
            said = error.message if error.key in overrides else f"with these overrides {error.key}: {error.message}"
            line = document.line_of(("search", part, str(error.key))) if document.lines else None
            raise ScenarioError(said, file=file, line=line, key=key, via=via) from None
