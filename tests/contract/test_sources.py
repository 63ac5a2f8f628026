"""What every data source keeps to. A new plug-in that needs no file is found and tested without an edit."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from benchbench import registry
from benchbench.errors import ScenarioError
from benchbench.scenario.types import Data
from benchbench.workload.costs import Costs
from benchbench.workload.examples import Examples
from benchbench.workload.preparing import Prepared, prepare
from benchbench.workload.rows import SPLITS
from benchbench.workload.source import RowSource, TokenSource
from benchbench.workload.task import Task

VOCABULARY = 500
LENGTH = 16
FROM_A_FILE = {"csv", "jsonl", "parquet", "text", "huggingface"}
# The first of these tasks whose roles an embedded source gives rows for.
TASKS = ("sequence-classification", "causal-lm", "seq2seq-lm")
EMBEDDED = [name for name in registry.names(registry.SOURCES) if name not in FROM_A_FILE]


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.getbasetemp() / "sources-cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder


@pytest.fixture(params=EMBEDDED)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def data_of(name: str, **fields: object) -> Data:
    return Data.model_validate({"source": name, "sequence_length": LENGTH, **fields})


def task_for(name: str) -> Task:
    """A task that the source has rows for."""
    source = registry.load(registry.SOURCES, name)
    tasks = [
        cast(Task, registry.load(registry.TASKS, task)) for task in TASKS if task in registry.names(registry.TASKS)
    ]
    if isinstance(source, TokenSource):
        return tasks[0]
    return next(task for task in tasks if gives(cast(RowSource, source), name, task))


def gives(source: RowSource, name: str, task: Task) -> bool:
    try:
        _, rows = next(iter(source.shards(data_of(name), task.roles, Costs())))
    except ScenarioError:
        return False
    return set(task.roles) <= set(rows.columns)


def made(name: str, room: int = VOCABULARY, **fields: object) -> Prepared:
    return prepare(data_of(name, **fields), task_for(name), room)


def splits(prepared: Prepared) -> dict[str, Examples]:
    return {name: getattr(prepared, name) for name in SPLITS}


def contents(examples: Examples) -> Mapping[str, list[int]]:
    found = {name: column.values.tolist() for name, column in examples.columns.items()}
    found |= {f"{name} ends": column.offsets.tolist() for name, column in examples.columns.items()}
    return found | {name: values.tolist() for name, values in examples.scalars.items()}


def test_every_split_is_well_formed(name: str) -> None:
    prepared = made(name)
    vocabulary, labels = prepared.encoding.vocabulary, prepared.encoding.labels
    for split in splits(prepared).values():
        ids = split.columns["ids"]
        assert len(split) == len(ids) > 0
        assert (ids.values.dtype, ids.offsets.dtype) == (np.int32, np.int64)
        assert all(len(column) == len(split) for column in split.columns.values())
        assert all((v.dtype, v.shape) == (np.int64, (len(split),)) for v in split.scalars.values())
        assert ids.offsets[0] == 0
        assert ids.offsets[-1] == len(ids.values)
        assert ids.lengths.min() >= 1
        assert split.lengths.max() <= LENGTH
        assert ids.values.min() >= 0
        assert ids.values.max() < vocabulary.size <= VOCABULARY
        assert vocabulary.pad not in ids.values, "a row holds no padding of its own"
        if labels:
            assert set(split.scalars["label"].tolist()) <= set(range(len(labels)))
    if labels:
        assert set(prepared.train.scalars["label"].tolist()) == set(range(len(labels)))
    assert 0 <= vocabulary.pad < vocabulary.size
    assert len(prepared.fingerprint) == 64
    assert prepared.licence


def test_the_same_request_gives_the_same_rows(name: str) -> None:
    first, second = made(name), made(name)
    for split in SPLITS:
        assert contents(getattr(first, split)) == contents(getattr(second, split))
    assert first.fingerprint == second.fingerprint


def test_a_small_vocabulary_is_kept_to(name: str) -> None:
    room = 90 if task_for(name).tokenizer == "wordpiece" else 270
    prepared = made(name, room)
    assert prepared.encoding.vocabulary.size <= room
    assert max(int(split.columns["ids"].values.max()) for split in splits(prepared).values()) < room


def test_a_model_without_room_for_a_vocabulary_is_refused(name: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        made(name, 3)
    assert caught.value.key == "model.vocab"


def test_the_rows_of_a_source_count_on(name: str) -> None:
    source = registry.load(registry.SOURCES, name)
    if isinstance(source, TokenSource):
        drawn = source.draw(data_of(name), VOCABULARY, 7, 0)
        assert len(drawn) == 7
        assert drawn.values.max() < VOCABULARY
        return
    seen: dict[str | None, int] = {}
    for split, rows in cast(RowSource, source).shards(data_of(name), task_for(name).roles, Costs()):
        first = seen.get(split, 0)
        assert rows.numbers.tolist() == list(range(first, first + len(rows)))
        assert all(len(values) == len(rows) for values in rows.columns.values())
        seen[split] = first + len(rows)


def test_synthetic_rows_have_exactly_the_sequence_length() -> None:
    for length in (4, 37):
        prepared = made("synthetic", sequence_length=length)
        assert all((split.lengths == length).all() for split in splits(prepared).values())
        assert len(prepared.encoding.labels) == 2
    assert made("synthetic").fingerprint != made("synthetic", sequence_length=17).fingerprint


def test_the_embedded_names_never_change() -> None:
    prepared = made("unicode-names")
    assert sum(len(split) for split in splits(prepared).values()) == 11_889
    assert prepared.fingerprint.startswith("5d152eaa77d5")
