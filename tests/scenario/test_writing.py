"""A scenario written as YAML is the same scenario when it is read, by this loader and by others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings

from benchbench.scenario.loading import load, to_yaml, validate, vary
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.text import parse
from tests.scenario.drawing import scenarios

Write = Callable[[str | bytes], Path]


@settings(deadline=None, max_examples=300)
@given(scenarios())
def test_every_scenario_comes_back(scenario: Scenario) -> None:
    back = validate(parse(to_yaml(scenario)))
    assert back == scenario
    assert hash(back) == hash(scenario)
    assert back.key == scenario.key
    assert back.document() == scenario.document()


@settings(deadline=None, max_examples=200)
@given(scenarios())
def test_yaml_1_1_reads_the_same_values(scenario: Scenario) -> None:
    written = to_yaml(scenario)

    def lists(data: Any) -> Any:
        if isinstance(data, dict):
            return {key: lists(value) for key, value in data.items()}
        return [lists(item) for item in data] if isinstance(data, tuple) else data

    by_pyyaml, by_us = yaml.safe_load(written), lists(parse(written).data)
    assert by_pyyaml == by_us
    assert json.dumps(by_pyyaml) == json.dumps(by_us), "the types are the same too"


def test_what_it_looks_like(scenario: Scenario) -> None:
    written = to_yaml(vary(scenario, {"data.clean": ["html", "unicode"], "training.gradient_clip": None}))
    assert written.startswith("schema: 1\nname: a question\nquestion: How fast?\n")
    for line in (
        "model: {family: bert, size: tiny}",
        "  optimizer: {name: adamw, learning_rate: 5.0e-05, weight_decay: 0.01, l1: 0.0}",
        "  clean: [html, unicode]",
        "  gradient_clip: null",
        "hardware: {device: auto, devices: 1, nodes: 1, memory_limit: 16GiB}",
        "  sample_interval: 100ms",
        "    precision: [fp32, bf16]",
        "    training.optimizer.learning_rate: {low: 1.0e-05, high: 0.001, log: true}",
    ):
        assert f"\n{line}\n" in written, line
    assert "\n  layers:" not in written, "what is absent by default is left out"
    assert "&" not in written


@pytest.mark.parametrize("name", ["5e-05", "0o17", "yes", "null", "1:30", "2024-01-01", "a: b", "🤗", " a ", "- a"])
def test_a_name_that_looks_like_something_else(scenario: Scenario, name: str, write: Write) -> None:
    named = vary(scenario, {"name": name})
    (back,) = load(write(to_yaml(named)))
    assert back.name == name
    assert yaml.safe_load(to_yaml(named))["name"] == name


@pytest.mark.parametrize("question", ["", "a\nb\n", "\n", "tab\there", "\r\n", "#", "long " * 200, "\x85\u2028", '"'])
def test_a_question_of_any_kind(scenario: Scenario, question: str) -> None:
    asked = vary(scenario, {"question": question})
    assert validate(parse(to_yaml(asked))) == asked


def test_a_trainer_is_written(scenario: Scenario) -> None:
    trainer = {"command": ["python", "-c", "print('a: b')\nprint(2)", "{training.seed}"]}
    foreign = vary(scenario, {"model": None, "task": None, "trainer": trainer})
    assert validate(parse(to_yaml(foreign))) == foreign
