"""One message from pydantic's list of errors: where, what was expected, what stands there, the nearest known name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from benchbench.errors import ScenarioError, nearest
from benchbench.scenario.scenario import Misfit
from benchbench.scenario.text import Document, Path

_TYPES = {
    "integer": "a whole number", "number": "a number", "string": "a text", "boolean": "true or false",
    "null": "null", "array": "a list", "object": "a mapping of keys to values",
}  # fmt: skip
_BOUNDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}


def explain(error: ValidationError, model: type[BaseModel], document: Document, file: str | None) -> ScenarioError:
    """The one error to raise: the first problem in the file's order, the others listed under it."""
    schema = model.model_json_schema(by_alias=True)
    problems: dict[Path, str] = {}
    for detail in error.errors(include_url=False):
        path = _data_path(detail, document.data)
        problems.setdefault(path, _problem(detail, path, document, schema))
    ordered = sorted(problems.items(), key=lambda item: document.line_of(item[0]) or 0)
    (path, message), *others = ordered
    for other, text in others:
        line = document.line_of(other)
        message += f"\n  also{f' on line {line}' if line else ''}: {_dotted(other) or 'the whole'}: {text}"
    return ScenarioError(message, file=file, line=document.line_of(path), key=_dotted(path) or None)


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path)


def _data_path(detail: ErrorDetails, data: Any) -> Path:  # noqa: ANN401 - plain data of any shape
    """The error's location without the names of union branches, which are not in the data."""
    misfit = detail.get("ctx", {}).get("error")
    if isinstance(misfit, Misfit):
        return tuple(misfit.key.split("."))
    path: list[str | int] = []
    level = data
    for part in detail["loc"]:
        inside = (isinstance(level, Mapping) and part in level) or (
            isinstance(level, Sequence) and not isinstance(level, str) and isinstance(part, int) and part < len(level)
        )
        if inside:
            level = level[part]
            path.append(part)
        elif detail["type"] == "missing" and part == detail["loc"][-1]:
            path.append(part)
    return tuple(path)


def _problem(detail: ErrorDetails, path: Path, document: Document, schema: dict[str, Any]) -> str:
    kind = detail["type"]
    if kind == "value_error":
        return detail["msg"].removeprefix("Value error, ")
    if kind == "missing":
        return "required, and not there"
    if kind == "extra_forbidden":
        known = _known_keys(schema, path[:-1])
        return f"unknown key: {nearest(str(path[-1]), known)}"
    value = _value_at(document.data, path)
    expected = expectation(schema, _at(schema, path))
    hint = _choices_hint(value, schema, _at(schema, path))
    return f"expected {expected}, not {_shown(value)}{hint}" if expected else detail["msg"]


def _shown(value: object) -> str:
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    if isinstance(value, Mapping):
        text = "a mapping"
    elif isinstance(value, (tuple, list)):
        text = "a list"
    return text if len(text) <= 60 else text[:57] + "..."


def _value_at(data: Any, path: Path) -> Any:  # noqa: ANN401 - plain data of any shape
    for part in path:
        data = data[part]
    return data


def _resolve(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    return node


def _branches(schema: dict[str, Any], node: dict[str, Any]) -> list[dict[str, Any]]:
    node = _resolve(schema, node)
    if "anyOf" in node:
        return [inner for branch in node["anyOf"] for inner in _branches(schema, branch)]
    return [node]


def _at(schema: dict[str, Any], path: Path) -> dict[str, Any]:
    node: dict[str, Any] = schema
    for part in path:
        found: dict[str, Any] = {}
        for branch in _branches(schema, node):
            if isinstance(part, int):
                found = branch.get("items", found)
            else:
                extra = branch.get("additionalProperties")
                found = branch.get("properties", {}).get(part) or (extra if isinstance(extra, dict) else found)
            if found:
                break
        node = found
    return node


def _known_keys(schema: dict[str, Any], path: Path) -> list[str]:
    return [key for branch in _branches(schema, _at(schema, path)) for key in branch.get("properties", {})]


def _choices_hint(value: object, schema: dict[str, Any], node: dict[str, Any]) -> str:
    choices = [c for b in _branches(schema, node) for c in _choices(b)]
    if not isinstance(value, str) or not choices:
        return ""
    hint = nearest(value, choices)
    return f": {hint}" if hint.startswith("did you mean") else ""


def _choices(branch: dict[str, Any]) -> list[str]:
    return [str(c) for c in branch.get("enum", [branch["const"]] if "const" in branch else [])]


def expectation(schema: dict[str, Any], node: dict[str, Any]) -> str:
    """What a place in the schema accepts, in words."""
    words = [word for branch in _branches(schema, node) if (word := _one(branch))]
    return " or ".join(dict.fromkeys(words))


def _one(branch: dict[str, Any]) -> str:
    choices = _choices(branch)
    if choices:
        return choices[0] if len(choices) == 1 else "one of " + ", ".join(choices)
    word = _TYPES.get(branch.get("type", ""), "")
    bounds = [f"{text} {branch[key]:g}" for key, text in _BOUNDS.items() if key in branch]
    if branch.get("type") == "string" and branch.get("minLength"):
        word = "a text that is not empty"
    if branch.get("type") == "string" and "maxLength" in branch:
        word = f"a text of at most {branch['maxLength']} characters"
    return f"{word} {' and '.join(bounds)}".strip()
