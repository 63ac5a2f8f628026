"""Every legal value is carried out or refused by name: nothing that a scenario says is ever ignored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from benchbench import registry
from benchbench.errors import UnsupportedError
from benchbench.scenario import engines
from benchbench.scenario.engines import OBEYED, PARTLY, PLUGINS, value_at
from benchbench.scenario.expected import Node, branches, node_at, schema_of
from benchbench.scenario.knobs import section_of
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.space import fields_of

SCHEMA = schema_of(Scenario)
SETTINGS = [key for key, field in fields_of(Scenario) if section_of(field) is None]
LORA: dict[str, Any] = {"name": "lora"}
SPLIT = {"train": "a", "validation": "b"}
UNIFORM: dict[str, Any] = {"name": "uniform", "low": 1, "high": 8}
LOGNORMAL: dict[str, Any] = {"name": "lognormal", "median": 8}
# Where the schema has a pattern, and where the number below would be the default.
EXAMPLES = {
    "measure.remeasure": 3,
    "name": "b",
    "model.family": "roberta",
    "hardware.memory_limit": "2GiB",
    "measure.timeout": "2m",
    "measure.sample_interval": "2s",
    "data.prefetch": 3,
}
# What must stand beside a setting for it to be legal at all.
COMPANIONS: dict[str, dict[str, Any]] = {
    "model.hidden": {"model.heads": 1},
    "model.kv_heads": {"model.heads": 12},
    "model.revision": {"model.pretrained": "x"},
    "parallelism.data": {"hardware.devices": 2},
    "parallelism.tensor": {"hardware.devices": 2},
    "parallelism.pipeline": {"hardware.devices": 2},
    "parallelism.context": {"hardware.devices": 2},
    "hardware.devices": {"parallelism.data": 2},
    "hardware.nodes": {"parallelism.data": 2},
    "training.global_batch": {"training.micro_batch": "auto"},
    "training.optimizer.momentum": {"training.optimizer.name": "momentum"},
    "measure.procedure": {"target": {"metric": "accuracy", "at_least": 0.5}},
    "target.metric": {"target.at_least": 0.5},
    "target.at_least": {"target.metric": "x"},
    "target.at_most": {"target": {"metric": "accuracy", "at_most": 1.0}},
    "target.eval_every": {"target": {"metric": "accuracy", "at_least": 0.5}},
    "trainer.command": {"model": None, "task": None},
    **{f"data.split.{key}": {"data.split": SPLIT} for key in ("train", "validation", "test")},
    **{f"data.lengths.{key}": {"data.lengths": UNIFORM} for key in ("low", "high", "name=uniform")},
    **{f"data.lengths.{key}": {"data.lengths": LOGNORMAL} for key in ("median", "sigma", "name=lognormal")},
    **{f"training.adapter.{key}": {"training.adapter": LORA} for key in ("name", "rank", "alpha")},
}


@pytest.fixture
def plain() -> Scenario:
    """A scenario of defaults."""
    return Scenario.model_validate({"name": "a", "model": {"family": "bert"}, "task": "sequence-classification"})


def legal_values(key: str, node: Node) -> Iterator[Any]:
    """Every value of an enumeration, and one of everything else that is not the default."""
    if key in EXAMPLES:
        yield EXAMPLES[key]
    for branch in branches(SCHEMA, node):
        kind = str(branch.get("type"))
        if "enum" in branch or "const" in branch:
            yield from branch.get("enum", [branch.get("const")])
        elif key in EXAMPLES or kind in ("null", "object"):
            continue
        elif kind == "array":
            yield [next(legal_values(key, branch["items"]))]
        else:
            highest = branch.get("exclusiveMaximum", 1.5)
            middle = (branch.get("exclusiveMinimum", 0) + highest) / 2
            yield {
                "integer": max(branch.get("minimum", 0), 1) + 1, "number": middle, "string": "x", "boolean": True,
            }[kind]  # fmt: skip


CASES = [
    (key, value)
    for key in SETTINGS
    if not key.startswith("search.")
    for value in legal_values(key, node_at(SCHEMA, tuple(key.split("."))))
]


def test_every_setting_is_tried_with_another_value_than_its_default() -> None:
    fields = dict(fields_of(Scenario))
    tried = {key for key, value in CASES if value != fields[key].default}
    assert {key for key in {*SETTINGS} - tried if not key.startswith("search.")} == {"schema"}


@pytest.mark.parametrize("method", registry.names(registry.METHODS))
def test_every_search_method_is_carried_out(plain: Scenario, method: str) -> None:
    engines.check(vary(plain, {"search.method": method, "search.space.precision": ["fp32", "bf16"]}))


@pytest.mark.parametrize(("key", "value"), CASES, ids=lambda part: str(part)[:40])
def test_a_legal_value_is_carried_out_or_refused_by_name(plain: Scenario, key: str, value: Any) -> None:
    fields = dict(fields_of(Scenario))
    companions = {} if value == fields[key].default else COMPANIONS.get(f"{key}={value}", COMPANIONS.get(key, {}))
    scenario = vary(plain, companions | {key: value})
    assert value_at(scenario, key) is not None
    section = key.rpartition(".")[0]
    plugin = key in PLUGINS and value in registry.names(PLUGINS[key])
    listed = key in OBEYED or value in PARTLY.get(key, ()) or plugin
    absent = section in ("trainer", "data.split", "data.lengths", "training.adapter")
    if listed or (value == fields[key].default and not absent):
        engines.check(vary(plain, {k: v for k, v in companions.items() if k in OBEYED or k == "target"} | {key: value}))
        return
    with pytest.raises(UnsupportedError) as caught:
        engines.check(scenario)
    assert caught.value.exit_code == 2
    assert caught.value.key in {key, section, *companions}
    assert "is not implemented yet; " in caught.value.message


def test_the_lists_name_settings_that_exist() -> None:
    known = {key for key, _ in fields_of(Scenario)}
    assert known >= OBEYED
    assert set(PARTLY) <= known
    assert set(PLUGINS) <= known
    assert not OBEYED & (PARTLY.keys() | PLUGINS.keys())


def test_the_lists_name_values_that_are_legal() -> None:
    for key, values in PARTLY.items():
        assert set(values) <= {*legal_values(key, node_at(SCHEMA, tuple(key.split("."))))} | {1}, key


def test_defaults_are_carried_out(plain: Scenario, scenario: Scenario) -> None:
    engines.check(plain)
    engines.check(scenario)


def test_a_new_field_is_refused_until_an_engine_is_named() -> None:
    class Later(Scenario):
        brand_new: str = "as before"

    base = {"name": "a", "model": {"family": "bert"}, "task": "sequence-classification"}
    engines.check(Later.model_validate(base))
    with pytest.raises(UnsupportedError, match="brand_new: 'other' is legal, but is not implemented yet"):
        engines.check(Later.model_validate(base | {"brand_new": "other"}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"model": None, "task": None, "trainer": {"command": ["x"]}},
            "trainer: this is legal, but is not implemented",
        ),
        (
            {"parallelism.pipeline": 2, "hardware.devices": 2},
            "parallelism.pipeline: 2 is legal, but is not implemented yet; today: 1",
        ),
    ],
)
def test_the_message(plain: Scenario, change: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        engines.check(vary(plain, change))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"search.space.parallelism.communication": ["none", "fp16"]}, None),
        ({"search.space.parallelism.tensor": [1, 2]}, None),
        ({"search.space.precision": ["fp32", "fp8"]}, None),
        ({"search.space.parallelism.pipeline": {"low": 1, "high": 4}}, "search.space.parallelism.pipeline"),
        ({"search.space.training.adapter": ["none"]}, None),
        (
            {"search.baseline": {"parallelism.pipeline": 2, "hardware.devices": 2}},
            "search.baseline.parallelism.pipeline",
        ),
        ({"search.space.training.optimizer.learning_rate": {"low": 0.1, "high": 0.2}}, None),
        ({}, None),
    ],
)
def test_a_search_is_checked_too(plain: Scenario, change: dict[str, Any], key: str | None) -> None:
    scenario = vary(plain, change)
    engines.check(scenario)
    if key is None:
        engines.check_search(scenario)
        return
    with pytest.raises(UnsupportedError) as caught:
        engines.check_search(scenario)
    assert caught.value.key == key


def test_values_by_their_dotted_keys(scenario: Scenario) -> None:
    assert value_at(scenario, "schema") == 1
    assert value_at(scenario, "training.optimizer.learning_rate") == 5e-5
    assert value_at(scenario, "hardware.memory_limit") == 16 * 2**30
    assert value_at(scenario, "search.space.precision") == ("fp32", "bf16")
    assert value_at(scenario, "search.space.absent") is None
    for key in (
        "training.adapter.rank",
        "trainer.command",
        "training.seed.real",
        "name.upper",
        "model.copy",
        "zzz",
        "",
    ):
        assert value_at(scenario, key) is None
