"""The scenario's key: the same for equal questions, another for every setting that changes what is measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from benchbench.scenario.loading import load, to_yaml, vary
from benchbench.scenario.scenario import KEY_EXCLUDES, Scenario

Write = Callable[[str | bytes], Path]
SMALL = {"name": "a", "model": {"family": "bert"}, "task": "sequence-classification"}


def test_the_key_is_a_hash(scenario: Scenario) -> None:
    kind, _, digits = scenario.key.partition(":")
    assert kind == "sha256"
    assert len(digits) == 64
    assert scenario.key == scenario.key


def test_the_key_does_not_depend_on_the_order_of_the_file(write: Write, scenario: Scenario) -> None:
    def reversed_keys(data: Any) -> Any:
        if isinstance(data, dict):
            return {key: reversed_keys(value) for key, value in reversed(data.items())}
        return data

    data = reversed_keys(yaml.safe_load(to_yaml(scenario)))
    (other,) = load(write(yaml.safe_dump(data, sort_keys=False)))
    assert list(other.document()) == list(scenario.document())
    assert other.key == scenario.key
    assert other == scenario
    assert hash(other) == hash(scenario)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("hardware.memory_limit", ["16GiB", "16384MiB", "17179869184B", 17179869184, "16777216 KiB"]),
        ("measure.sample_interval", ["200ms", "0.2s", 0.2, "2e-1s"]),
        ("measure.timeout", ["90m", "1h30m", "5400s", 5400, 5400.0]),
        ("training.optimizer.learning_rate", [5e-05, 0.00005, float("5.0e-5")]),
        ("training.optimizer.learning_rate", [1, 1.0]),
        ("training.optimizer.weight_decay", [0, 0.0, -0.0]),
        ("training.schedule.warmup_fraction", [0, 0.0, -0.0]),
        ("target.at_least", [0, 0.0, -0.0]),
        ("training.gradient_clip", [2, 2.0]),
    ],
)
def test_equal_settings_spelled_differently_have_one_key(scenario: Scenario, key: str, values: list[object]) -> None:
    variants = [vary(scenario, {key: value}) for value in values]
    assert len({v.key for v in variants}) == 1
    assert len(set(variants)) == 1
    assert len({json.dumps(v.document(), sort_keys=True) for v in variants}) == 1


def test_yaml_spellings_have_one_key(text: str, write: Write, scenario: Scenario) -> None:
    for spelled in ("5e-05", "0.00005", "5.0E-5", "0.5e-4"):
        (other,) = load(write(text.replace("learning_rate: 5e-5", f"learning_rate: {spelled}")))
        assert other == scenario
        assert other.key == scenario.key


def test_a_setting_written_out_at_its_default_leaves_the_key() -> None:
    plain = Scenario.model_validate(SMALL)
    full = Scenario.model_validate(plain.model_dump(by_alias=True))
    assert full == plain
    assert full.key == plain.key
    assert (
        Scenario.model_validate(SMALL | {"training": {"compile": "none"}, "measure": {}, "data": {"clean": ()}}).key
        == plain.key
    )


def test_a_field_that_the_format_gains_leaves_the_key() -> None:
    class Later(Scenario):
        brand_new: str = "as before"

    assert Later.model_validate(SMALL).key == Scenario.model_validate(SMALL).key
    assert Later.model_validate(SMALL | {"brand_new": "other"}).key != Scenario.model_validate(SMALL).key


@pytest.mark.parametrize(
    "change",
    [
        {"name": "another"},
        {"question": "why"},
        {"measure.repeats": 5},
        {"measure.repeats": "auto"},
        {"search.space": {}},
        {"search.constraints.peak_memory": "12GiB"},
        {"search.constraints.metric.loss": {"at_most": 1.0}},
        {"search.method": "tpe"},
        {"search.reuse": False},
        {"search.proxy": {"model.layers": 1}},
        {"search.baseline": {"precision": "bf16"}},
        {"search.space.precision": ["bf16"]},
    ],
)
def test_what_the_key_leaves_out(scenario: Scenario, change: dict[str, Any]) -> None:
    other = vary(scenario, change)
    assert other.key == scenario.key
    assert other != scenario


SIMPLE: dict[str, Any] = {
    "model.family": "roberta", "model.size": "base", "model.layers": 3, "model.hidden": 64, "model.heads": 4,
    "model.kv_heads": 2, "model.ffn": 64, "model.vocab": 99, "model.pretrained": "x", "task": "masked-lm",
    "data.source": "csv", "data.path": "x", "data.subset": "x", "data.revision": "x",
    "data.lengths": {"name": "lognormal", "median": 20}, "data.split": {"train": "a", "validation": "b"},
    "data.text_column": "x",
    "data.label_column": "x", "data.source_column": "x", "data.target_column": "x", "data.question_column": "x",
    "data.context_column": "x", "data.answer_column": "x", "data.answer_start_column": "x",
    "data.validation_fraction": 0.2, "data.test_fraction": 0.2,
    "data.sequence_length": 99, "data.batching": "bucket", "data.clean": ["html"], "data.balance": "oversample",
    "data.workers": 1, "data.prefetch": 3, "training.global_batch": 64, "training.micro_batch": "auto",
    "training.optimizer.name": "sgd",
    "training.optimizer.learning_rate": 1e-3, "training.optimizer.weight_decay": 0.0, "training.optimizer.l1": 0.1,
    "training.schedule.name": "cosine", "training.schedule.warmup_fraction": 0.2, "training.max_steps": 9,
    "training.gradient_clip": None, "training.dropout": 0.0, "training.compile": "default",
    "training.attention": "sdpa", "training.activation_checkpointing": "full", "training.adapter": {"name": "lora"},
    "training.compression.prune": 0.5, "training.compression.quantize": "int8-qat", "training.seed": 1,
    "precision": "bf16", "parallelism.data": "auto", "parallelism.shard": "zero1", "parallelism.communication": "fp16",
    "parallelism.local_sgd": 2, "parallelism.bucket_mib": 5.0, "parallelism.pipeline_schedule": "gpipe",
    "parallelism.parameter_server": "sync", "parallelism.cpu_offload": True,
    "hardware.device": "cpu", "hardware.threads": 1, "hardware.memory_limit": "1GiB",
    "hardware.expect": "x", "hardware.price_per_hour": 1.0, "hardware.carbon_g_per_kwh": 1.0,
    "measure.remeasure": 0, "measure.subtract_idle": True, "measure.profile": True,
    "measure.procedure": "throughput", "measure.warmup": 1, "measure.steps": 1,
    "measure.confidence": 0.9, "measure.relative_halfwidth": 0.1, "measure.timeout": "1m",
    "measure.sample_interval": "1s", "target.metric": "x", "target.at_least": 0.9, "target.eval_every": 9,
}  # fmt: skip
CHANGES: dict[str, dict[str, Any]] = {key: {key: value} for key, value in SIMPLE.items()} | {
    "model.revision": {"model.pretrained": "x", "model.revision": "y"},
    "trainer": {"model": None, "task": None, "trainer": {"command": ["x"]}},
    "training.adapter.rank": {"training.adapter": {"name": "lora", "rank": 4}},
    "training.adapter.alpha": {"training.adapter": {"name": "lora", "alpha": 4}},
    "parallelism.tensor": {"parallelism.tensor": 2, "hardware.devices": 2},
    "parallelism.pipeline": {"parallelism.pipeline": 2, "hardware.devices": 2},
    "parallelism.context": {"parallelism.context": 2, "hardware.devices": 2},
    "hardware.devices": {"hardware.devices": 2, "parallelism.data": 2},
    "hardware.nodes": {"hardware.nodes": 2, "parallelism.data": 2},
    "training.ema": {"training.ema": 0.99},
    "training.label_smoothing": {"training.label_smoothing": 0.1},
    "training.checkpoint_every": {"training.checkpoint_every": 10},
    "training.resume": {"training.resume": "checkpoints/last"},
    "training.frozen_layers": {"training.frozen_layers": 1},
    "training.optimizer.momentum": {"training.optimizer.name": "momentum", "training.optimizer.momentum": 0.8},
    "training.optimizer.beta1": {"training.optimizer.beta1": 0.8},
    "training.optimizer.beta2": {"training.optimizer.beta2": 0.95},
    "training.optimizer.epsilon": {"training.optimizer.epsilon": 1e-6},
    "target.at_most": {"target": {"metric": "accuracy", "at_most": 0.85}},
}


def leaves(section: BaseModel, prefix: str = "") -> Iterator[str]:
    """The dotted key of every setting that a scenario has."""
    for name, field in type(section).model_fields.items():
        value, key = getattr(section, name), prefix + (field.alias or name)
        if isinstance(value, BaseModel):
            yield from leaves(value, key + ".")
        else:
            yield key


def test_every_setting_has_a_change_below(scenario: Scenario) -> None:
    kept_out = {*KEY_EXCLUDES, "measure.repeats"}
    kept_out |= {f"search.{name}" for name in ("space", "baseline", "method", "reuse", "proxy")}
    kept_out |= {f"search.constraints.{name}" for name in ("peak_memory", "power_w", "cost", "metric")}
    assert set(leaves(scenario)) - kept_out <= set(CHANGES)


def test_every_setting_changes_the_key(scenario: Scenario) -> None:
    keys = {name: vary(scenario, change).key for name, change in CHANGES.items()}
    assert scenario.key not in keys.values()
    assert len(set(keys.values())) == len(keys)
