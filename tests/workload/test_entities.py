"""Entities in IOB2 tags, against cases worked by hand."""

import pytest

from benchbench.workload.entities import entity_f1, is_iob2, spans


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O O O", set()),
        ("B-PER I-PER O", {("PER", 0, 2)}),
        ("B-PER B-PER I-PER", {("PER", 0, 1), ("PER", 1, 3)}),
        ("B-PER I-LOC I-LOC", {("PER", 0, 1), ("LOC", 1, 3)}),
        ("O I-ORG I-ORG O", {("ORG", 1, 3)}),
        ("I-ORG B-ORG", {("ORG", 0, 1), ("ORG", 1, 2)}),
        ("O B-LOC", {("LOC", 1, 2)}),
        ("B-x-y I-x-y I-x", {("x-y", 0, 2), ("x", 2, 3)}),
        ("", set()),
    ],
)
def test_spans(tags: str, expected: set[tuple[str, int, int]]) -> None:
    assert spans(tags.split()) == expected


def rows(*tags: str) -> list[list[str]]:
    return [row.split() for row in tags]


def test_f1_counts_whole_entities() -> None:
    true = rows("B-PER I-PER O B-LOC", "B-ORG O", "O O")
    # Row 1: PER is cut short (wrong), LOC is right. Row 2: the kind is wrong. Row 3: one that is not there.
    predicted = rows("B-PER O O B-LOC", "B-LOC O", "B-PER O")
    # 1 right of 3 that there are and of 4 that were predicted: precision 1/4, recall 1/3, F1 2/7.
    assert entity_f1(true, predicted) == pytest.approx(2 / 7)


def test_f1_of_all_and_of_nothing() -> None:
    found = rows("B-PER I-PER O")
    assert entity_f1(found, found) == 1.0
    assert entity_f1(found, rows("O O O")) == 0.0
    assert entity_f1([], []) == 0.0


def test_entities_of_two_rows_do_not_join() -> None:
    assert entity_f1([["B-PER"], ["I-PER"]], [["B-PER"], ["B-PER"]]) == 1.0


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["O", "B-PER", "I-PER"], True),
        (["B-PER"], True),
        (["O", "I-PER"], False),
        (["O"], False),
        (["NOUN", "VERB"], False),
        (["O", "B-PER", "X"], False),
        (["O", "B-"], False),
        ([], False),
    ],
)
def test_tags_that_mark_entities(labels: list[str], expected: bool) -> None:
    assert is_iob2(labels) is expected
