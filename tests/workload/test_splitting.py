"""Splits that share no row and keep documents whole; chunks that end with documents."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbench.errors import ScenarioError
from benchbench.scenario.types import Data
from benchbench.workload.columns import SHARD_CHARACTERS, SHARD_ROWS
from benchbench.workload.examples import Longs
from benchbench.workload.splitting import UNNAMED, Outline, chunks, split, split_rows

DATA = Data()


def outline(
    rows: int, documents: list[int] | Longs | None = None, named: list[int] | None = None, characters: int = 10
) -> Outline:
    return Outline(
        splits=np.full(rows, UNNAMED, np.int8) if named is None else np.array(named, np.int8),
        documents=None if documents is None else np.asarray(documents, dtype=np.int64),
        characters=np.full(rows, characters, dtype=np.int64),
    )


def every(rows: int) -> Longs:
    return np.arange(rows, dtype=np.int64)


def test_rows_without_documents_are_drawn() -> None:
    found = split(outline(1000), every(1000), DATA)
    for name, part in zip(("train", "validation", "test"), split_rows(1000, 0.1, 0.1), strict=True):
        assert np.array_equal(found[name], part)


@settings(deadline=None)
@given(sizes=st.lists(st.integers(1, 12), min_size=3, max_size=80), seed=st.integers(0, 9))
def test_splits_are_disjoint_and_complete(sizes: list[int], seed: int) -> None:
    documents = np.repeat(np.arange(len(sizes)), sizes)
    kept = np.flatnonzero(np.random.default_rng(seed).random(len(documents)) < 0.8)
    kept = kept if len(kept) > 3 else every(len(documents))
    found = split(outline(len(documents), documents), kept, DATA)
    assert np.array_equal(np.sort(np.concatenate([*found.values()])), kept)
    assert all(len(rows) and (np.diff(rows) > 0).all() for rows in found.values())


def test_documents_stay_whole_where_there_are_enough() -> None:
    documents = np.repeat(np.arange(100), 7)
    found = split(outline(700, documents), every(700), DATA)
    owners = {name: set(documents[rows].tolist()) for name, rows in found.items()}
    assert not owners["train"] & owners["validation"]
    assert not owners["train"] & owners["test"]
    assert not owners["validation"] & owners["test"]
    assert 35 <= len(found["validation"]) <= 70
    assert 35 <= len(found["test"]) <= 70
    assert max(owners["validation"]) - min(owners["validation"]) > 20, "drawn, and not cut"


@pytest.mark.parametrize("documents", [[0] * 100, [0] * 90 + [1] * 10, [0] * 98 + [1, 2]])
def test_else_the_sequence_is_cut_in_three_stretches(documents: list[int]) -> None:
    found = split(outline(100, documents), every(100), DATA)
    assert found["train"].tolist() == list(range(80))
    assert found["validation"].tolist() == list(range(80, 90))
    assert found["test"].tolist() == list(range(90, 100))


def test_named_splits_are_kept_and_missing_ones_drawn_from_the_training() -> None:
    named = [0] * 50 + [1] * 5 + [2] * 5
    found = split(outline(60, named=named), every(60), DATA)
    assert [part.tolist() for part in found.values()] == [list(range(50)), list(range(50, 55)), list(range(55, 60))]
    without = split(outline(55, named=named[:55]), every(55), DATA)
    assert without["validation"].tolist() == list(range(50, 55))
    assert len(without["test"]) == 5
    assert set(without["test"]) < set(range(50))
    assert sorted([*without["train"], *without["test"]]) == list(range(50))


def test_too_few_rows_are_refused() -> None:
    assert [len(part) for part in split(outline(3), every(3), DATA).values()] == [1, 1, 1]
    with pytest.raises(ScenarioError, match="2 rows cannot be parted") as caught:
        split(outline(2), every(2), DATA)
    assert caught.value.key == "data.source"
    with pytest.raises(ScenarioError, match="no validation row is left after cleaning") as caught:
        split(outline(4, named=[0, 0, 0, 1]), every(3), DATA)
    assert caught.value.key == "data.clean"


def test_chunks_are_bounded_in_rows_and_characters() -> None:
    rows = every(25_000)
    found = chunks(rows, outline(len(rows)))
    assert [len(part) for part in found] == [SHARD_ROWS, SHARD_ROWS, 5000], "what is half of one is a chunk of its own"
    assert np.array_equal(np.concatenate(found), rows)
    long = chunks(every(40), outline(40, characters=SHARD_CHARACTERS // 8))
    assert [len(part) for part in long] == [8, 8, 8, 8, 8]


@settings(deadline=None, max_examples=30)
@given(sizes=st.lists(st.integers(1, 9000), min_size=2, max_size=20))
def test_chunks_end_with_documents(sizes: list[int]) -> None:
    documents = np.repeat(np.arange(len(sizes)), sizes)
    found = chunks(every(len(documents)), outline(len(documents), documents))
    assert np.array_equal(np.concatenate(found), every(len(documents)))
    for before, after in pairwise(found):
        assert documents[before[-1]] != documents[after[0]]
    assert all(len(set(documents[part])) > 1 for part in found), "a false next sentence is of another document"
    assert all(len(part) <= 5 * SHARD_ROWS for part in found)


def test_a_very_long_document_is_cut() -> None:
    rows = every(100_000)
    found = chunks(rows, outline(len(rows), np.zeros(len(rows), np.int64)))
    assert np.array_equal(np.concatenate(found), rows)
    assert max(len(part) for part in found) <= 4 * SHARD_ROWS
