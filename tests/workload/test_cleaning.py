"""Cleaning steps, alone and in order; what they leave empty or have seen before."""

import numpy as np
import pytest

from benchbench.scenario.types import Data
from benchbench.workload.cleaning import DEDUPE, STEPS, clean, first_of_each
from benchbench.workload.rows import Rows


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        ("unicode", "\ufb01ne \u2460\x00\x1b[1m\ttab\r\nline", "fine 1[1m\ttab\nline"),
        ("unicode", "e\u0301", "\u00e9"),
        ("html", "<p>one</p><p>two &amp; <b>th</b>ree</p>", " one  two & three "),
        ("html", "<script>x = '<p>'</script>seen<!-- not --><br/>too<style>p {}</style>", "seen too"),
        ("html", "AT&amp;T &lt;3, a < b and c > d", "AT&T <3, a < b and c > d"),
        ("whitespace", "  a\t b\n\n c\u00a0d ", "a b c d"),
        ("lowercase", "ÄB c", "äb c"),
        ("stop-words", "The cat is not on the mat", "cat not mat"),
        ("stop-words", "Don't theorise, Isabel", "Don't theorise, Isabel"),
    ],
)
def test_a_step(step: str, text: str, expected: str) -> None:
    assert STEPS[step](text) == expected


def test_every_step_that_a_scenario_may_name_is_there() -> None:
    named = Data.model_json_schema()["properties"]["clean"]["items"]["enum"]
    assert {*named} == {*STEPS, DEDUPE}


def cleaned(steps: list[str], **columns: list[object]) -> dict[str, list[object]]:
    rows = Rows.of(columns)  # type: ignore[arg-type]
    return {role: list(values) for role, values in clean(rows, steps, [*columns]).rows.columns.items()}


def test_the_order_counts() -> None:
    text: list[object] = ["&lt;b&gt;Bold&lt;/b&gt;  word"]
    assert cleaned(["html"], text=text) == {"text": ["<b>Bold</b>  word"]}
    assert cleaned(["html", "html"], text=text) == {"text": ["Bold  word"]}
    gap: list[object] = ["<p>a</p><p>b</p>"]
    assert cleaned(["html", "whitespace"], text=gap) == {"text": ["a b"]}
    assert cleaned(["whitespace", "html"], text=gap) == {"text": [" a  b "]}


def kept(steps: list[str], *texts: str) -> list[int]:
    digests = clean(Rows.of({"text": texts}), steps, ["text"]).digests
    assert digests is not None
    return first_of_each(digests).tolist()


def test_duplicates_are_those_that_the_steps_before_made_equal() -> None:
    texts = ("One", "two", "one", "two", "three")
    assert kept(["dedupe", "lowercase"], *texts) == [0, 1, 2, 4]
    assert kept(["lowercase", "dedupe"], *texts) == [0, 1, 4]


def test_a_duplicate_is_equal_in_every_text_and_not_by_joining() -> None:
    rows = Rows.of({"source": ["a", "a", "ab", "a"], "target": ["b", "c", "", "b"], "label": ["x", "x", "x", "y"]})
    digests = clean(rows, ["dedupe"], ["source", "target"]).digests
    assert digests is not None
    assert first_of_each(digests).tolist() == [0, 1, 2]


def test_rows_that_are_left_empty_are_said() -> None:
    rows = Rows.of({"text": ["the", "the cat", "<p></p>", " "], "label": ["x"] * 4})
    assert clean(rows, ["stop-words", "html"], ["text"]).empty.tolist() == [True, False, True, True]
    answered = Rows.of({"context": ["a b", "of the"], "answer": ["", ""]})
    assert clean(answered, ["stop-words"], ["context", "answer"]).empty.tolist() == [False, True]


def test_a_word_that_is_left_empty_takes_its_label_with_it() -> None:
    rows = Rows.of(
        {"text": [["The", "Cat"], ["<br>", "x"], ["the", "of"]], "label": [["D", "N"], ["T", "X"], ["D", "P"]]}
    )
    found = clean(rows, ["lowercase", "stop-words", "html", "whitespace"], ["text"], "label")
    assert list(found.rows.columns["text"]) == [["cat"], ["x"], []]
    assert list(found.rows.columns["label"]) == [["N"], ["X"], []]
    assert found.empty.tolist() == [False, False, True]
    assert np.array_equal(found.rows.numbers, rows.numbers)
