"""The JSON Schema of a scenario file, made from the types: what `benchbench schema` prints and editors read."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from benchbench.scenario.expected import Node, branches, node_at, schema_of
from benchbench.scenario.knobs import knobs_of
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.search_check import proxy_keys
from benchbench.scenario.search_types import LONGEST_LIST

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FILE = "scenario.schema.json"  # beside the scenarios, which name it in their first line


def json_schema() -> dict[str, Any]:
    """The JSON Schema, draft 2020-12.

    It knows shapes, limits and names. What only the whole can say (combinations, duplicate keys) is the loader's.
    """
    types = deepcopy(schema_of(Scenario))
    schema = {
        "$schema": DIALECT,
        "$id": FILE,
        **types,
        "title": "BenchBench scenario",
        "description": "One question about training speed. `benchbench run FILE` answers it.",
        "anyOf": [{"required": ["model", "task"]}, {"required": ["trainer"]}],
    }
    search = schema["$defs"]["Search"]["properties"]
    search["space"] |= {"properties": _knobs(types, _space_entry), "additionalProperties": False}
    search["baseline"] |= {"properties": _knobs(types, lambda _schema, node: node), "additionalProperties": False}
    proxied = {key: node_at(types, tuple(key.split("."))) for key in proxy_keys(Scenario)}
    search["proxy"] |= {"properties": {k: _plain(n) for k, n in proxied.items()}, "additionalProperties": False}
    return schema


def _plain(node: Node) -> Node:
    return {key: value for key, value in node.items() if key != "default"}


def _knobs(schema: Node, entry: Callable[[Node, Node], Node]) -> Node:
    nodes = {knob.key: node_at(schema, tuple(knob.key.split("."))) for knob in knobs_of(Scenario)}
    return {key: entry(schema, _plain(node)) for key, node in nodes.items()}


def _space_entry(schema: Node, node: Node) -> Node:
    """A list of a setting's values and, where it takes numbers, a range of them."""
    about = {key: node.pop(key) for key in ("title", "description", "lever", "moves") if key in node}
    choices = {"type": "array", "items": node, "minItems": 1, "maxItems": LONGEST_LIST, "uniqueItems": True}
    numeric = {branch.get("type") for branch in branches(schema, node)} & {"integer", "number"}
    return about | {"anyOf": [choices, {"$ref": "#/$defs/Range"}] if numeric else [choices]}
