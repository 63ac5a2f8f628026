"""Splits that never move, a vocabulary that has seen the training rows alone, rows that fit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbench.scenario.types import Data
from benchbench.workload.encoding import TextRows, prepare_texts, split_rows
from benchbench.workload.source import CLS_ID, SEP_ID, UNKNOWN_ID, Encoded
from benchbench.workload.sources import unicode_names


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
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "encoding-cache"))


def lengths(split: Encoded) -> list[int]:
    return np.diff(split.offsets).tolist()


@pytest.mark.parametrize("length", [4, 8, 64])
def test_rows_are_cut_to_the_sequence_length_special_tokens_included(length: int) -> None:
    data = Data(source="unicode-names", sequence_length=length)
    prepared = prepare_texts(unicode_names.rows(), data, 1000)
    for split in (prepared.train, prepared.validation, prepared.test):
        assert max(lengths(split)) <= length
        assert min(lengths(split)) >= 3
        assert (split.ids[split.offsets[:-1]] == CLS_ID).all()
        assert (split.ids[split.offsets[1:] - 1] == SEP_ID).all()
    if length == 4:
        assert max(lengths(prepared.train)) == 4


def test_a_word_of_the_held_out_rows_does_not_enter_the_vocabulary() -> None:
    """Twenty copies of a word of letters that nothing else has, planted in every split but the training's."""
    count = 400
    train, *others = split_rows(count, 0.1, 0.1)
    texts = [f"plain words {n % 7}" for n in range(count)]
    for split in others:
        for row in split:
            texts[row] = "zyzzyva zyzzyva"
    planted = TextRows(texts=tuple(texts), labels=(0,) * count, label_names=("x",), licence="none")
    prepared = prepare_texts(planted, Data(source="unicode-names"), 1000)
    assert len(prepared.train) == len(train)
    assert UNKNOWN_ID not in prepared.train.ids
    assert (prepared.validation.ids == UNKNOWN_ID).sum() == 2 * len(prepared.validation)
    assert (prepared.test.ids == UNKNOWN_ID).sum() == 2 * len(prepared.test)


def test_labels_stay_with_their_rows() -> None:
    rows = unicode_names.rows()
    prepared = prepare_texts(rows, Data(source="unicode-names"), 4000)
    parts = split_rows(len(rows.texts), 0.1, 0.1)
    for split, numbers in zip((prepared.train, prepared.validation, prepared.test), parts, strict=True):
        assert split.labels.tolist() == [rows.labels[i] for i in numbers]


def test_the_fingerprint_sees_every_text_and_label() -> None:
    def fingerprint(texts: tuple[str, ...], labels: tuple[int, ...]) -> str:
        return TextRows(texts=texts, labels=labels, label_names=("a", "b"), licence="none").fingerprint

    whole = fingerprint(("one", "two"), (0, 1))
    assert whole == fingerprint(("one", "two"), (0, 1))
    others = {
        fingerprint(("one", "twp"), (0, 1)), fingerprint(("one", "two"), (1, 1)), fingerprint(("two", "one"), (1, 0)),
        fingerprint(("one",), (0,)),
    }  # fmt: skip
    assert len(others) == 4
    assert whole not in others
