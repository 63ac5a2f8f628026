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
    prepared = prepare(Given(all={"text": texts, "label": ["x", "y"] * (count // 2)}))
    assert len(prepared.train) == len(train)
    assert UNKNOWN_ID not in prepared.train.columns["ids"].values
    for part in (prepared.validation, prepared.test):
        assert (part.columns["ids"].values == UNKNOWN_ID).sum() == 2 * len(part)


@pytest.mark.parametrize(("validation", "test", "lengths"), [(0.1, 0.1, (80, 10, 10)), (0.3, 0.05, (65, 30, 5))])
def test_the_fractions_are_those_of_all_rows(
    prepare: Prepare, validation: float, test: float, lengths: tuple[int, int, int]
) -> None:
    rows = {"text": [f"row {n}" for n in range(100)], "label": ["a", "b"] * 50}
    prepared = prepare(Given(all=rows), validation_fraction=validation, test_fraction=test)
    assert tuple(map(len, splits(prepared))) == lengths


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


def refused(task: str, **data: object) -> ScenarioError:
    with pytest.raises(ScenarioError) as caught:
        preparing.prepare(Data.model_validate(data), registry.load(registry.TASKS, task), 1000)
    return caught.value


def jsonl(file: Path, *rows: Mapping[str, object]) -> str:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


GOOD = ({"text": "a", "label": "x"}, {"text": "b", "label": "y"})


def test_a_row_that_cannot_be_used_is_named_with_its_own_file(tmp_path: Path) -> None:
    train, other = jsonl(tmp_path / "train.jsonl", *GOOD * 10), tmp_path / "other.jsonl"
    for row, says in (
        ({"text": "c", "label": "z"}, "row 3 has the label 'z', which no training row has"),
        ({"text": "c \ud800", "label": "x"}, "row 3 holds half of a character"),
        ({"text": "c", "label": ["x", "y"]}, "row 3 has a list of labels, ['x', 'y']; this task wants one"),
        ({"text": ["c", "d"], "label": "x"}, "rows 1 to 3: a column has both texts and lists of words"),
    ):
        split = {"train": train, "validation": jsonl(other, *GOOD, row)}
        error = refused("sequence-classification", source="jsonl", split=split)
        assert error.message.startswith(f"{other}: {says}")
    answer = {"question": "q", "context": "c", "answer": "nowhere"}
    error = refused("question-answering", source="jsonl", path=jsonl(other, *[answer] * 20))
    assert error.message.startswith(f"{other}: the answer of row 1, 'nowhere', is not in")
    words = {"text": "a b", "label": "X"}
    error = refused("token-classification", source="jsonl", path=jsonl(other, *[words, {**words, "label": "Y"}] * 9))
    assert error.message.startswith(f"{other}: row 1 has 2 words, but tags for 1")


@pytest.mark.parametrize("task", ["sequence-classification", "token-classification"])
def test_a_single_class_is_nothing_to_tell_apart(tmp_path: Path, task: str) -> None:
    file = jsonl(tmp_path / "rows.jsonl", *[{"text": "a", "label": "x"}] * 20)
    error = refused(task, source="jsonl", path=file)
    assert error.key == "data.label_column"
    assert error.message.startswith(f"{file}: every training row has the label 'x'")
    other = jsonl(tmp_path / "other.jsonl", *GOOD)
    assert f"{file}: every" in refused(task, source="jsonl", split={"train": file, "validation": other}).message


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
