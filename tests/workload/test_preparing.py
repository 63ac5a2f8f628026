"""Splits that never move, a vocabulary that has seen the training rows alone, rows that fit."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbench import registry
from benchbench.errors import ScenarioError
from benchbench.scenario.types import Data
from benchbench.workload import preparing
from benchbench.workload.costs import Costs
from benchbench.workload.examples import Examples
from benchbench.workload.preparing import Prepared, split_rows
from benchbench.workload.rows import Rows, Value
from benchbench.workload.source import RowSource
from benchbench.workload.sources import unicode_names
from benchbench.workload.vocabulary import CLS_ID, SEP_ID, UNKNOWN_ID

TASK = registry.load(registry.TASKS, "sequence-classification")


@settings(deadline=None)
@given(
    rows=st.integers(0, 500),
    fractions=st.tuples(st.floats(0.01, 0.45), st.floats(0.01, 0.45)),
)
def test_splits_are_disjoint_complete_and_always_the_same(rows: int, fractions: tuple[float, float]) -> None:
    parts = split_rows(rows, *fractions)
    assert sorted(np.concatenate(parts).tolist()) == list(range(rows))
    assert all((np.diff(part) > 0).all() for part in parts)
    assert [len(part) for part in parts[1:]] == [round(rows * f) for f in fractions]
    again = split_rows(rows, *fractions)
    assert all(np.array_equal(a, b) for a, b in zip(parts, again, strict=True))


def test_a_split_is_drawn_and_not_cut() -> None:
    _, validation, _ = split_rows(1000, 0.1, 0.1)
    assert 300 < validation.mean() < 700
    assert np.diff(validation).max() > 2


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "preparing-cache"))


class Given(RowSource):
    """Rows as a test states them, in one shard for each split that it names."""

    def __init__(self, **splits: Mapping[str, Sequence[Value]]) -> None:
        self._splits = splits

    def shards(self, data: Data, roles: Sequence[str], costs: Costs) -> Iterator[tuple[str | None, Rows]]:
        for split, columns in self._splits.items():
            yield (None if split == "all" else split), Rows.of(columns)


Prepare = Callable[..., Prepared]


@pytest.fixture
def prepare(monkeypatch: pytest.MonkeyPatch) -> Prepare:
    """Prepares the rows of a source that is no plug-in."""

    def prepared(source: RowSource, room: int = 1000, **fields: object) -> Prepared:
        with monkeypatch.context() as patch:
            patch.setattr(registry, "load", lambda _kind, _name: source)
            return preparing.prepare(Data.model_validate({"source": "unicode-names", **fields}), TASK, room)

    return prepared


def splits(prepared: Prepared) -> tuple[Examples, Examples, Examples]:
    return prepared.train, prepared.validation, prepared.test


@pytest.mark.parametrize("length", [4, 8, 64])
def test_rows_are_cut_to_the_sequence_length_special_tokens_included(length: int) -> None:
    data = Data(source="unicode-names", sequence_length=length)
    prepared = preparing.prepare(data, TASK, 1000)
    for split in splits(prepared):
        ids = split.columns["ids"]
        assert split.lengths.max() <= length
        assert split.lengths.min() >= 3
        assert (ids.values[ids.offsets[:-1]] == CLS_ID).all()
        assert (ids.values[ids.offsets[1:] - 1] == SEP_ID).all()
    if length == 4:
        assert prepared.train.lengths.max() == 4


def test_a_word_of_the_held_out_rows_does_not_enter_the_vocabulary(prepare: Prepare) -> None:
    """Two copies of a word of letters that nothing else has, planted in every row but the training's."""
    count = 400
    train, *others = split_rows(count, 0.1, 0.1)
    texts = [f"plain words {n % 7}" for n in range(count)]
    for part in others:
        for row in part:
            texts[row] = "zyzzyva zyzzyva"
    prepared = prepare(Given(all={"text": texts, "label": ["x"] * count}))
    assert len(prepared.train) == len(train)
    assert UNKNOWN_ID not in prepared.train.columns["ids"].values
    for part in (prepared.validation, prepared.test):
        assert (part.columns["ids"].values == UNKNOWN_ID).sum() == 2 * len(part)


def test_labels_stay_with_their_rows() -> None:
    categories = unicode_names.rows().texts("label")
    prepared = preparing.prepare(Data(source="unicode-names"), TASK, 4000)
    names = prepared.encoding.labels
    assert names == ("Ll", "Lo", "Lu", "Mn", "Nd", "No", "Sm", "So"), "in the order of their names"
    for split, numbers in zip(splits(prepared), split_rows(len(categories), 0.1, 0.1), strict=True):
        assert [names[label] for label in split.scalars["label"]] == [categories[i] for i in numbers]


def rows_of(*texts: str) -> dict[str, list[str]]:
    return {"text": list(texts), "label": ["a", "b", *"a" * (len(texts) - 2)]}


def test_a_source_that_has_splits_of_its_own_keeps_them(prepare: Prepare) -> None:
    parts = {
        "train": rows_of("one", "2", "three"),
        "validation": rows_of("four", "five"),
        "test": rows_of("six", "2"),
    }
    prepared = prepare(Given(**parts))
    assert [len(split) for split in splits(prepared)] == [3, 2, 2]
    assert prepared.encoding.vocabulary.decode(list(prepared.train.columns["ids"][2])) == "three"


def test_a_label_that_no_training_row_has_is_refused_with_its_row(prepare: Prepare) -> None:
    parts = {
        "train": rows_of("1", "2"),
        "validation": {"text": ["3", "4"], "label": ["a", "c"]},
        "test": rows_of("5", "6"),
    }
    with pytest.raises(ScenarioError, match=r"row 2 .*'c'") as caught:
        prepare(Given(**parts))
    assert caught.value.key == "data.label_column"


def test_a_source_without_what_the_task_needs_is_refused(prepare: Prepare) -> None:
    with pytest.raises(ScenarioError, match=r"has no label.* it has text") as caught:
        prepare(Given(all={"text": ["a", "b"]}))
    assert caught.value.key == "data.source"


def test_the_fingerprint_sees_every_text_label_and_split(prepare: Prepare) -> None:
    def fingerprint(*texts: str, **splits: Mapping[str, Sequence[str]]) -> str:
        return prepare(Given(**(splits or {"all": rows_of(*texts)}))).fingerprint

    names = [f"row {n}" for n in range(20)]
    whole = fingerprint(*names)
    assert whole == fingerprint(*names)
    labels = rows_of(*names)
    labels["label"][7] = "b"
    files = {"train": rows_of("a", "b"), "validation": rows_of("c", "d"), "test": rows_of("e", "f")}
    swapped = {"train": files["train"], "validation": files["test"], "test": files["validation"]}
    others = {
        fingerprint(*names[:-1], "row 0"), fingerprint(*reversed(names)), fingerprint(*names[1:]),
        fingerprint(all=labels), fingerprint(**files), fingerprint(**swapped),
    }  # fmt: skip
    assert len(others) == 6
    assert whole not in others


@pytest.mark.parametrize(("column", "occurrence"), [(None, 0), ("answers.answer_start", 1)])
def test_where_an_answer_begins_may_stand_in_a_column(tmp_path: Path, column: str | None, occurrence: int) -> None:
    row = {"question": "which", "context": "fox and fox", "answers": {"text": ["fox"], "answer_start": [8]}}
    without = {"question": "which", "context": "fox and fox", "answers": {"text": [], "answer_start": []}}
    file = tmp_path / "rows.jsonl"
    file.write_text(f"{json.dumps(row)}\n" * 20 + f"{json.dumps(without)}\n" * 20)
    columns = {"answer_column": "answers.text", "answer_start_column": column}
    data = Data.model_validate({"source": "jsonl", "path": str(file), **columns})
    train = preparing.prepare(data, registry.load(registry.TASKS, "question-answering"), 1000).train
    fox, starts = len(["[CLS]", "which", "[SEP]"]), train.scalars["start"]
    assert set(starts.tolist()) == {0, fox + 2 * occurrence}
