"""Which rows make a document, and what its sentences are."""

import pytest

from benchbench.workload.documents import documents, pieces, sentences
from benchbench.workload.rows import Rows


def test_neighbouring_rows_of_one_name_are_a_document() -> None:
    rows = Rows.of({"text": ["a", "b", "c", "d"], "document": ["x", "x", "y", "x"]})
    assert documents(rows) == [["a", "b"], ["c"], ["d"]]


def test_without_names_each_row_is_a_document() -> None:
    assert documents(Rows.of({"text": ["a", ["b", "c"]]})) == [["a"], ["b c"]]


def test_no_rows_no_documents() -> None:
    assert documents(Rows.of({"text": [], "document": []})) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one line\n\nanother\n", ["one line", "another"]),
        ("First. Second one. Third.", ["First.", "Second one.", "Third."]),
        ("Version 2.5 is out. It works", ["Version 2.5 is out.", "It works"]),
        ("only one", ["only one"]),
        ("Ends so. ", ["Ends so."]),
        (" \n", []),
        ("", []),
    ],
)
def test_sentences_are_lines_or_end_with_a_full_stop(text: str, expected: list[str]) -> None:
    assert sentences(Rows.of({"text": [text]})) == [expected]


def test_the_sentences_of_a_document_of_several_rows_are_its_rows() -> None:
    rows = Rows.of({"text": ["A. B.", "C.", " ", "D\nE"], "document": ["x"] * 4})
    assert sentences(rows) == [["A. B.", "C.", "D", "E"]]


def test_pieces_lose_nothing() -> None:
    assert list(pieces([1, 2, 3, 4, 5], 2)) == [[1, 2], [3, 4], [5]]
    assert list(pieces([1, 2], 2)) == [[1, 2]]
    assert list(pieces([], 2)) == []
