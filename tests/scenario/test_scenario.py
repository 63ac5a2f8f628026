"""A scenario as a value: its key, its name on disk, its combinations, and that nothing in it ever changes."""

from __future__ import annotations

import copy
import json
import operator
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Misfit, Scenario
from benchbench.scenario.types import Model, Target

Write = Callable[[str | bytes], Path]
SMALL = {"name": "a", "model": {"family": "bert"}, "task": "sequence-classification"}


def small(**settings: Any) -> Scenario:
    """The smallest scenario, with some settings."""
    return Scenario.model_validate(SMALL | settings)


def test_nothing_in_a_scenario_changes(scenario: Scenario) -> None:
    for attempt in (
        lambda: setattr(scenario, "name", "b"),
        lambda: setattr(scenario.training, "global_batch", 1),
        lambda: setattr(scenario.training.optimizer, "learning_rate", 1.0),
        lambda: setattr(scenario.search.space["training.optimizer.learning_rate"], "low", 0.5),
        lambda: operator.setitem(scenario.search.space, "precision", ("fp32",)),  # type: ignore[call-overload]
        lambda: operator.delitem(scenario.search.baseline, "precision"),  # type: ignore[call-overload]
        lambda: operator.setitem(scenario.data.clean, 0, "html"),  # type: ignore[call-overload]
    ):
        with pytest.raises((ValidationError, TypeError, AttributeError)):
            attempt()


def test_what_a_scenario_was_made_from_is_let_go() -> None:
    space: dict[str, tuple[str, ...]] = {"precision": ("fp32", "bf16")}
    made = small(search={"space": space})
    space["precision"] = ()
    assert made.search.space["precision"] == ("fp32", "bf16")
    made.document()["search"]["space"]["precision"].append("x")
    assert made.search.space["precision"] == ("fp32", "bf16")


def test_copies_are_equal_and_hash_alike(scenario: Scenario) -> None:
    for same in (copy.copy(scenario), copy.deepcopy(scenario), pickle.loads(pickle.dumps(scenario))):
        assert same == scenario
        assert hash(same) == hash(scenario)
        assert same.key == scenario.key
    assert len({scenario, copy.deepcopy(scenario)}) == 1


def test_the_document_is_json_and_comes_back(scenario: Scenario) -> None:
    document = json.loads(json.dumps(scenario.document(), allow_nan=False))
    assert document == scenario.document()
    assert vary(scenario, {}) == scenario
    assert Scenario.model_validate_json(json.dumps(document)) == scenario
    assert document["schema"] == 1
    assert document["hardware"]["memory_limit"] == "16GiB"
    assert document["measure"]["sample_interval"] == "100ms"


def test_a_python_name_is_not_a_key_of_the_file() -> None:
    with pytest.raises(ValidationError, match="schema_version"):
        small(schema_version=1)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("bert-base", "bert-base"), ("BERT base, 2nd try!", "bert-base-2nd-try"), ("  spaces  ", "spaces"),
        ("a..b", "a-b"), ("Größe", "größe"), ("\uff26ull", "full"), ("名前", "名前"), ("🤗🤗", "scenario"),
        ("---", "scenario"), ("_", "scenario"),
        ("con", "con-scenario"), ("NUL", "nul-scenario"), ("com1", "com1-scenario"), ("console", "console"),
        ("a:b*c?d|e<f>g\"h'i", "a-b-c-d-e-f-g-h-i"), ("~", "scenario"), ("$HOME `ls` $(x)", "home-ls-x"), ("-rf", "rf"),
        ("x" * 200, "x" * 60), ("é" * 200, "é" * 30), ("a" * 59 + "é", "a" * 59), ("a" * 59 + " b", "a" * 59),
    ],
)  # fmt: skip
def test_slugs(name: str, slug: str) -> None:
    assert small(name=name).slug == slug


@given(st.text(min_size=1, max_size=200))
def test_any_name_is_refused_or_has_a_safe_slug(name: str) -> None:
    try:
        slug = small(name=name).slug
    except ValidationError:
        return
    assert 0 < len(slug.encode()) <= 70
    assert not set(slug) & set("/\\\0.:*?\"<>|' ")
    assert not slug.startswith(("-", "_"))
    assert slug.isprintable()


@pytest.mark.parametrize(
    "name", ["a/b", "a\\b", "/", "..", ".", ".a", "", " ", "\n", "a\tb", "a\0", "\x1b[31m", "a\u2029b"]
)
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(ValidationError):
        small(name=name)


@pytest.mark.parametrize("name", ["a.b", "a b", " a ", "con", "~", "a..", "-", "é", "🤗", "x" * 200])
def test_names_that_are_fine(name: str) -> None:
    assert small(name=name).name == name


def misfit(settings: dict[str, Any]) -> Misfit:
    """The misfit of settings."""
    with pytest.raises(ValidationError) as caught:
        small(**settings)
    (detail,) = caught.value.errors()
    error = detail["ctx"]["error"]
    assert isinstance(error, Misfit)
    return error


@pytest.mark.parametrize(
    ("devices", "nodes", "data", "tensor", "pipeline", "key"),
    [
        (1, 1, 1, 1, 1, None), (1, 1, "auto", 1, 1, None), (8, 1, 8, 1, 1, None), (8, 2, "auto", 2, 2, None),
        (8, 2, 4, 2, 2, None), (8, 1, 4, 1, 1, "parallelism.data"), (1, 1, 2, 1, 1, "parallelism.data"),
        (8, 1, "auto", 3, 1, "parallelism.tensor"), (8, 1, "auto", 1, 3, "parallelism.pipeline"),
        (1, 1, "auto", 2, 1, "parallelism.tensor"), (6, 1, 2, 2, 1, "parallelism.data"),
    ],
)  # fmt: skip
def test_degrees_fill_the_devices(
    devices: int, nodes: int, data: int | str, tensor: int, pipeline: int, key: str | None
) -> None:
    settings = {
        "hardware": {"devices": devices, "nodes": nodes},
        "parallelism": {"data": data, "tensor": tensor, "pipeline": pipeline},
    }
    if key is not None:
        assert misfit(settings).key == key
        return
    made = small(**settings)
    assert made.plan.data * tensor * pipeline == devices * nodes == made.plan.world


@pytest.mark.parametrize(
    ("global_batch", "micro_batch", "devices", "pipeline", "key"),
    [
        (32, "auto", 1, 1, None), (32, 32, 1, 1, None), (32, 1, 8, 1, None), (32, 4, 8, 1, None), (32, 8, 4, 4, None),
        (32, 64, 1, 1, "training.micro_batch"), (32, 8, 8, 1, "training.micro_batch"),
        (32, 5, 1, 1, "training.micro_batch"),
        (30, "auto", 8, 1, "training.global_batch"), (4, "auto", 8, 1, "training.global_batch"),
        (32, 16, 4, 4, "training.micro_batch"), (2, "auto", 4, 4, "training.global_batch"),
        (2**61 - 1, 2, 1, 1, "training.micro_batch"),
    ],
)  # fmt: skip
def test_batches_divide(
    global_batch: int, micro_batch: int | str, devices: int, pipeline: int, key: str | None
) -> None:
    settings: dict[str, Any] = {
        "training": {"global_batch": global_batch, "micro_batch": micro_batch},
        "hardware": {"devices": devices},
        "parallelism": {"data": "auto", "pipeline": pipeline},
    }
    if key is None:
        small(**settings)
    else:
        assert misfit(settings).key == key


def test_throughput_needs_no_target() -> None:
    assert small().target is None
    assert misfit({"measure": {"procedure": "time-to-target"}}).key == "measure.procedure"


def test_a_model_needs_no_size() -> None:
    assert Model(family="bert").size is None


@pytest.mark.parametrize(
    ("target", "value", "reached"),
    [
        ({"at_least": 0.9}, 0.9, True), ({"at_least": 0.9}, 0.89, False), ({"at_most": 0.5}, 0.5, True),
        ({"at_most": 0.5}, 0.51, False), ({"at_least": 0.9}, float("nan"), False),
        ({"at_most": 0.9}, float("nan"), False),
        ({"at_least": 0}, 0.0, True), ({"at_most": -1}, -1.0, True),
    ],
)  # fmt: skip
def test_a_target_is_reached(target: dict[str, float], value: float, reached: bool) -> None:
    assert Target.model_validate({"metric": "m"} | target).reached_by(value) is reached


@pytest.mark.parametrize(("clean", "fits"), [((), True), (("dedupe",), True), (("html",), False)])
def test_cleaning_would_move_what_is_counted(clean: tuple[str, ...], fits: bool) -> None:
    data = {"answer_start_column": "starts", "clean": clean}
    if fits:
        small(data=data)
    else:
        assert misfit({"data": data}).key == "clean"
