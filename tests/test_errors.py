"""The error tree, its exit codes, and the hint about a name that nobody knows."""

from __future__ import annotations

import pickle

import pytest

from benchbench import errors
from benchbench.errors import BenchBenchError, ScenarioError, closest, nearest

CODES = {
    "InputError": 2,
    "ScenarioError": 2,
    "UnsupportedError": 2,
    "RecordError": 2,
    "StoreError": 3,
    "Interrupted": 130,
}


def test_every_class_has_the_documented_exit_code() -> None:
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, BenchBenchError)]
    assert {c.__name__: c.exit_code for c in classes if c is not BenchBenchError} == CODES


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    assert errors.__doc__ is not None
    for name, code in CODES.items():
        assert name in errors.__doc__
        assert str(code) in errors.__doc__


def test_kinds_are_different() -> None:
    kinds = [getattr(errors, name).kind for name in CODES]
    assert len(set(kinds)) == len(kinds)


@pytest.mark.parametrize(
    ("where", "text"),
    [
        ({}, "wrong"),
        ({"file": "a.yaml"}, "a.yaml: wrong"),
        ({"file": "a.yaml", "line": 3}, "a.yaml:3: wrong"),
        ({"file": "a.yaml", "line": 3, "key": "x.y"}, "a.yaml:3: x.y: wrong"),
        ({"key": "x.y"}, "x.y: wrong"),
        ({"line": 3, "key": "x.y"}, "x.y: wrong"),
        ({"file": "a.yaml", "key": "x.y", "via": "--set"}, "a.yaml: x.y (--set): wrong"),
        ({"via": "--set"}, "(--set): wrong"),
    ],
)
def test_a_message_says_where(where: dict[str, str], text: str) -> None:
    assert str(ScenarioError("wrong", **where)) == text  # type: ignore[arg-type]


def test_an_error_survives_pickling() -> None:
    error = ScenarioError("wrong", file="a.yaml", line=3, key="x.y", via="--set")
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error)
    assert (copy.message, copy.file, copy.line, copy.key, copy.via) == ("wrong", "a.yaml", 3, "x.y", "--set")


def test_the_nearest_name() -> None:
    assert nearest("precison", ["precision", "parallelism"]) == "did you mean 'precision'?"


def test_case_does_not_count() -> None:
    assert nearest("BF16", ["fp16", "bf16"]) == "did you mean 'bf16'?"
    assert nearest("lu", ["Lu", "Sm"]) == "did you mean 'Lu'?"


def test_all_names_when_none_is_near() -> None:
    assert nearest("zzz", ["b", "a", "a"]) == "known: a, b"


def test_no_names_at_all() -> None:
    assert nearest("zzz", []) == "none is known"


def test_long_lists_are_cut() -> None:
    hint = nearest("zzz", [f"name{i:03d}" for i in range(100)])
    assert hint.startswith("known: name000, name001")
    assert hint.endswith("and 80 more")


def test_a_look_alike_letter_is_named() -> None:
    hint = nearest("prеcision", ["precision"])  # noqa: RUF001 - the point of the test
    assert hint == "did you mean 'precision'? (yours has cyrillic small letter ie in it)"


@pytest.mark.parametrize("name", ["", "x" * 100_000, "\ud800", "\0", "🤗"])
def test_any_name_has_a_hint(name: str) -> None:
    assert nearest(name, ["precision", "training"])


def test_closest_is_none_when_nothing_is_near() -> None:
    assert closest("zzz", ["precision"]) is None
    assert closest("presicion", ["precision"]) == "precision"
    assert closest("batch_size", ["batching"], cutoff=0.8) is None
