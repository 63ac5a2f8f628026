"""The values of a search space and of a baseline, each checked against its own setting."""

from __future__ import annotations

from typing import Any

import pytest

from benchbench.scenario.loading import load
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.types import Range, Search
from tests.scenario.refusing import WHOLE, Write, edited, line_with, refusal

SMALL = {"name": "a", "model": {"family": "bert"}, "task": "sequence-classification"}
SPACE = "precision: [fp32, bf16]"
RANGE = "{low: 1e-5, high: 1e-3, log: true}"
BATCHES = "[8, 16, 32]"
BASELINE = "{precision: fp32}"
RATE_KEY = "search.space.training.optimizer.learning_rate"


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        (SPACE, "precison: [fp32]", "search.space.precison", "unknown key: did you mean 'precision'?"),
        (SPACE, "learning_rate: [1]", "search.space.learning_rate", "did you mean 'training.optimizer.learning_rate'?"),
        (SPACE, "name: [a]", "search.space.name", "cannot be searched"),
        (SPACE, "training.seed: [1]", "search.space.training.seed", "cannot be searched"),
        (SPACE, "measure.repeats: [1]", "search.space.measure.repeats", "cannot be searched"),
        (SPACE, "model.layers: [1]", "search.space.model.layers", "cannot be searched"),
        (SPACE, "training.schedule: [1]", "search.space.training.schedule", "a section, not a setting; name one of"),
        (SPACE, "precision: fp32", "search.space.precision", "a list of values, or {low, high, log, step}, not 'fp32'"),
        (SPACE, "precision:", "search.space.precision", "a list of values, or {low, high, log, step}, not null"),
        (SPACE, "precision: []", "search.space.precision", "not an empty list"),
        (SPACE, "precision: [[fp32]]", "search.space.precision.0", "expected a plain value"),
        (SPACE, "precision: [fp31]", "search.space.precision", "did you mean 'fp32'?"),
        (SPACE, "precision: [fp32, fp32]", "search.space.precision", "'fp32' stands twice in the list"),
        (SPACE, "precision: {low: 1, high: 2}", "search.space.precision", "this takes one of fp32, tf32"),
        (SPACE, "hardware.memory_limit: [1GiB, 1024MiB]", "search.space.hardware.memory_limit", "stands twice"),
        (SPACE, "training.optimizer.l1: [0, 0.0]", "search.space.training.optimizer.l1", "stands twice"),
        (SPACE, "training.optimizer.l1: [-0.0, 0.0]", "search.space.training.optimizer.l1", "stands twice"),
        (SPACE, "training.adapter: [{name: lora}]", "search.space.training.adapter.0", "expected a plain value"),
        (BATCHES, "[8, 16.0]", "search.space.training.global_batch", WHOLE + "16.0; write 16"),
        (BATCHES, "[8, auto]", "search.space.training.global_batch", WHOLE + "'auto'"),
        (BATCHES, "[true]", "search.space.training.global_batch", WHOLE + "true"),
        (BATCHES, "[.nan]", "search.space.training.global_batch.0", "expected a plain value"),
        (BATCHES, "{low: 8.5, high: 9}", "search.space.training.global_batch.low", WHOLE + "8.5"),
        (BATCHES, "{low: 8, high: 64.0}", "search.space.training.global_batch.high", WHOLE + "64.0; write 64"),
        (BATCHES, "{low: 0, high: 9}", "search.space.training.global_batch.low", WHOLE + "0"),
        (BATCHES, "{low: 8, high: 9, step: .5}", "search.space.training.global_batch.step", "expected a whole number"),
        (BATCHES, f"{[*range(1, 1002)]}", "search.space.training.global_batch", "1,001 values; at most 1,000 are"),
        (RANGE, "{low: 2, high: 1}", RATE_KEY + ".high", "low = 2 is not below high = 1"),
        (RANGE, "{low: 1, high: 1}", RATE_KEY + ".high", "low = 1 is not below high = 1"),
        (RANGE, "{low: 0.0, high: 1, log: true}", RATE_KEY + ".low", "a logarithmic range needs low above 0"),
        (RANGE, "{low: 0.0, high: 1}", RATE_KEY + ".low", "expected a number above 0, not 0.0"),
        (RANGE, "{low: 1, high: 2, step: 1, log: true}", RATE_KEY + ".step", "log and step exclude each other"),
        (RANGE, "{low: 1, high: 2, step: 0}", RATE_KEY + ".step", "step must be above 0"),
        (RANGE, "{low: 1, high: 2, step: 3}", RATE_KEY + ".step", "at most high - low = 1, not 3"),
        (RANGE, "{low: .nan, high: 2}", RATE_KEY + ".low", "expected a number, not .nan"),
        (RANGE, "{low: 1, high: .inf}", RATE_KEY + ".high", "expected a number, not .inf"),
        (RANGE, "{low: a, high: 2}", RATE_KEY + ".low", "expected a number, not 'a'"),
        (RANGE, "{low: true, high: 2}", RATE_KEY + ".low", "expected a number, not true"),
        (RANGE, "{low: 1, high: 2, log: yes}", RATE_KEY + ".log", "expected true or false, not 'yes'"),
        (RANGE, "{low: 1}", RATE_KEY + ".high", "required, and not there; expected a number"),
        (RANGE, "{low: 1, high: 2, lgo: true}", RATE_KEY + ".lgo", "did you mean"),
        (BASELINE, "{precision: fp31}", "search.baseline.precision", "did you mean 'fp32'?"),
        (BASELINE, "{precison: fp32}", "search.baseline.precison", "did you mean 'precision'?"),
        (BASELINE, "{precision: [fp32]}", "search.baseline.precision", "expected a plain value"),
        (BASELINE, "[precision]", "search.baseline", "expected a section of keys and values, not a list"),
        (BASELINE, "{training: {global_batch: 8}}", "search.baseline.training", "expected a plain value"),
        (BASELINE, "{task: x}", "search.baseline.task", "cannot be searched"),
        (BASELINE, "{training.micro_batch: 64}", "search.baseline.training.micro_batch", "64 is above global_batch"),
        (BASELINE, "{hardware.devices: 2}", "search.baseline", "with these overrides parallelism.data: data 1 x"),
    ],
)  # fmt: skip
def test_the_search_section(text: str, write: Write, old: str, new: str, key: str, words: str) -> None:
    changed = edited(text, old, new)
    error = refusal(write(changed))
    assert error.key == key
    assert words in error.message
    assert error.line == line_with(text, old)


def test_a_space_value_need_not_fit_the_rest(text: str, write: Write) -> None:
    (scenario,) = load(write(edited(text, BATCHES, "[8, 1024]\n    training.micro_batch: [auto, 512]")))
    assert scenario.search.space["training.micro_batch"] == ("auto", 512)


def test_a_list_may_have_a_thousand_values(text: str, write: Write) -> None:
    batches = "[" + ", ".join(map(str, range(1, 1001))) + "]"
    (scenario,) = load(write(edited(text, BATCHES, batches)))
    assert len(scenario.search.space["training.global_batch"]) == 1000  # type: ignore[arg-type]


def searching(space: dict[str, Any], baseline: dict[str, Any] | None = None) -> Search:
    """The search section of the smallest scenario."""
    return Scenario.model_validate(SMALL | {"search": {"space": space, "baseline": baseline or {}}}).search


def test_whole_numbers_become_floats_where_the_setting_is_one() -> None:
    search = searching(
        {
            "training.optimizer.weight_decay": {"low": 0, "high": 1, "step": 1},
            "training.optimizer.learning_rate": (1, 0.5),
            "training.global_batch": {"low": 8, "high": 64, "step": 8},
            "training.dropout": (None, 0),
            "hardware.memory_limit": ("1GiB", 2**31),
        },
        {"training.gradient_clip": 2},
    )
    decay, batch = search.space["training.optimizer.weight_decay"], search.space["training.global_batch"]
    assert isinstance(decay, Range)
    assert isinstance(batch, Range)
    assert (decay.whole, batch.whole) == (False, True)
    assert [type(v) for v in (decay.low, decay.high, decay.step)] == [float] * 3
    assert [type(v) for v in search.space["training.optimizer.learning_rate"]] == [float, float]
    assert [type(v) for v in search.space["training.dropout"]] == [type(None), float]
    assert search.space["hardware.memory_limit"] == ("1GiB", 2**31)
    assert isinstance(search.baseline["training.gradient_clip"], float)


def test_the_order_of_the_space_is_kept() -> None:
    space = {"training.global_batch": (8,), "precision": ("bf16",), "data.workers": (0,)}
    assert list(searching(space).space) == list(space)


def test_checking_the_values_keeps_the_method() -> None:
    search = {"space": {"precision": ("fp32", "bf16")}, "baseline": {"precision": "fp32"}, "method": "tpe"}
    assert Scenario.model_validate({**SMALL, "search": search}).search.method == "tpe"


def test_an_unknown_method_is_told_the_known_ones(text: str, write: Write) -> None:
    error = refusal(write(text + "  method: tpee\n"))
    assert error.key == "search.method"
    assert "did you mean 'tpe'?" in error.message
