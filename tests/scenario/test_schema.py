"""The JSON Schema: the committed file is the generated one, and it accepts in shape what the loader accepts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings

from benchbench.scenario.knobs import knobs_of
from benchbench.scenario.loading import to_yaml, vary
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.schema import DIALECT, FILE, json_schema
from benchbench.scenario.text import parse
from tests.scenario.conftest import TEXT
from tests.scenario.drawing import scenarios

FOLDER = Path(__file__).parents[2] / "scenarios"
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def plain(text: str) -> Any:
    """A YAML 1.2 text as JSON has it."""
    return json.loads(json.dumps(parse(text).data))


def changed(key: str, value: object) -> Any:
    """The sample with one setting replaced."""
    data = plain(TEXT)
    *sections, last = key.split(".") if not key.startswith("search.space.") else ("search", "space", key[13:])
    level = data
    for section in sections:
        level = level.setdefault(section, {})
    level[last] = value
    return data


def test_the_committed_file_is_the_generated_one() -> None:
    committed = json.loads((FOLDER / FILE).read_text())
    assert committed == json_schema(), "run: benchbench schema > scenarios/scenario.schema.json"


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert json_schema()["$schema"] == DIALECT
    assert json_schema()["$id"] == FILE
    assert json.dumps(json_schema(), allow_nan=False)


def test_every_setting_is_described() -> None:
    for name, section in (("Scenario", json_schema()), *json_schema()["$defs"].items()):
        for key, node in section["properties"].items():
            assert node.get("description") or "$ref" in node, f"{name}.{key}"


def test_the_shipped_scenarios_validate() -> None:
    for file in FOLDER.glob("*.yaml"):
        VALIDATOR.validate(plain(file.read_text()))


def test_the_sample_validates() -> None:
    VALIDATOR.validate(plain(TEXT))


@settings(deadline=None)
@given(scenarios())
def test_every_legal_scenario_validates(scenario: Scenario) -> None:
    VALIDATOR.validate(plain(to_yaml(scenario)))
    VALIDATOR.validate(scenario.document())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hardware.memory_limit", "16GiB"), ("hardware.memory_limit", 2**34), ("hardware.memory_limit", "1.5 GB"),
        ("hardware.memory_limit", None), ("measure.sample_interval", "100ms"), ("measure.sample_interval", 0.5),
        ("measure.timeout", "1h30m"), ("measure.timeout", "auto"), ("measure.timeout", 90),
        ("training.dropout", None), ("training.adapter", {"name": "lora"}), ("training.optimizer.learning_rate", 1),
        ("search.space.precision", ["fp32"]), ("data.clean", ["html"]), ("training.micro_batch", "auto"),
        ("search.space.training.global_batch", {"low": 8, "high": 64, "step": 8}),
        ("search.space.hardware.memory_limit", ["1GiB", 2**31]), ("search.space.training.dropout", [None, 0.1]),
    ],
)  # fmt: skip
def test_what_the_loader_accepts(key: str, value: object) -> None:
    VALIDATOR.validate(changed(key, value))
    vary(Scenario.model_validate(parse(TEXT).data), {key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("precison", "fp32"), ("training.global_bach", 8), ("training.optimizer.lr", 1), ("precision", "fp31"),
        ("hardware.memory_limit", "16gib"), ("hardware.memory_limit", -1), ("measure.timeout", "soon"),
        ("training.global_batch", 0), ("training.global_batch", "32"), ("training.micro_batch", "all"), ("name", "a/b"),
        ("name", ".a"), ("name", ""), ("name", None), ("task", "magic"), ("data.source", "magic"), ("schema", 2),
        ("data.clean", "html"), ("search.space.precison", ["fp32"]), ("search.space.precision", "fp32"),
        ("search.space.precision", []), ("search.space.precision", ["fp31"]), ("search.space.training.seed", [1]),
        ("search.space.precision", {"low": 1, "high": 2}), ("search.space.training.global_batch", {"low": 1, "hi": 2}),
        ("search.space.precision", ["fp32", "fp32"]), ("search.baseline", {"precison": "fp32"}), ("model.layer", 1),
    ],
)  # fmt: skip
def test_what_it_refuses(key: str, value: object) -> None:
    assert not VALIDATOR.is_valid(changed(key, value))


def test_model_and_task_or_a_trainer() -> None:
    trainer = {"command": ["python", "train.py"]}
    assert VALIDATOR.is_valid({"name": "a", "trainer": trainer})
    assert VALIDATOR.is_valid({"name": "a", "model": {"family": "bert"}, "task": "masked-lm"})
    assert not VALIDATOR.is_valid({"name": "a", "model": {"family": "bert"}})
    assert not VALIDATOR.is_valid({"name": "a"})
    assert not VALIDATOR.is_valid({"trainer": trainer})


def test_editors_complete_the_knobs() -> None:
    search = json_schema()["$defs"]["Search"]["properties"]
    knobs = [knob.key for knob in knobs_of(Scenario)]
    assert list(search["space"]["properties"]) == knobs
    assert list(search["baseline"]["properties"]) == knobs


def test_the_documented_example_validates() -> None:
    page = (FOLDER.parent / "docs" / "scenario.md").read_text()
    example = page.split("```yaml\n")[1].split("```")[0]
    VALIDATOR.validate(plain(example))
    assert yaml.safe_load(example)["name"] == Scenario.model_validate(parse(example).data).name
