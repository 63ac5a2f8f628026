"""One message from pydantic's list of errors: where, what was expected, what stands there, the nearest known name."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from benchbench.errors import ScenarioError, closest, look_alike
from benchbench.scenario.misfit import Misfit
from benchbench.scenario.space import leaf_keys, unknown_key
from benchbench.scenario.text import Document, Path, dotted, parse_scalar, shown

_LISTED = 5
_TYPES = {
    "integer": "a whole number", "number": "a number", "string": "a text", "boolean": "true or false",
    "null": "null", "object": "a section of keys and values",
}  # fmt: skip

Node = dict[str, Any]
"""A part of a JSON Schema."""


@cache
def schema_of(model: type[BaseModel]) -> Node:
    """A type's JSON Schema, made once."""
    return model.model_json_schema(by_alias=True)


def explain(error: ValidationError, model: type[BaseModel], document: Document, file: str | None) -> ScenarioError:
    """The one error to raise: the first problem in the file's order, the next few listed under it."""
    schema = schema_of(model)
    found: dict[Path, ErrorDetails] = {}
    for detail in error.errors(include_url=False, include_input=False):
        path = _data_path(detail, schema)
        if path not in found or _says_more(detail):
            found[path] = detail
    around = {path[:n] for path in found for n in range(len(path))}
    ordered = sorted((path for path in found if path not in around), key=lambda path: document.line_of(path) or 0)
    words = [_problem(found[path], path, document, model) for path in ordered[:_LISTED]]
    message = words[0]
    for path, text in zip(ordered[1:], words[1:], strict=False):
        line = document.line_of(path)
        message += f"\n  also{f' on line {line}' if line else ''}: {dotted(path) or 'the whole'}: {text}"
    if len(ordered) > _LISTED:
        message += f"\n  and {len(ordered) - _LISTED} more"
    return ScenarioError(message, file=file, line=document.line_of(ordered[0]), key=dotted(ordered[0]))


def _data_path(detail: ErrorDetails, schema: Node) -> Path:
    """The error's location without the names of union branches, which are not in the data."""
    path: Path = ()
    for part in detail["loc"]:
        names_absent = detail["type"] in ("missing", "extra_forbidden") and part == detail["loc"][-1]
        if names_absent or node_at(schema, (*path, part)):
            path = (*path, part)
    misfit = detail.get("ctx", {}).get("error")
    return (*path, *misfit.path) if isinstance(misfit, Misfit) else path


def _says_more(detail: ErrorDetails) -> bool:
    """Whether one branch of a union has the reason; the others say only that the value is of another kind."""
    return detail["type"] == "too_long" or isinstance(detail.get("ctx", {}).get("error"), Misfit)


def _problem(detail: ErrorDetails, path: Path, document: Document, model: type[BaseModel]) -> str:
    kind = detail["type"]
    schema = schema_of(model)
    if kind == "missing":
        return f"required, and not there; expected {expectation(schema, node_at(schema, path))}"
    if kind == "extra_forbidden":
        return _unknown(str(path[-1]), path[:-1], model)
    if kind == "value_error":
        return detail["msg"].removeprefix("Value error, ")
    value = document.data
    for part in path:
        value = value[part]
    if kind == "too_long" and isinstance(value, tuple):
        return f"a list of {len(value):,} values; at most {detail['ctx']['max_length']:,} are allowed"
    return mismatch(value, schema, node_at(schema, path))


def _unknown(name: str, parent: Path, model: type[BaseModel]) -> str:
    schema = schema_of(model)
    if "." in name and node_at(schema, (*parent, *name.split("."))):
        return f"unknown key: write it as nested keys, {name.replace('.', ': {')}: ...{'}' * name.count('.')}"
    siblings = [key for branch in branches(schema, node_at(schema, parent)) for key in branch.get("properties", {})]
    return unknown_key(dotted(parent) or "", name, siblings, leaf_keys(model))


def mismatch(value: object, schema: Node, node: Node) -> str:
    """The message about a value that a place in the schema does not accept."""
    return f"expected {expectation(schema, node)}, not {shown(value)}{_hint(value, schema, node)}"


def _hint(value: object, schema: Node, node: Node) -> str:
    """How to mend a slip that is easily made: a quoted number, a number for a text, a misspelt choice."""
    kinds = {branch.get("type") for branch in branches(schema, node) if not _choices(branch)}
    if isinstance(value, str):
        close = closest(value, [choice for branch in branches(schema, node) for choice in _choices(branch)])
        if close is not None:
            return f": did you mean {close!r}?{look_alike(value)}"
        return "; leave the quotes out" if kinds & {"integer", "number"} and _is_number(parse_scalar(value)) else ""
    if isinstance(value, float) and value.is_integer() and "integer" in kinds:
        return f"; write {value:.0f}"
    return "; put it in quotes" if "string" in kinds and (isinstance(value, bool) or _is_number(value)) else ""


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def branches(schema: Node, node: Node) -> list[Node]:
    """The alternatives of a place in the schema, its references followed."""
    node = _followed(schema, node)
    if "anyOf" in node:
        return [inner for branch in node["anyOf"] for inner in branches(schema, branch)]
    return [node]


def _followed(schema: Node, node: Node) -> Node:
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rpartition("/")[2]]
    return node


def node_at(schema: Node, path: Path) -> Node:
    """The place in the schema that a path leads to; empty where there is none."""
    node = schema
    for part in path:
        node = next((found for branch in branches(schema, node) if (found := _inside(branch, part))), {})
    return node


def _inside(branch: Node, part: str | int) -> Node:
    found = branch.get("items") if isinstance(part, int) else branch.get("properties", {}).get(part)
    if found is None and isinstance(part, str):
        found = branch.get("additionalProperties")
    return found if isinstance(found, dict) else {}


def expectation(schema: Node, node: Node) -> str:
    """What a place in the schema accepts, in words."""
    node = _followed(schema, node)
    if "expects" in node:
        return str(node["expects"])
    if "anyOf" in node:
        return " or ".join(dict.fromkeys(expectation(schema, branch) for branch in node["anyOf"]))
    return _one(schema, node)


def _choices(branch: Node) -> list[str]:
    return [str(c) for c in branch.get("enum", [branch["const"]] if "const" in branch else [])]


def _one(schema: Node, branch: Node) -> str:
    choices = _choices(branch)
    if choices:
        return choices[0] if len(choices) == 1 else "one of " + ", ".join(choices)
    if branch.get("type") == "array":
        items = expectation(schema, branch.get("items", {}))
        return f"a list, each item {items}"
    if branch.get("minLength"):
        longest = branch.get("maxLength")
        return f"a text of {branch['minLength']} to {longest} characters" if longest else "a text (not empty)"
    return f"{_TYPES.get(branch.get('type', ''), 'a value')}{_bounds(branch)}"


def _bounds(branch: Node) -> str:
    lowest, highest = branch.get("minimum"), branch.get("maximum")
    if lowest is not None and highest is not None:
        return f" from {lowest:.15g} to {highest:.15g}"
    limits = {
        "of at least": lowest, "above": branch.get("exclusiveMinimum"),
        "of at most": highest, "below": branch.get("exclusiveMaximum"),
    }  # fmt: skip
    return "".join(
        f"{' and' if n else ''} {word} {limit:.15g}"
        for n, (word, limit) in enumerate((w, v) for w, v in limits.items() if v is not None)
    )
