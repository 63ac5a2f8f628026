"""Answers: where they stand, and SQuAD's measures against hand-worked cases."""

import math

import pytest

from benchbench.errors import ScenarioError
from benchbench.workload.answers import exact_match, f1, places, words
from benchbench.workload.rows import Rows


def rows(answer: str, context: str, start: str | None = None) -> Rows:
    columns = {"question": ["who?"] * 3, "context": ["x", "y", context], "answer": ["x", "y", answer]}
    if start is not None:
        columns["answer_start"] = ["0", "0", start]
    return Rows.of(columns, first=7)


@pytest.mark.parametrize(
    ("answer", "context", "start", "place"),
    [
        ("Ada", "It was Ada, not Ada B.", None, (7, 10)),
        ("Ada", "It was Ada, not Ada B.", "16", (16, 19)),
        (" Ada ", "It was Ada, not Ada B.", "15", (16, 19)),
        (" Ada\n", "It was Ada.", None, (7, 10)),
        ("größer", "😀😀 größer", None, (3, 9)),
        ("", "It was Ada.", None, None),
        (" ", "It was Ada.", "-1", None),
    ],
)
def test_an_answer_stands_where_it_first_occurs_or_is_said_to(
    answer: str, context: str, start: str | None, place: tuple[int, int] | None
) -> None:
    assert places(rows(answer, context, start))[2] == place


@pytest.mark.parametrize(
    ("answer", "start", "said"),
    [
        ("ada", None, "the answer of row 10, 'ada', is not in its context"),
        ("Ada", "3", "the answer of row 10, 'Ada', is not at character 3 of its context"),
        ("Ada", "x", "the answer_start of row 10 is 'x'"),
        ("b" * 99, None, "the answer of row 10, '" + "b" * 60 + "...', is not in its context"),
    ],
)
def test_an_answer_that_is_elsewhere_is_refused_by_its_row(answer: str, start: str | None, said: str) -> None:
    with pytest.raises(ScenarioError, match=said.replace(".", r"\.")) as caught:
        places(rows(answer, "It was Ada.", start))
    assert caught.value.key == ("data.answer_column" if start is None else "data.answer_start_column")


def test_words_are_compared_without_case_punctuation_and_articles() -> None:
    assert words("The  cat's a U.S.\tAnnex") == ["cats", "us", "annex"]
    assert words("an a the") == []
    assert words("another theory") == ["another", "theory"]
    assert words("Straße, über") == ["straße", "über"]


@pytest.mark.parametrize(
    ("true", "found", "exact", "shared"),
    [
        ("the Eiffel Tower", "Eiffel tower!", 1.0, 1.0),
        ("Eiffel Tower", "tower Eiffel", 0.0, 1.0),
        ("in Paris, France", "Paris", 0.0, 2 * 1 / (3 + 1)),
        ("no no yes", "no", 0.0, 2 * 1 / (3 + 1)),
        ("no", "no no", 0.0, 2 * 1 / (1 + 2)),
        ("Paris", "London", 0.0, 0.0),
        ("", "", 1.0, 1.0),
        ("the", "", 1.0, 1.0),
        ("", "Paris", 0.0, 0.0),
        ("Paris", "", 0.0, 0.0),
    ],
)
def test_measures_of_one_answer(true: str, found: str, exact: float, shared: float) -> None:
    assert exact_match([true], [found]) == exact
    assert f1([true], [found]) == pytest.approx(shared)


def test_measures_are_means_over_the_answers() -> None:
    assert exact_match(["a b", "c", "d"], ["b", "x", "e"]) == pytest.approx(1 / 3)
    assert f1(["x b", "c", "d"], ["b", "c", "e"]) == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert math.isnan(exact_match([], []))
    assert math.isnan(f1([], []))
