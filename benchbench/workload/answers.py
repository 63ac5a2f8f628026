"""Answers that stand in a text: where they stand, and how well one was found (Rajpurkar et al. 2016)."""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Sequence

from benchbench.errors import ScenarioError
from benchbench.workload.rows import Rows

Place = tuple[int, int]  # the first character, and the one behind the last

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_SHOWN = 60


def places(rows: Rows) -> list[Place | None]:
    """Where the `answer` of each row stands in its `context`, spaces at its ends left out; None for an empty answer.

    It is where it first occurs, or where the role `answer_start`, if the rows have it, says: characters from 0.

    Raises:
        ScenarioError: an answer is not in its context, or not where it is said to be.
    """
    starts = rows.texts("answer_start") if "answer_start" in rows.columns else [None] * len(rows)
    pairs = zip(rows.texts("answer"), rows.texts("context"), starts, strict=True)
    return [_place(*pair, row=int(rows.numbers[number]) + 1) for number, pair in enumerate(pairs)]


def _place(answer: str, context: str, start: str | None, row: int) -> Place | None:
    text = answer.strip()
    if not text:
        return None
    indent = len(answer) - len(answer.lstrip())
    begin = context.find(text) if start is None else _number(start, row) + indent
    if begin < 0 or not context.startswith(text, begin):
        where = "in its context" if start is None else f"at character {start} of its context, where it should be"
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        raise ScenarioError(
            f"the answer of row {row}, {shown!r}, is not {where}; an answer is a part of the context, letter by letter",
            key="data.answer_column" if start is None else "data.answer_start_column",
        )
    return begin, begin + len(text)


def _number(text: str, row: int) -> int:
    if not text.isdecimal():
        raise ScenarioError(
            f"the answer_start of row {row} is {text!r}; expected how many characters of the context come before",
            key="data.answer_start_column",
        )
    return int(text)


def words(text: str) -> list[str]:
    """The words of an answer as SQuAD's evaluation compares them: in lower case, without punctuation and articles."""
    return _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


def exact_match(true: Sequence[str], found: Sequence[str]) -> float:
    """The share of answers with the same words in the same order; `nan` without any."""
    return _mean([float(words(one) == words(other)) for one, other in zip(true, found, strict=True)])


def f1(true: Sequence[str], found: Sequence[str]) -> float:
    """The mean F1 of the words that two answers share; an answer without words matches only its like.

    `nan` without any.
    """
    pairs = zip(true, found, strict=True)
    return _mean([_f1(Counter(words(one)), Counter(words(other))) for one, other in pairs])


def _f1(true: Counter[str], found: Counter[str]) -> float:
    if not true or not found:
        return float(true == found)
    return 2 * (true & found).total() / (true.total() + found.total())


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
