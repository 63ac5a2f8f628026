"""The rules: what takes most of a step, and two levers that the scenario does not pull already."""

from __future__ import annotations

from typing import Any

import pytest

from benchbench.record.breakdown import Breakdown, Part
from benchbench.record.diagnosis import diagnose
from benchbench.scenario.scenario import Scenario


def scenario(**sections: Any) -> Scenario:
    return Scenario.model_validate({
        "name": "t", "model": {"family": "bert"}, "task": "sequence-classification", **sections,
    })  # fmt: skip


def step(most: Part, **others: float) -> Breakdown:
    seconds: dict[Any, float] = {"matrix-products": 0.1, "attention": 0.1, "elementwise": 0.1, most: 0.7, **others}
    return Breakdown(device="cpu", steps=3, step_s=sum(seconds.values()), seconds=seconds)


@pytest.mark.parametrize(
    ("most", "bound", "sections", "levers"),
    [
        ("data", "data", {}, ["data.workers", "data.prefetch"]),
        ("data", "data", {"data": {"workers": 2, "prefetch": 8}}, ["data.workers", "training.global_batch"]),
        ("overhead", "launch", {}, ["training.compile", "training.global_batch"]),
        (
            "overhead", "launch", {"training": {"micro_batch": 4, "global_batch": 32}},
            ["training.micro_batch", "training.compile"],
        ),
        ("elementwise", "memory", {}, ["training.compile", "precision"]),
        ("optimizer", "memory", {"precision": "bf16"}, ["training.compile", "training.global_batch"]),
        (
            "copies", "memory", {"training": {"compile": "default", "attention": "eager"}},
            ["precision", "training.attention"],
        ),
        ("communication", "communication", {}, ["parallelism.communication", "parallelism.local_sgd"]),
        ("matrix-products", "compute", {}, ["precision", "data.batching"]),
        (
            "attention", "compute", {"precision": "bf16", "training": {"activation_checkpointing": "full"}},
            ["training.activation_checkpointing", "data.batching"],
        ),
        (
            "matrix-products", "compute", {"precision": "bf16", "data": {"source": "synthetic"}},
            ["training.compile", "training.global_batch"],
        ),
    ],
)  # fmt: skip
def test_the_rules(most: Part, bound: str, sections: dict[str, Any], levers: list[str]) -> None:
    found = diagnose(step(most), scenario(**sections))
    assert found.bound == bound
    assert [lever.key for lever in found.levers] == levers


def test_parts_of_one_kind_are_added_up() -> None:
    spread = step("data", data=0.25, **{"matrix-products": 0.1}, elementwise=0.15, optimizer=0.1, copies=0.1)
    found = diagnose(spread, scenario())
    assert found.bound == "memory"
    assert found.share == pytest.approx(0.35 / 0.8)
    assert "44 %" in found.sentence


def test_the_sentence_names_the_bound_and_its_share() -> None:
    found = diagnose(step("data"), scenario())
    assert found.sentence == "The step is data-bound: 70 % of it waits for batches."
