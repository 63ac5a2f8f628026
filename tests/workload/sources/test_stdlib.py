"""The standard library as rows of each kind of task."""

import ast
from collections.abc import Sequence

import pytest

from benchbench import registry
from benchbench.scenario.types import Data
from benchbench.workload.costs import Costs
from benchbench.workload.rows import Rows
from benchbench.workload.sources.stdlib import PLUGIN
from benchbench.workload.task import Task

DATA = Data(source="stdlib")


def read(*roles: str) -> list[Rows]:
    return [rows for _, rows in PLUGIN.shards(DATA, roles, Costs())]


def column(shards: Sequence[Rows], role: str) -> list[object]:
    return [value for rows in shards for value in rows.columns[role]]


def test_texts_are_the_modules_in_order() -> None:
    shards = read("text")
    texts, modules = column(shards, "text"), column(shards, "document")
    assert len(texts) > 5000
    assert sum(len(str(text)) for text in texts) < 4_000_000
    assert modules == sorted(modules, key=lambda name: str(name).split("/"))
    assert "abc.py" in modules
    assert not [name for name in modules if {"test", "tests", "idlelib"} & {*str(name).split("/")}]
    own = [str(text) for text, name in zip(texts, modules, strict=True) if name == "abc.py"]
    assert any("class ABCMeta" in text for text in own)
    assert all(text.endswith("\n") and text.strip() for text in own)


def test_functions_lose_their_docstring_and_nothing_else() -> None:
    shards = read("source", "target")
    pairs = dict(zip(column(shards, "target"), column(shards, "source"), strict=True))
    code = str(pairs["A decorator indicating abstract methods."])
    assert code.splitlines() == [
        "def abstractmethod(funcobj):",
        "    funcobj.__isabstractmethod__ = True",
        "    return funcobj",
    ]
    assert len(pairs) > 2000
    for text in list(pairs.values())[::50]:
        ast.parse(str(text))


def test_answers_stand_where_they_are_meant() -> None:
    (rows,) = read("question", "context", "answer")
    assert len(rows) > 2000
    for context, answer in zip(rows.texts("context"), rows.texts("answer"), strict=True):
        assert context[: context.find(answer)].endswith("def ")


def test_labels_are_the_commonest_parts_of_the_library() -> None:
    shards = read("text", "label")
    labels = column(shards, "label")
    assert len(set(labels)) == 8
    assert "asyncio" in labels
    assert all(str(text).lstrip().startswith(("def ", "async def ")) for text in column(shards, "text"))


def test_words_have_their_kinds() -> None:
    shards = [rows for _, rows in PLUGIN.word_shards(DATA, ("text", "label"), Costs())]
    words = [word for row in column(shards, "text") for word in row]  # type: ignore[attr-defined]
    kinds = [kind for row in column(shards, "label") for kind in row]  # type: ignore[attr-defined]
    assert len(words) == len(kinds)
    found = dict(zip(words, kinds, strict=True))
    assert (found["def"], found["self"], found["("], found["0"]) == ("KEYWORD", "NAME", "OP", "NUMBER")
    assert all(str(word).strip() for word in words)


@pytest.mark.parametrize("name", registry.names(registry.TASKS))
def test_every_task_finds_its_roles(name: str) -> None:
    task = registry.load(registry.TASKS, name)
    assert isinstance(task, Task)
    shards = PLUGIN.word_shards if task.labels_words else PLUGIN.shards
    _, rows = next(iter(shards(DATA, task.roles, Costs())))
    assert set(task.roles) <= set(rows.columns)


def test_the_rows_are_the_same_each_time() -> None:
    assert column(read("text"), "text") == column(read("text"), "text")
