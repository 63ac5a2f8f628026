"""A knob is declared once, in the type of its field."""

from __future__ import annotations

import pytest

from benchbench.scenario.expected import node_at, schema_of
from benchbench.scenario.knobs import Factor, Knob, Lever, knob, knobs_of, section_of
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.space import fields_of
from benchbench.scenario.training_types import Training
from benchbench.values import Value

KNOBS = {k.key: k for k in knobs_of(Scenario)}
LEVERS = (
    "training.",
    "parallelism.",
    "precision",
    "hardware.",
    "data.batching",
    "data.clean",
    "data.balance",
    "data.workers",
    "data.prefetch",
)
# What stands in those sections and is no lever: it says what is asked.
NO_KNOBS = {
    "training.seed", "training.adapter.name", "training.checkpoint_every", "training.resume", "hardware.expect",
    "hardware.price_per_hour", "hardware.carbon_g_per_kwh",
}  # fmt: skip


def test_every_lever_of_the_design_is_a_knob() -> None:
    settings = {key for key, field in fields_of(Scenario) if key.startswith(LEVERS)}
    sections = {key for key, field in fields_of(Scenario) if section_of(field) is not None} - {"training.adapter"}
    assert settings - sections - NO_KNOBS == set(KNOBS) - {"data.sequence_length"}


def test_what_is_asked_is_no_knob() -> None:
    for key in ("name", "task", "model.family", "data.source", "target.at_least", "measure.repeats", *NO_KNOBS):
        assert key not in KNOBS


@pytest.mark.parametrize(
    ("key", "lever", "moves"),
    [
        ("training.compile", Lever.SOFTWARE, Factor.STEP_S), ("training.attention", Lever.SOFTWARE, Factor.STEP_S),
        ("data.workers", Lever.SOFTWARE, Factor.STEP_S), ("training.micro_batch", Lever.SOFTWARE, Factor.STEP_S),
        ("training.activation_checkpointing", Lever.SOFTWARE, Factor.STEP_S),
        ("parallelism.shard", Lever.HARDWARE, Factor.STEP_S), ("hardware.threads", Lever.HARDWARE, Factor.STEP_S),
        ("training.optimizer.learning_rate", Lever.ALGORITHM, Factor.STEPS), ("precision", Lever.SOFTWARE, Factor.BOTH),
        ("training.global_batch", Lever.ALGORITHM, Factor.BOTH), ("parallelism.local_sgd", Lever.HARDWARE, Factor.BOTH),
        ("training.compression.prune", Lever.ALGORITHM, Factor.BOTH),
        ("parallelism.communication", Lever.HARDWARE, Factor.BOTH),
    ],
)  # fmt: skip
def test_the_factors_that_the_design_names(key: str, lever: Lever, moves: Factor) -> None:
    assert KNOBS[key] == Knob(key, lever, moves)


def test_every_setting_says_what_it_is() -> None:
    for key, field in fields_of(Scenario):
        assert section_of(field) is not None or field.description, key


def test_a_knob_stands_in_the_json_schema() -> None:
    node = node_at(schema_of(Training), ("compile",))
    assert (node["lever"], node["moves"], node["default"]) == ("software", "seconds-per-step", "none")


def test_knobs_inside_sections_have_dotted_keys() -> None:
    class Inner(Value):
        depth: int = knob(1, Lever.SOFTWARE, Factor.BOTH, "how deep")
        plain: int = 2

    class Outer(Value):
        inner: Inner = Inner()
        maybe: Inner | None = None
        width: float = knob(1.0, Lever.HARDWARE, Factor.STEPS, "how wide")

    assert [k.key for k in knobs_of(Outer)] == ["inner.depth", "maybe.depth", "width"]
    assert next(knobs_of(Outer, "top.")) == Knob("top.inner.depth", Lever.SOFTWARE, Factor.BOTH)
