"""A scenario file and its overrides -> a Scenario, or one message that says what is wrong, where, and what to do."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from benchbench.errors import ScenarioError, nearest
from benchbench.scenario.expected import explain
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.space import leaf_keys, put, searchable
from benchbench.scenario.text import Document, parse

_SIZE_LIMIT_BYTES = 256 * 1024
KEYS = tuple(leaf_keys(Scenario))


def load(path: str | FilePath, overrides: Sequence[str] = ()) -> tuple[Scenario, ...]:
    """Reads a scenario file; a key that `overrides` names more than once makes one variant for every combination.

    Args:
        path: the file.
        overrides: texts `a.b=value`, the value in YAML 1.2.

    Returns:
        One scenario, or one a variant, in the order written.

    Raises:
        ScenarioError: whatever is wrong, with file, line and key.
    """
    document = parse(read(path), str(path))
    _check_whole(document, str(path))
    grouped: dict[str, list[Any]] = {}
    for text in overrides:
        key, value = parse_override(text)
        grouped.setdefault(key, []).append(value)
    validate(document, str(path))
    return tuple(
        with_overrides(document, dict(zip(grouped, values, strict=True)), str(path))
        for values in itertools.product(*grouped.values())
    )


def read(path: str | FilePath) -> str:
    """The text of a scenario file.

    Raises:
        ScenarioError: missing, a folder or device, too large, or not text.
    """
    file = FilePath(path)
    try:
        if not file.exists():
            siblings = [p.name for p in file.parent.glob("*.y*ml")] if file.parent.is_dir() else []
            hint = f": {nearest(file.name, siblings)}" if siblings else ""
            raise ScenarioError(f"there is no such file{hint}", file=str(path))
        if not file.is_file():
            raise ScenarioError("not a file; name a scenario file such as scenarios/bert_base.yaml", file=str(path))
        if file.stat().st_size > _SIZE_LIMIT_BYTES:
            raise ScenarioError(f"larger than {_SIZE_LIMIT_BYTES // 1024} KiB; this is not a scenario", file=str(path))
        raw = file.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScenarioError(f"cannot be read: {reason}", file=str(path)) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ScenarioError("not UTF-8 text; a scenario is a YAML file", file=str(path), line=line) from None
    if "\0" in text:
        raise ScenarioError("a binary file; a scenario is a YAML file", file=str(path))
    return text


def _check_whole(document: Document, file: str | None) -> None:
    if document.data is None:
        raise ScenarioError("empty; a scenario needs at least name, model and task", file=file)
    if not isinstance(document.data, dict):
        raise ScenarioError("expected a mapping of keys to values at the top", file=file, line=1)


def parse_override(text: str) -> tuple[str, Any]:
    """`a.b=value` -> the key and the value as YAML 1.2 reads it.

    Raises:
        ScenarioError: no equals sign, no value, or a value that is not YAML.
    """
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ScenarioError(f"expected KEY=VALUE, such as --set precision=bf16, not {text!r}")
    if not value.strip():
        raise ScenarioError("no value stands after the equals sign; write null for none", key=key)
    return key, parse(value, f"--set {text}").data


def with_overrides(document: Document, overrides: Mapping[str, Any], file: str | None = None) -> Scenario:
    """The scenario of a document with some settings replaced.

    Raises:
        ScenarioError: an unknown key, or a value or combination that is not legal.
    """
    data = document.data
    for key, value in overrides.items():
        try:
            data = put(data, key, value, list(KEYS))
        except ScenarioError as error:
            raise ScenarioError(error.message, file=file, key=error.key) from None
    lines = {} if overrides else document.lines
    return validate(Document(data, lines), file)


def vary(scenario: Scenario, overrides: Mapping[str, Any]) -> Scenario:
    """A valid scenario with some settings replaced, as `--set` does.

    Raises:
        ScenarioError: as `with_overrides`.
    """
    return with_overrides(Document(_tuples(scenario.document())), overrides)


def _tuples(data: Any) -> Any:  # noqa: ANN401 - plain data of any shape
    if isinstance(data, Mapping):
        return {key: _tuples(value) for key, value in data.items()}
    return tuple(_tuples(value) for value in data) if isinstance(data, (list, tuple)) else data


def validate(document: Document, file: str | None = None) -> Scenario:
    """Plain data -> a scenario, its search space checked key by key.

    Raises:
        ScenarioError: the first problem in the file's order, the others listed under it.
    """
    try:
        scenario = Scenario.model_validate(document.data)
    except ValidationError as error:
        raise explain(error, Scenario, document, file) from None
    _check_search(scenario, document, file)
    return scenario


def _check_search(scenario: Scenario, document: Document, file: str | None) -> None:
    """Each value of the space, alone, must be of its field's type; combinations are the search's to handle."""
    candidates = [("space", key, value) for key, values in scenario.search.space.items() for value in _ends(values)]
    candidates += [("baseline", key, value) for key, value in scenario.search.baseline.items()]
    for part, key, value in candidates:
        line = document.line_of(("search", part, key)) if document.lines else None
        place = {"file": file, "line": line, "key": f"search.{part}.{key}"}
        if key not in KEYS:
            raise ScenarioError(f"unknown key: {nearest(key, filter(searchable, KEYS))}", **place)  # type: ignore[arg-type]
        if not searchable(key):
            raise ScenarioError("this cannot be searched: it says what is asked, not how to train", **place)  # type: ignore[arg-type]
        data = put(_tuples(scenario.document()), key, value, list(KEYS))
        try:
            Scenario.model_validate(data)
        except ValidationError as error:
            trial = explain(error, Scenario, Document(data), file)
            if trial.key is not None and (trial.key == key or trial.key.startswith(key + ".")):
                raise ScenarioError(trial.message, **place) from None  # type: ignore[arg-type]


def _ends(values: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a Range or choices
    return values if isinstance(values, tuple) else (values.low, values.high)
