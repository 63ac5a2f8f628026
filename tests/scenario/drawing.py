"""Draws legal scenarios, and plain data of every shape, from the types' own schema."""

from __future__ import annotations

from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from benchbench.errors import ScenarioError
from benchbench.scenario.expected import Node, branches, node_at, schema_of
from benchbench.scenario.knobs import knobs_of, section_of
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.space import fields_of
from benchbench.units import exact_duration, exact_size

SCHEMA = schema_of(Scenario)
BASE = Scenario.model_validate({"name": "a", "model": {"family": "bert"}, "task": "sequence-classification"})
SETTINGS = [
    key for key, field in fields_of(Scenario) if section_of(field) is None and not key.startswith(("search", "trainer"))
]
KNOBS = [knob.key for knob in knobs_of(Scenario) if knob.key not in ("data.clean", "training.adapter")]

# Texts that YAML 1.1, YAML 1.2 or Python may take for something else.
WORDS = "5e-05 1e3 1_000 0o17 0x1F 012 1:30 yes no on null ~ .inf .nan true 2024-01-01 = << - ? : [ { # & * ! | > ' % @"
LINES = [
    "a: b",
    "a #b",
    " a",
    "a ",
    "a\nb",
    "\n",
    "\ta",
    "é",
    "🤗",
    "\u2028",
    "\ufeff",
    "\x85",
    "---",
    "...",
    "- a",
    '"',
]
TRICKY = st.sampled_from([*WORDS.split(), *LINES, "x" * 300])
TEXT = TRICKY | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


def values(node: Node) -> st.SearchStrategy[Any]:
    """Values that a place in the schema accepts, mostly."""
    expects = str(node.get("expects", ""))
    if "duration" in expects:
        return st.floats(0.01, 1e6).map(exact_duration) | st.floats(0.01, 1e6) | st.just("1h30m")
    if "size" in expects:
        return st.integers(1, 2**50).map(exact_size) | st.integers(1, 2**50)
    return st.one_of([_branch(branch) for branch in branches(SCHEMA, node) if branch.get("type") != "object"])


def _branch(branch: Node) -> st.SearchStrategy[Any]:
    if "expects" in branch and "pattern" in branch:
        return st.sampled_from(["bert", "gpt2", "t5"])
    if "enum" in branch or "const" in branch:
        return st.sampled_from(branch.get("enum", [branch.get("const")]))
    match branch.get("type"):
        case "null":
            return st.none()
        case "array":
            return st.lists(values(branch["items"]), max_size=3)
        case "integer":
            low = branch.get("minimum", 0)
            return st.integers(low, min(branch.get("maximum", 2**31 - 1), low + 1000))
        case "number":
            low, high = branch.get("minimum", branch.get("exclusiveMinimum")), branch.get("exclusiveMaximum")
            floats = st.floats(low, high, exclude_min="exclusiveMinimum" in branch, exclude_max=high is not None)
            return floats.filter(lambda number: abs(number) != float("inf"))
        case _:
            return TEXT


def at(key: str) -> Node:
    """The place of a setting in the schema."""
    return node_at(SCHEMA, tuple(key.split(".")))


def overrides() -> st.SearchStrategy[dict[str, Any]]:
    """A few settings with values that they take, though perhaps not together."""
    one = st.sampled_from(SETTINGS).flatmap(
        lambda k: st.tuples(st.just(k), values(node_at(SCHEMA, tuple(k.split(".")))))
    )
    return st.lists(one, max_size=8).map(dict)


def spaces() -> st.SearchStrategy[dict[str, Any]]:
    """Search spaces with lists of values that their settings take."""
    one = st.sampled_from(KNOBS).flatmap(
        lambda key: st.tuples(st.just(key), st.lists(values(at(key)), min_size=1, max_size=4))
    )
    return st.lists(one, max_size=3).map(dict)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Legal scenarios."""
    made = BASE
    for key, value in draw(overrides()).items():
        try:
            made = vary(made, {key: value})
        except ScenarioError:
            continue
    try:
        return vary(made, {"search.space": draw(spaces())})
    except ScenarioError:
        reject()


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.sampled_from([10**300, "auto", "16GiB"])
PLAIN = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4).map(tuple) | st.dictionaries(TEXT | st.sampled_from(SETTINGS), inner, max_size=4)
    ),
    max_leaves=12,
)
